//! Connections that cannot be accepted, for lack of descriptors above all.

use std::fs::File;
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use crate::listener::listener::{Listener, Opening};
use crate::transport::stream::Stream;

/// Turns connections away when there are no descriptors for them: left in the kernel's queue, their clients would wait
/// until they give up, and not try elsewhere.
pub(crate) struct Overload {
    /// Held so that there is one to give up: who is to be turned away has to be accepted first.
    spare: Option<File>,
    /// Since the last line about it.
    turned_away: u64,
    told: Option<Instant>,
}

impl Overload {
    pub(crate) fn new() -> Self {
        Self { spare: spare(), turned_away: 0, told: None }
    }

    /// Accepting has failed. Turns one connection away, or waits a moment.
    pub(crate) async fn handle(&mut self, listener: &Listener, error: &io::Error) {
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
        if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
            return; // The client's affair.
        }
        let turned_away = is_out_of_descriptors(error) && self.turn_away(listener).await;
        self.turned_away += u64::from(turned_away);
        let now = Instant::now();
        if self.told.is_none_or(|told| now.duration_since(told) >= TOLD_EVERY) {
            tracing::error!(%error, turned_away = self.turned_away, "cannot accept connections");
            (self.turned_away, self.told) = (0, Some(now));
        }
        if !turned_away {
            // Accepting again at once would spin.
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Whether there was a connection to turn away.
    async fn turn_away(&mut self, listener: &Listener) -> bool {
        self.spare = None;
        let accepted = poll_fn(|cx| Poll::Ready(listener.socket.poll_accept(cx))).await;
        let is_accepted = match accepted {
            Poll::Ready(Ok((stream, _))) => {
                // To TLS it would be noise.
                if listener.opening.as_deref().is_none_or(Opening::is_plain) {
                    answer(stream);
                }
                true
            }
            _ => false,
        };
        self.spare = spare();
        is_accepted
    }
}

/// Says 503, as far as that goes without waiting, and closes.
fn answer(stream: Stream) {
    match stream {
        Stream::Tcp(stream) => stream.into_std().map_or((), say_no),
        #[cfg(unix)]
        Stream::Unix(stream) => stream.into_std().map_or((), say_no),
        Stream::Other(_) => {}
    }
}

fn say_no(mut stream: impl Read + Write) {
    // What has come and is not read would make the kernel reset the connection, and the client lose the answer.
    let _ = stream.read(&mut [0; 4096]);
    let _ = stream.write(ANSWER);
}

fn spare() -> Option<File> {
    File::open("/dev/null").ok()
}

fn is_out_of_descriptors(error: &io::Error) -> bool {
    // They have no kind of their own; the numbers are the same on Linux, macOS and the BSDs.
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    matches!(error.raw_os_error(), Some(ENFILE | EMFILE))
}

const ANSWER: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
/// How often the log says so.
const TOLD_EVERY: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);
