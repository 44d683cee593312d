//! How a session ends: who is told, and in what order.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::time::Instant;

use bytes::{BufMut, Bytes, BytesMut};
use engineio_proto::{CloseReason, Transport};

use super::Driver;
use crate::application::Connection;
use crate::farewell::farewell;
use crate::link::PollAnswer;

impl Driver {
    /// Tells the application, once, and writes the log line of the session's end.
    pub(super) fn tell_end(&mut self, now: Instant) {
        let Some(reason) = self.session.close_reason() else {
            return;
        };
        let Some(connection) = self.connection.take() else {
            return;
        };
        self.link.seal();
        self.posting = None;
        end(connection, reason);
        if !self.session.is_probing() {
            self.drop_candidate();
        }
        tracing::info!(
            address = self.address.map(tracing::field::display),
            transport = self.transport().name(),
            reason = %reason,
            cause = reason.label(),
            seconds = now.duration_since(self.opened).as_secs_f32(),
            messages_received = self.received,
            bytes_sent = self.link.sent(),
            "session closed"
        );
    }

    fn transport(&self) -> Transport {
        if self.websocket.is_some() { Transport::WebSocket } else { Transport::Polling }
    }

    /// Leaves everything, and gives back what is still to be done for the connection.
    pub(super) fn say_goodbye(mut self: Box<Self>) -> Option<Pin<Box<impl Future<Output = ()> + use<>>>> {
        let reason = self.session.close_reason().unwrap_or(CloseReason::TransportError);
        self.shared.registry.remove(&self.sid);
        self.take_poll();
        let (mut outbox, half) = self.link.shut();
        if !reason.flushes() {
            outbox.abandon();
        }
        if let Some(poll) = self.poll.take() {
            let payload = match reason {
                CloseReason::TransportClose => Bytes::from_static(b"6"),
                _ => closing_payload(outbox.take_payload()),
            };
            let _ = poll.send(PollAnswer::Payload(payload));
        }
        if let Some(post) = self.post.take() {
            let _ = post.send(());
        }
        self.drop_candidate();
        let mut websocket = self.websocket.take()?;
        if let Some(half) = half {
            websocket.put_write_half(half);
        }
        Some(Box::pin(farewell(*websocket, outbox, reason, self.close_code)))
    }
}

/// Whatever ends the task, a panic in the layer above included, leaves no trace of the session.
impl Drop for Driver {
    fn drop(&mut self) {
        self.shared.registry.remove(&self.sid);
        self.link.shut();
        if let Some(connection) = self.connection.take() {
            end(connection, CloseReason::TransportError);
        }
    }
}

/// Tells the application the end, whatever it does then. If that is because it has panicked, a lock that it left
/// poisoned may well make it panic again: out of a destructor, this would abort the process.
fn end(mut connection: Box<dyn Connection>, reason: CloseReason) {
    let ended = catch_unwind(AssertUnwindSafe(|| {
        connection.handle_close(reason);
        drop(connection);
    }));
    if ended.is_err() {
        tracing::error!("the application panicked at the end of a session");
    }
}

/// What waits, and a close packet behind it.
pub(super) fn closing_payload(waiting: Option<Bytes>) -> Bytes {
    let Some(waiting) = waiting else {
        return Bytes::from_static(b"1");
    };
    let mut payload = BytesMut::with_capacity(waiting.len() + 2);
    payload.put_slice(&waiting);
    payload.put_slice(b"\x1e1");
    payload.freeze()
}
