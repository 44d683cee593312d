//! How a session ends: who is told, and in what order.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::time::Instant;

use engineio_proto::{Answer, CloseReason, Recipient, Transport};

use super::{Driver, Post, Who};
use crate::application::Connection;
use crate::session::link::{PollAnswer, PollSender, Rest, SessionRequest};
use crate::transport::farewell::{farewell, hang_up};

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
        end(connection, reason, self.who);
        if !self.session.is_probing() {
            self.drop_candidate();
        }
        self.log_end(reason, now);
    }

    fn log_end(&self, reason: CloseReason, now: Instant) {
        tracing::info!(
            connection = self.who.connection,
            address = self.who.address.map(tracing::field::display),
            transport = self.transport().name(),
            reason = reason.label(),
            cause = reason.cause(),
            duration_ms = u64::try_from(now.duration_since(self.opened).as_millis()).unwrap_or(u64::MAX),
            messages_received = self.received,
            bytes_sent = self.link.backlog().sent,
            "session closed"
        );
    }

    fn transport(&self) -> Transport {
        if self.websocket.is_some() { Transport::WebSocket } else { Transport::Polling }
    }

    /// Leaves everything, and gives back what is still to be done for the connection.
    pub(super) fn say_goodbye(mut self: Box<Self>) -> Option<Pin<Box<impl Future<Output = ()> + use<>>>> {
        let reason = self.session.close_reason().unwrap_or(CloseReason::TransportError);
        match reason {
            CloseReason::SlowConsumer => self.link.give_up(),
            reason if reason.flushes() => {}
            _ => self.link.abandon(),
        }
        let last_answer = self.link.take_answer_if_polled();
        // Behind the last that it sends.
        self.shared.registry.remove(&self.sid, reason);
        let Rest { outbox, half, poll, requests } = self.link.shut();
        if let Some(poll) = poll {
            self.say_goodbye_to(poll, last_answer, reason);
        }
        if let Some(Post { answer, .. }) = self.post.take() {
            let _ = answer.send(());
        }
        self.turn_away(requests);
        self.drop_candidate();
        let mut websocket = self.websocket.take()?;
        if let Some(half) = half {
            websocket.put_write_half(half);
        }
        let closing = self.shared.closing.subscribe();
        let farewell = farewell(*websocket, outbox, reason, self.close_code, closing);
        // Begun before this one's own ends: the engine is not drained in between.
        let running = self.shared.tasks.begin();
        Some(Box::pin(async move {
            farewell.await;
            drop(running);
        }))
    }

    fn say_goodbye_to(&self, poll: PollSender, waiting: Option<Answer>, reason: CloseReason) {
        let close = &self.shared.close;
        let answer = match (reason, waiting) {
            (reason, None) if reason.is_silent() => return hang_up_poll(poll),
            (reason, Some(waiting)) if reason.is_silent() => waiting,
            (CloseReason::TransportClose, _) => Answer::of(self.shared.noop.clone()),
            (_, None) => Answer::of(close.clone()),
            (_, Some(mut waiting)) => {
                waiting.push(close.clone());
                waiting
            }
        };
        let _ = poll.send(PollAnswer::Payload(answer));
    }

    /// A WebSocket that came too late is told so. Whoever else waits for an answer hears that there is no such session.
    fn turn_away(&self, requests: VecDeque<SessionRequest>) {
        for request in requests {
            if let SessionRequest::Candidate(websocket) = request {
                hang_up(*websocket, &self.shared, self.session.close_reason());
            }
        }
    }
}

/// When the server goes, or wants its client to come back, a poll is not answered: to some clients a close packet is an orderly end, after which they do not
/// come back. A connection that just ends is a loss to all of them.
pub(super) fn hang_up_poll(poll: PollSender) {
    let _ = poll.send(PollAnswer::HangUp);
}

/// Whatever ends the task, a panic in the layer above included, leaves no trace of the session.
impl Drop for Driver {
    fn drop(&mut self) {
        // Else it is the runtime that goes. Neither is the client's doing.
        let reason = if std::thread::panicking() { CloseReason::Internal } else { CloseReason::Shutdown };
        self.shared.registry.remove(&self.sid, self.session.close_reason().unwrap_or(reason));
        let Rest { requests, .. } = self.link.shut();
        self.turn_away(requests);
        let Some(connection) = self.connection.take() else {
            return;
        };
        if reason == CloseReason::Internal {
            tracing::error!(
                connection = self.who.connection,
                "the application panicked: the session it was about is closed"
            );
        }
        end(connection, reason, self.who);
        self.log_end(reason, self.now);
    }
}

/// Tells the application the end, whatever it does then. If that is because it has panicked, a lock that it left
/// poisoned may well make it panic again: out of a destructor, this would abort the process.
fn end(mut connection: Box<dyn Connection>, reason: CloseReason, Who { connection: number, .. }: Who) {
    let ended = catch_unwind(AssertUnwindSafe(|| {
        connection.handle_close(reason);
        drop(connection);
    }));
    if ended.is_err() {
        tracing::error!(connection = number, "the application panicked at the end of a session");
    }
}
