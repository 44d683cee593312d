//! What the task waits for, in the order in which it looks.

use std::task::{Context, Poll, ready};
use std::time::Instant;

use engineio_proto::{Backlog, DecodeError, Packet, grace};

use super::{Driver, Post, Stall, Wake};
use crate::session::clock;
use crate::session::link::{Errand, Link, Look};
use crate::transport::websocket::WebSocket;

impl Driver {
    pub(super) fn poll_sources(&mut self, cx: &mut Context<'_>) -> Poll<Wake> {
        let now = self.now;
        // One look under the link's lock a turn. Whoever makes errand after errand does not put off what is due.
        let is_due = self.deadline().is_some_and(|deadline| deadline <= now);
        let Look { backlog, is_poll_gone, is_blocked, errand } = self.link.look(cx, !is_due);
        self.watch(backlog, now);
        match errand {
            Some(Errand::Close(reason)) => return Poll::Ready(Wake::Close(reason)),
            Some(Errand::Request(request)) => return Poll::Ready(Wake::Request(request)),
            None => {}
        }
        if is_due {
            if self.poll_timer(cx).is_ready() {
                return Poll::Ready(Wake::TimedOut);
            }
            // It was put off: then what others want is not.
            cx.waker().wake_by_ref();
        }
        if let Some(connection) = &mut self.connection
            && let Poll::Ready(outcome) = connection.poll_work(cx, now)
        {
            return Poll::Ready(Wake::Work(outcome));
        }
        // Behind that work, which may have made something due earlier.
        if self.poll_timer(cx).is_ready() {
            return Poll::Ready(Wake::TimedOut);
        }
        if let Poll::Ready(wake) = self.poll_write(cx, backlog, is_blocked) {
            return Poll::Ready(wake);
        }
        if is_poll_gone {
            return Poll::Ready(Wake::PollGone);
        }
        self.poll_read(cx, now)
    }

    /// Notices since when nothing has left the outbox.
    fn watch(&mut self, backlog: Backlog, now: Instant) {
        self.stall = match self.stall {
            _ if backlog.bytes == 0 => None,
            Some(stall) if stall.sent == backlog.sent => Some(stall),
            _ => Some(Stall { sent: backlog.sent, since: now }),
        };
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let Some(deadline) = self.deadline() else {
                return Poll::Pending;
            };
            ready!(self.timer.poll(deadline, self.now, cx));
            // What is due now need not have been due when this run of turns began.
            self.now = clock::now();
            let grace = grace(deadline, self.now);
            if self.grace.is_some() || grace.is_zero() {
                return Poll::Ready(());
            }
            // We were suspended, or starved. What came in time is still to be read, here or by whoever reads posts, and
            // what could not be written may be taken now: nobody is dead because we were late.
            self.grace = Some(self.now + grace);
        }
    }

    /// When the task is to look at what is due. Pings go out in common ticks, a little late; ends come in time, and the
    /// layer above is served to the millisecond.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let connection = self.connection.as_ref().and_then(|connection| connection.poll_timeout());
        let session = match self.session.next_ping() {
            Some(due) if due > self.now => Some(self.shared.ticks.not_before(due, self.tick)),
            _ => self.session.poll_timeout(),
        };
        let due = [session, self.stall_deadline(), connection].into_iter().flatten().min();
        due.map(|due| self.grace.map_or(due, |grace| due.max(grace)))
    }

    pub(super) fn stall_deadline(&self) -> Option<Instant> {
        // A session that is already ending has its own end.
        let stall = self.stall.filter(|_| self.connection.is_some())?;
        Some(clock::after(stall.since, self.shared.stall_max.get()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, backlog: Backlog, is_blocked: bool) -> Poll<Wake> {
        if let Some(candidate) = &mut self.candidate
            && let Poll::Ready(Err(_)) = candidate.poll_write_replies(cx)
        {
            return Poll::Ready(Wake::CandidateFailed);
        }
        let failed = match &mut self.websocket {
            None => false,
            Some(websocket) if websocket.is_indirect() => write_indirectly(&self.link, websocket, cx, backlog),
            Some(_) => is_blocked && matches!(self.link.poll_unblock(cx), Poll::Ready(Err(_))),
        };
        if failed { Poll::Ready(Wake::WriteFailed) } else { Poll::Pending }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Wake> {
        // Not before it has taken what it was answered: whoever only writes would make the answers pile up.
        if let Some(candidate) = &mut self.candidate
            && !candidate.has_replies()
            && let Poll::Ready(frame) = candidate.poll_frame(cx)
        {
            return Poll::Ready(Wake::CandidateFrame(frame));
        }
        ready!(self.poll_readiness(cx, now));
        if let Some(packet) = self.next_posted() {
            return Poll::Ready(Wake::Packet(packet));
        }
        let Some(websocket) = &mut self.websocket else {
            return Poll::Pending;
        };
        let frame = ready!(websocket.poll_frame(cx));
        self.link.meter().receive(websocket.take_received());
        Poll::Ready(Wake::Frame(frame))
    }

    /// The next packet of the post that is being handled; behind the last one it is answered.
    fn next_posted(&mut self) -> Option<Result<Packet, DecodeError>> {
        let packet = self.post.as_mut()?.packets.next();
        if packet.is_none()
            && let Some(Post { answer, .. }) = self.post.take()
        {
            self.session.handle_post_end(false);
            // It may be gone; its packets are handled all the same.
            let _ = answer.send(());
        }
        packet
    }

    /// Whether the layer above takes more; holds the client back otherwise.
    fn poll_readiness(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        let readiness = self.connection.as_mut().map_or(Poll::Ready(()), |connection| connection.poll_ready(cx));
        if readiness.is_pending() {
            self.is_holding_back = true;
            return Poll::Pending;
        }
        if std::mem::take(&mut self.is_holding_back) {
            self.session.excuse_silence(now);
        }
        Poll::Ready(())
    }
}

/// Writes from the outbox to a stream that only its owner can write to. Says whether that failed.
///
/// What is queued after the task looked wakes it: when nothing waited then, there is no need to look again.
fn write_indirectly(link: &Link, websocket: &mut WebSocket, cx: &mut Context<'_>, backlog: Backlog) -> bool {
    let written = match backlog.bytes {
        0 => Poll::Ready(Ok(())),
        _ => link.write_with(|slices| websocket.poll_write(cx, slices)),
    };
    match written {
        Poll::Ready(Ok(())) | Poll::Pending => matches!(websocket.poll_flush(cx), Poll::Ready(Err(_))),
        Poll::Ready(Err(_)) => true,
    }
}
