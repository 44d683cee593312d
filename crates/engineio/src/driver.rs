//! The task that owns one session.

mod goodbye;

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use engineio_proto::{
    CloseReason, Delivery, Due, Encoded, Message, Packet, Payload, PollVerdict, PostVerdict, ProbeVerdict, Recipient,
    Session, Sid, Transport,
};
use tokio::sync::oneshot;

use self::goodbye::closing_payload;
use crate::application::Connection;
use crate::clock::{self, Timer};
use crate::engine::Shared;
use crate::farewell::hang_up;
use crate::link::{Backlog, Held, Link, PollAnswer, PollSender, PostAnswer, Request, Task};
use crate::tasks::Running;
use crate::websocket::{Frame, WebSocket};

/// One session, from its handshake to its end, with everything that belongs to it.
///
/// It waits at one place ([`Driver::poll_wake`]) for one of [`Wake`]. Nothing in the arms awaits, so no peer can
/// keep the timer, a shutdown or another direction from being seen.
pub(crate) struct Driver {
    shared: Arc<Shared>,
    sid: Sid,
    address: Option<SocketAddr>,
    link: Arc<Link>,
    session: Session,
    /// Gone once it was told the end.
    connection: Option<Box<dyn Connection>>,
    /// The waiting poll, while it is in our hands. While we sleep the link has it, where whoever sends answers it
    /// without waking us: we see that it is gone when we take it back.
    poll: Option<PollSender>,
    /// A post whose body is being read: given up when this is dropped.
    posting: Option<oneshot::Sender<Infallible>>,
    /// A post whose packets are handled, and whose answer waits until more may come.
    post: Option<oneshot::Sender<()>>,
    websocket: Option<Box<WebSocket>>,
    candidate: Option<Box<WebSocket>>,
    close_code: Option<u16>,
    timer: Timer,
    stall: Option<Stall>,
    is_holding_back: bool,
    turns: u32,
    /// The time when this run of turns began: a look at the clock for each would be a tenth of a short turn's work.
    now: Instant,
    opened: Instant,
    received: u64,
}

/// Bytes wait, and none have left since.
#[derive(Debug, Clone, Copy)]
struct Stall {
    sent: u64,
    since: Instant,
}

/// What the task can wake up for.
enum Wake {
    TimedOut,
    Close(CloseReason),
    Request(Request),
    Work(Result<(), CloseReason>),
    WriteFailed,
    PollGone,
    Frame(Frame),
    CandidateFrame(Frame),
    CandidateFailed,
}

/// How a session starts.
pub(crate) enum Start {
    Poll(PollSender),
    WebSocket(Box<WebSocket>),
}

impl Driver {
    /// `open` is the open packet; whatever the connection already queued comes behind it.
    pub(crate) fn new(
        shared: Arc<Shared>,
        sid: Sid,
        address: Option<SocketAddr>,
        link: Arc<Link>,
        connection: Box<dyn Connection>,
        start: Start,
    ) -> Self {
        let now = clock::now();
        let transport = match start {
            Start::Poll(_) => Transport::Polling,
            Start::WebSocket(_) => Transport::WebSocket,
        };
        let config = shared.config.session.clone();
        let jitter = shared.jitter();
        let mut driver = Self {
            timer: Timer::new(shared.ticks.not_before(now + config.ping_interval + jitter)),
            session: Session::new(config, transport, now, jitter),
            shared,
            sid,
            address,
            link,
            connection: Some(connection),
            poll: None,
            posting: None,
            post: None,
            websocket: None,
            candidate: None,
            close_code: None,
            stall: None,
            is_holding_back: false,
            turns: 0,
            now,
            opened: now,
            received: 0,
        };
        match start {
            Start::Poll(answer) => driver.on_poll(answer, now),
            Start::WebSocket(websocket) => driver.adopt(websocket),
        }
        driver
    }

    /// The task itself. Both the session and its goodbye are behind a pointer: a task is as large as the largest of
    /// its states, for as long as it lives.
    pub(crate) async fn run(mut self: Box<Self>, running: Running) {
        loop {
            self.give_poll();
            self.tell_end(self.now);
            if self.session.is_closed() {
                break;
            }
            let wake = poll_fn(|cx| self.poll_wake(cx)).await;
            self.on_wake(wake, self.now);
        }
        if let Some(farewell) = self.say_goodbye() {
            farewell.await;
        }
        drop(running);
    }

    /// The one place where the task waits.
    fn poll_wake(&mut self, cx: &mut Context<'_>) -> Poll<Wake> {
        if self.turns == 0 {
            self.now = clock::now();
        }
        self.turns += 1;
        if self.turns > TURNS_MAX {
            // A peer that keeps us busy shares the thread with the others.
            self.turns = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let wake = self.poll_sources(cx);
        if wake.is_pending() {
            self.turns = 0;
        }
        wake
    }

    fn poll_sources(&mut self, cx: &mut Context<'_>) -> Poll<Wake> {
        let now = self.now;
        let backlog = self.link.watch(cx);
        self.watch(backlog, now);
        if self.poll_timer(cx).is_ready() {
            return Poll::Ready(Wake::TimedOut);
        }
        match self.link.next_task() {
            Some(Task::Close(reason)) => return Poll::Ready(Wake::Close(reason)),
            Some(Task::Request(request)) => return Poll::Ready(Wake::Request(request)),
            None => {}
        }
        if let Some(connection) = &mut self.connection
            && let Poll::Ready(outcome) = connection.poll_work(cx, now)
        {
            return Poll::Ready(Wake::Work(outcome));
        }
        if let Poll::Ready(wake) = self.poll_write(cx) {
            return Poll::Ready(wake);
        }
        if backlog.is_poll_gone {
            return Poll::Ready(Wake::PollGone);
        }
        self.poll_read(cx, now)
    }

    /// Notices since when nothing has left the outbox.
    fn watch(&mut self, backlog: Backlog, now: Instant) {
        self.stall = match self.stall {
            _ if backlog.is_empty => None,
            Some(stall) if stall.sent == backlog.sent => Some(stall),
            _ => Some(Stall { sent: backlog.sent, since: now }),
        };
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline() else {
            return Poll::Pending;
        };
        ready!(self.timer.poll(deadline, self.now, cx));
        // What is due now need not have been due when this run of turns began.
        self.now = clock::now();
        Poll::Ready(())
    }

    /// When the task is to look at what is due. The layer above is served to the millisecond.
    fn deadline(&self) -> Option<Instant> {
        let connection = self.connection.as_ref().and_then(|connection| connection.poll_timeout());
        let own = [self.session.poll_timeout(), self.stall_deadline()].into_iter().flatten().min();
        let own = own.map(|due| if due <= self.now { due } else { self.shared.ticks.not_before(due) });
        [own, connection].into_iter().flatten().min()
    }

    fn stall_deadline(&self) -> Option<Instant> {
        // A session that is already ending has its own end.
        let stall = self.stall.filter(|_| self.connection.is_some())?;
        Some(stall.since + self.shared.config.outbox_stall_max)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Wake> {
        if let Some(candidate) = &mut self.candidate
            && let Poll::Ready(Err(_)) = candidate.poll_write_replies(cx)
        {
            return Poll::Ready(Wake::CandidateFailed);
        }
        let failed = match &mut self.websocket {
            None => false,
            Some(websocket) if websocket.is_indirect() => write_indirectly(&self.link, websocket, cx),
            Some(_) => matches!(self.link.poll_unblock(cx), Poll::Ready(Err(_))),
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
        let Some(websocket) = &mut self.websocket else {
            return Poll::Pending;
        };
        websocket.poll_frame(cx).map(Wake::Frame)
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
        if let Some(post) = self.post.take() {
            // Until here the next one would have been an overlap: by posting on and on, over several connections, a
            // client could not be held back. It may be gone; its packets are handled all the same.
            self.session.handle_post_end(false);
            let _ = post.send(());
        }
        Poll::Ready(())
    }

    fn on_wake(&mut self, wake: Wake, now: Instant) {
        match wake {
            Wake::TimedOut => self.on_timeout(now),
            Wake::Close(reason) | Wake::Work(Err(reason)) => self.close(reason, now),
            Wake::Work(Ok(())) => {}
            Wake::Request(request) => self.on_request(request, now),
            Wake::WriteFailed => self.session.handle_websocket_gone(CloseReason::TransportError),
            Wake::PollGone => self.session.handle_poll_gone(),
            Wake::Frame(frame) => self.on_frame(frame, now),
            Wake::CandidateFrame(frame) => self.on_candidate_frame(frame, now),
            Wake::CandidateFailed => {
                self.candidate = None;
                self.session.handle_candidate_gone();
            }
        }
    }

    fn on_timeout(&mut self, now: Instant) {
        self.take_poll();
        if self.is_holding_back {
            self.session.excuse_silence(now);
        }
        while let Some(due) = self.session.handle_timeout(now) {
            match due {
                Due::Ping => {
                    self.send(&self.shared.ping);
                    if let Some(websocket) = &mut self.websocket {
                        websocket.shrink();
                    }
                }
                Due::Noop => self.answer_poll(Bytes::from_static(b"6")),
                Due::DropCandidate => self.drop_candidate(),
                Due::Closed => return,
            }
        }
        if self.stall_deadline().is_some_and(|deadline| deadline <= now) {
            self.close(CloseReason::SlowConsumer, now);
        }
        if let Some(connection) = &mut self.connection
            && let Err(reason) = connection.handle_timeout(now)
        {
            self.close(reason, now);
        }
    }

    /// Whether a poll waits is part of what is to be done then, and must not change under us.
    fn close(&mut self, reason: CloseReason, now: Instant) {
        self.take_poll();
        self.session.close(reason, now);
    }

    /// Takes the poll back from the link, and tells the session if it was answered there.
    fn take_poll(&mut self) {
        if !self.session.is_polled() || self.poll.is_some() {
            return;
        }
        match self.link.take_poll() {
            Held::Waits(poll) => self.poll = Some(poll),
            Held::Answered => self.session.handle_poll_answered(),
            Held::Gone => self.session.handle_poll_gone(),
        }
    }

    /// Lets whoever sends answer the poll, while we sleep.
    fn give_poll(&mut self) {
        if self.session.close_reason().is_some() {
            return;
        }
        while let Some(poll) = self.poll.take() {
            let Err((poll, waiting)) = self.link.hold_poll(poll) else {
                return;
            };
            self.poll = Some(poll);
            if let Some(payload) = waiting.into_payload() {
                self.answer_poll(payload);
            }
        }
    }

    fn on_request(&mut self, request: Request, now: Instant) {
        // What the packets of a post are answered goes into one answer; and if it ends the session, the poll is told.
        self.take_poll();
        match request {
            Request::Poll(answer) => self.on_poll(answer, now),
            Request::Post(answer) => self.on_post(answer),
            Request::PostBody(body, answer) => {
                for packet in Payload::new(body) {
                    self.on_packet(packet, now);
                }
                self.post = Some(answer);
            }
            Request::PostRefused => self.session.handle_post_end(false),
            Request::PostAborted => self.session.handle_post_end(true),
            Request::Candidate(websocket) => {
                if self.session.handle_candidate(now) {
                    self.candidate = Some(websocket);
                } else {
                    hang_up(*websocket, &self.shared.tasks);
                }
            }
        }
    }

    fn on_post(&mut self, answer: oneshot::Sender<PostAnswer>) {
        let (posting, ended) = oneshot::channel();
        let verdict = self.session.handle_post();
        let answered = answer.send(match verdict {
            PostVerdict::Read => PostAnswer::ReadBody { ended },
            PostVerdict::Overlap | PostVerdict::Refuse => PostAnswer::Refused,
        });
        match (verdict, answered) {
            (PostVerdict::Read, Ok(())) => self.posting = Some(posting),
            (PostVerdict::Read, Err(_)) => self.session.handle_post_end(true),
            (PostVerdict::Overlap | PostVerdict::Refuse, _) => {}
        }
    }

    fn on_poll(&mut self, answer: PollSender, now: Instant) {
        // A client that did not wait for an answer has lost nothing; what this poll says shows when it is used.
        match self.session.handle_poll(now) {
            PollVerdict::Hold => self.poll = Some(answer),
            PollVerdict::Close => {
                // As the reference has it: what the poll would get, which is at least a noop, and the close packet.
                let waiting = self.link.take_payload().unwrap_or(Bytes::from_static(b"6"));
                let _ = answer.send(PollAnswer::Payload(closing_payload(Some(waiting))));
            }
            // The waiting poll is answered when the session says goodbye.
            PollVerdict::Overlap | PollVerdict::Refuse => {
                let _ = answer.send(PollAnswer::Refused);
            }
        }
    }

    fn answer_poll(&mut self, payload: Bytes) {
        let Some(poll) = self.poll.take() else {
            return;
        };
        match poll.send(PollAnswer::Payload(payload)) {
            Ok(()) => self.session.handle_poll_answered(),
            Err(_) => self.session.handle_poll_gone(),
        }
    }

    fn on_frame(&mut self, frame: Frame, now: Instant) {
        match frame {
            Frame::Text(text) => self.on_packet(Packet::decode_utf8(&text), now),
            Frame::Binary(data) => self.on_packet(Ok(Packet::Message(Message::Binary(data))), now),
            Frame::Control => {}
            Frame::End { reason, code } => {
                self.close_code = code;
                // Its replies, the answer to a close, go out behind everything else.
                return self.session.handle_websocket_gone(reason);
            }
        }
        if let Some(websocket) = &mut self.websocket
            && let Some(replies) = websocket.take_replies()
        {
            self.send(&replies);
        }
    }

    fn on_packet(&mut self, packet: Result<Packet, engineio_proto::DecodeError>, now: Instant) {
        let is_pong = matches!(packet, Ok(Packet::Pong(_)));
        let Some(message) = self.session.handle_packet(packet, now) else {
            if is_pong && let Some(deadline) = self.deadline() {
                // Where pongs may take less time than pings rest, the timer would wake the task once in between.
                self.timer.set(deadline);
            }
            return;
        };
        self.received += 1;
        if let Some(connection) = &mut self.connection
            && let Err(reason) = connection.handle_message(message, now)
        {
            self.close(reason, now);
            // The rest of a payload is not for a connection that asked to be closed.
            self.tell_end(now);
        }
    }

    fn on_candidate_frame(&mut self, frame: Frame, now: Instant) {
        let packet = match frame {
            Frame::Text(text) => Packet::decode_utf8(&text),
            Frame::Binary(data) => Ok(Packet::Message(Message::Binary(data))),
            Frame::Control => return,
            Frame::End { .. } => {
                self.session.handle_candidate_gone();
                return self.drop_candidate();
            }
        };
        self.take_poll();
        match self.session.handle_candidate_packet(packet, now) {
            ProbeVerdict::Pong => {
                if let Some(candidate) = &mut self.candidate {
                    candidate.reply(&self.shared.probe_pong);
                }
            }
            ProbeVerdict::Promote => self.promote(),
            ProbeVerdict::Drop => self.drop_candidate(),
        }
    }

    fn promote(&mut self) {
        if let Some(candidate) = self.candidate.take() {
            // A client that is in the middle of a post has broken off polling too early: what it says there and what
            // it says here would have no order. The reference cuts it off, too.
            self.posting = None;
            self.adopt(candidate);
            self.shared.registry.set_transport(&self.sid, Transport::WebSocket);
            // The reference ends a poll that still waits with a close packet, which a client may believe.
            self.answer_poll(Bytes::from_static(b"6"));
        }
    }

    /// Makes the WebSocket the way out, for what waits already too.
    fn adopt(&mut self, mut websocket: Box<WebSocket>) {
        let unsent = websocket.take_replies();
        match websocket.take_write_half() {
            Some(half) => self.link.set_direct(half, unsent),
            None => self.link.set_indirect(unsent),
        }
        self.websocket = Some(websocket);
        self.link.flush();
    }

    fn drop_candidate(&mut self) {
        if let Some(candidate) = self.candidate.take() {
            hang_up(*candidate, &self.shared.tasks);
        }
    }

    fn send(&self, encoded: &Encoded) {
        self.link.queue(encoded, Delivery::Reliable);
        self.link.flush();
    }
}

/// Writes from the outbox to a stream that only its owner can write to. Says whether that failed.
fn write_indirectly(link: &Link, websocket: &mut WebSocket, cx: &mut Context<'_>) -> bool {
    let written = link.write_with(|slices| websocket.poll_write(cx, slices));
    link.set_ready(written.is_ready());
    match written {
        Poll::Ready(Ok(())) | Poll::Pending => matches!(websocket.poll_flush(cx), Poll::Ready(Err(_))),
        Poll::Ready(Err(_)) => true,
    }
}

/// After so many wakes in a row the task lets others run.
const TURNS_MAX: u32 = 64;
