//! The task that owns one session.

mod goodbye;

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use engineio_proto::{
    Answer, Backlog, CloseReason, DecodeError, Delivery, Due, Encoded, Message, Packet, Payload, PollVerdict,
    PostVerdict, ProbeVerdict, Recipient, Session, Sid, Transport,
};
use tokio::sync::oneshot;

use self::goodbye::hang_up_poll;
use crate::application::Connection;
use crate::clock::{self, Timer};
use crate::engine::Shared;
use crate::farewell::hang_up;
use crate::link::{Errand, Held, Link, PollAnswer, PollSender, PostAnswer, Request};
use crate::seats::Seat;
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
    /// A post whose body is being read: given up when this is dropped.
    posting: Option<oneshot::Sender<Infallible>>,
    /// A post whose packets are being handled, one after the other, as if they came by a socket.
    post: Option<Post>,
    websocket: Option<Box<WebSocket>>,
    candidate: Option<Box<WebSocket>>,
    close_code: Option<u16>,
    timer: Timer,
    stall: Option<Stall>,
    is_holding_back: bool,
    /// Until when nobody is judged, because we were late ourselves.
    grace: Option<Instant>,
    turns: u32,
    /// The time when this run of turns began: a look at the clock for each would be a tenth of a short turn's work.
    now: Instant,
    opened: Instant,
    received: u64,
    _seat: Seat,
}

/// The body of a post, as far as its packets have not been handled. It is answered behind the last one, when more may
/// come: by posting on and on, over several connections, a client could not be held back otherwise.
struct Post {
    packets: Payload,
    answer: oneshot::Sender<()>,
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
    Packet(Result<Packet, DecodeError>),
    Frame(Frame),
    CandidateFrame(Frame),
    CandidateFailed,
}

/// How a session starts.
pub(crate) enum Start {
    Poll(PollSender),
    WebSocket(Box<WebSocket>),
}

impl Start {
    pub(crate) fn transport(&self) -> Transport {
        match self {
            Self::Poll(_) => Transport::Polling,
            Self::WebSocket(_) => Transport::WebSocket,
        }
    }
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
        seat: Seat,
    ) -> Self {
        let now = clock::now();
        let session = Session::new(shared.config.session.clone(), start.transport(), now, shared.jitter());
        let mut driver = Self {
            timer: Timer::new(session.poll_timeout().map_or(now, |due| shared.ticks.not_before(due))),
            session,
            shared,
            sid,
            address,
            link,
            connection: Some(connection),
            posting: None,
            post: None,
            websocket: None,
            candidate: None,
            close_code: None,
            stall: None,
            is_holding_back: false,
            grace: None,
            turns: 0,
            now,
            opened: now,
            received: 0,
            _seat: seat,
        };
        match start {
            Start::Poll(answer) => driver.on_poll(answer),
            Start::WebSocket(websocket) => driver.adopt(websocket),
        }
        driver
    }

    /// The task itself. Both the session and its goodbye are behind a pointer: a task is as large as the largest of
    /// its states, for as long as it lives.
    pub(crate) async fn run(mut self: Box<Self>, running: Running) {
        loop {
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
        let (backlog, is_poll_gone) = self.link.watch(cx);
        self.watch(backlog, now);
        if self.poll_timer(cx).is_ready() {
            return Poll::Ready(Wake::TimedOut);
        }
        match self.link.next_errand() {
            Some(Errand::Close(reason)) => return Poll::Ready(Wake::Close(reason)),
            Some(Errand::Request(request)) => return Poll::Ready(Wake::Request(request)),
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
            if self.grace.is_some() || self.now.duration_since(deadline) <= LATE_MAX {
                return Poll::Ready(());
            }
            // We were suspended, or starved. What came in time is still to be read, here or by whoever reads posts, and
            // what could not be written may be taken now: nobody is dead because we were late.
            self.grace = Some(self.now + GRACE);
        }
    }

    /// When the task is to look at what is due. Pings go out in common ticks, a little late; ends come in time, and the
    /// layer above is served to the millisecond.
    fn deadline(&self) -> Option<Instant> {
        let connection = self.connection.as_ref().and_then(|connection| connection.poll_timeout());
        let session = match self.session.next_ping() {
            Some(due) if due > self.now => Some(self.shared.ticks.not_before(due)),
            _ => self.session.poll_timeout(),
        };
        let due = [session, self.stall_deadline(), connection].into_iter().flatten().min();
        due.map(|due| self.grace.map_or(due, |grace| due.max(grace)))
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
        if let Some(packet) = self.next_posted() {
            return Poll::Ready(Wake::Packet(packet));
        }
        let Some(websocket) = &mut self.websocket else {
            return Poll::Pending;
        };
        websocket.poll_frame(cx).map(Wake::Frame)
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

    fn on_wake(&mut self, wake: Wake, now: Instant) {
        match wake {
            Wake::TimedOut => self.on_timeout(now),
            Wake::Close(reason) | Wake::Work(Err(reason)) => self.close(reason, now),
            Wake::Work(Ok(())) => {}
            Wake::Request(request) => self.on_request(request, now),
            Wake::Packet(packet) => self.on_packet(packet, now),
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
        self.grace = None;
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
                Due::Noop => self.end_poll(),
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

    /// Whether a poll waits decides how the client is told: so from here on nobody else answers it.
    fn close(&mut self, reason: CloseReason, now: Instant) {
        self.link.seal();
        self.session.close(reason, self.link.is_polled(), now);
    }

    /// Ends the poll that waits, if one does, with a noop.
    fn end_poll(&mut self) {
        if !self.link.answer_poll_with(&self.shared.noop) {
            self.session.handle_poll_gone();
        }
    }

    fn on_request(&mut self, request: Request, now: Instant) {
        match request {
            Request::Poll(answer) => self.on_poll(answer),
            Request::Post(answer) => self.on_post(answer),
            Request::PostBody(body, answer) => self.on_post_body(Payload::new(body), answer),
            Request::PostRefused => self.session.handle_post_end(false),
            Request::PostAborted => self.session.handle_post_end(true),
            Request::Candidate(websocket) => {
                if self.session.handle_candidate(now) {
                    self.candidate = Some(websocket);
                } else {
                    hang_up(*websocket, &self.shared);
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

    fn on_post_body(&mut self, packets: Payload, answer: oneshot::Sender<()>) {
        if self.posting.take().is_some() {
            self.post = Some(Post { packets, answer });
        } else {
            // It was cut off, by an upgrade or by the end, when its last byte was on its way: what it says there and
            // what the WebSocket says has no order.
            let _ = answer.send(());
        }
    }

    fn on_poll(&mut self, poll: PollSender) {
        // A client that did not wait for an answer has lost nothing; what its end says shows when it polls next.
        if self.session.close_reason().is_some()
            && let Some(answer) = self.link.take_answer_of_several()
        {
            // The close packet comes behind everything.
            let _ = poll.send(PollAnswer::Payload(answer));
            return;
        }
        match self.session.handle_poll() {
            PollVerdict::Hold => match self.link.hold_poll(poll) {
                Held::Settled => {}
                Held::Lost => self.session.handle_poll_gone(),
                Held::Overlap(poll) => {
                    // The one that waits is answered when the session says goodbye.
                    self.session.handle_poll_overlap();
                    let _ = poll.send(PollAnswer::Refused);
                }
                Held::Refused(poll) => {
                    let _ = poll.send(PollAnswer::Refused);
                }
            },
            PollVerdict::Close => self.tell_close(poll),
            PollVerdict::Refuse => {
                let _ = poll.send(PollAnswer::Refused);
            }
        }
    }

    /// As the reference has it: what the poll would get, which is at least a noop, and the close packet. When the server
    /// goes, only the former.
    fn tell_close(&mut self, poll: PollSender) {
        let mut answer = self.link.take_answer();
        let is_empty = answer.payload_len() == 0;
        if self.session.close_reason() != Some(CloseReason::Shutdown) {
            if is_empty {
                answer.push(self.shared.noop.clone());
            }
            answer.push(self.shared.close.clone());
        } else if is_empty {
            return hang_up_poll(poll);
        }
        let _ = poll.send(PollAnswer::Payload(answer));
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

    fn on_packet(&mut self, packet: Result<Packet, DecodeError>, now: Instant) {
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
        }
    }

    /// Makes the WebSocket the way out, for what waits already too.
    fn adopt(&mut self, mut websocket: Box<WebSocket>) {
        let unsent = websocket.take_replies();
        let poll = match websocket.take_write_half() {
            Some(half) => self.link.set_socket(half, unsent),
            None => self.link.set_task(unsent),
        };
        if let Some(poll) = poll {
            // The reference ends a poll that still waits with a close packet, which a client may believe.
            let _ = poll.send(PollAnswer::Payload(Answer::of(self.shared.noop.clone())));
        }
        self.websocket = Some(websocket);
        self.link.flush();
    }

    fn drop_candidate(&mut self) {
        if let Some(candidate) = self.candidate.take() {
            hang_up(*candidate, &self.shared);
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
/// How late a timer may be, in a process that is busy, before it is the process that was late.
const LATE_MAX: Duration = Duration::from_millis(250);
/// What it takes at most to read what came meanwhile, with everybody else doing the same.
const GRACE: Duration = Duration::from_secs(1);
