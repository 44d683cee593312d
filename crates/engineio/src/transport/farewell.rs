//! The last bytes on a WebSocket.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use engineio_proto::{CloseReason, Outbox};
use tokio::sync::watch;

use crate::shared::Shared;
use crate::transport::websocket::{WebSocket, close_frame};

/// Sends what is left and a close frame, and waits a little until the peer has seen it.
///
/// A socket that is closed while unread bytes wait in it is reset, and the peer may never read our close frame.
/// So it is read on, into nothing, until the peer closes too.
///
/// When the server goes, or wants its client to come back, there is no close frame: to some clients it is an orderly end, from which they do not come back,
/// or they wait for more. A connection that just ends is a loss to all of them.
pub(crate) async fn farewell(
    mut websocket: WebSocket,
    mut outbox: Outbox,
    reason: CloseReason,
    code: Option<u16>,
    closing: watch::Receiver<bool>,
) {
    if reason == CloseReason::SlowConsumer {
        return websocket.cut_off();
    }
    if let Some(replies) = websocket.take_replies() {
        // tungstenite's own close frame, in answer to the peer's.
        let _ = outbox.push(replies, usize::MAX);
    } else if !reason.is_silent() {
        let _ = outbox.push(close_frame(code), usize::MAX);
    }
    let last_words = async {
        poll_fn(|cx| poll_write_out(&mut websocket, &mut outbox, cx)).await?;
        poll_fn(|cx| websocket.poll_shutdown(cx)).await?;
        poll_fn(|cx| websocket.poll_discard(cx)).await
    };
    // Whatever fails here, the connection is gone, which is what we want.
    tokio::select! {
        _ = tokio::time::timeout(LINGER_MAX, last_words) => {}
        () = hurried(closing) => {}
    }
    if !outbox.is_empty() {
        // The peer does not read.
        websocket.cut_off();
    }
}

/// Closes a WebSocket that is not wanted, on the side. The engine is not drained before it is closed.
pub(crate) fn hang_up(websocket: WebSocket, shared: &Shared) {
    let running = shared.tasks.begin();
    let closing = shared.closing.subscribe();
    let reason = if *closing.borrow() { CloseReason::Shutdown } else { CloseReason::TransportClose };
    tokio::spawn(async move {
        farewell(websocket, Outbox::default(), reason, None, closing).await;
        drop(running);
    });
}

/// Ready a moment after the server began to go.
async fn hurried(mut closing: watch::Receiver<bool>) {
    // An error: there is no server any more.
    let _ = closing.wait_for(|closing| *closing).await;
    tokio::time::sleep(HURRIED_MAX).await;
}

fn poll_write_out(websocket: &mut WebSocket, outbox: &mut Outbox, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    while !outbox.is_empty() {
        let mut slices = [IoSlice::new(&[]); 16];
        let filled = outbox.slices(&mut slices);
        let written = ready!(websocket.poll_write(cx, &slices[..filled]))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        outbox.advance(written);
    }
    websocket.poll_flush(cx)
}

/// A peer that is there agrees within a round trip. One that is not would keep its descriptor for as long as this.
const LINGER_MAX: Duration = Duration::from_secs(5);
/// The same when the server goes: a round trip, but nobody holds up the end.
pub(crate) const HURRIED_MAX: Duration = Duration::from_millis(500);
