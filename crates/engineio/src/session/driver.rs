//! The task that owns one session.

mod goodbye;
mod requests;
mod sources;
mod upgrade;

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use engineio_proto::{
    CloseReason, DecodeError, Delivery, Due, Encoded, Message, Packet, Payload, Recipient, Session, SessionConfig, Sid,
    Transport,
};
use rand::RngExt;
use tokio::sync::oneshot;

use crate::application::Connection;
use crate::session::clock::{self, Tick, Timer};
use crate::session::link::{Link, PollSender, SessionRequest};
use crate::session::seats::Seat;
use crate::session::tasks::Running;
use crate::settings::Settings;
use crate::shared::Shared;
use crate::transport::websocket::{Frame, WebSocket};

/// One session, from its handshake to its end, with everything that belongs to it.
///
/// It waits at one place ([`Driver::poll_wake`]) for one of [`Wake`]. Nothing in the arms awaits, so no peer can
/// keep the timer, a shutdown or another direction from being seen.
pub(crate) struct Driver {
    shared: Arc<Shared>,
    sid: Sid,
    who: Who,
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
    turns: u8,
    tick: Tick,
    /// The time when this run of turns began: a look at the clock for each would be a tenth of a short turn's work.
    now: Instant,
    opened: Instant,
    /// When the ping was sent that is not answered yet.
    pinged: Option<Instant>,
    received: u64,
    _seat: Seat,
    /// Behind all others: they are gone when it is.
    _running: Running,
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
    Request(SessionRequest),
    Work(Result<(), CloseReason>),
    WriteFailed,
    PollGone,
    Packet(Result<Packet, DecodeError>),
    Frame(Frame),
    CandidateFrame(Frame),
    CandidateFailed,
}

/// Whose session it is, as the log has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Who {
    pub(crate) connection: u32,
    pub(crate) address: Option<IpAddr>,
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

/// What is there of a session before its task is.
pub(crate) struct Opened {
    pub(crate) sid: Sid,
    pub(crate) who: Who,
    pub(crate) link: Arc<Link>,
    pub(crate) connection: Box<dyn Connection>,
    pub(crate) seat: Seat,
}

impl Driver {
    /// `open` is the open packet; whatever the connection already queued comes behind it.
    pub(crate) fn new(shared: Arc<Shared>, opened: Opened, start: Start, settings: &Settings) -> Self {
        let Opened { sid, who, link, connection, seat } = opened;
        let now = clock::now();
        let (config, tick) = (&settings.session, settings.tick);
        let session = Session::new(Arc::clone(config), start.transport(), now, jitter(config));
        let mut driver = Self {
            timer: Timer::new(session.poll_timeout().map_or(now, |due| shared.ticks.not_before(due, tick))),
            _running: shared.tasks.begin(),
            session,
            shared,
            sid,
            who,
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
            tick,
            now,
            opened: now,
            pinged: None,
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
    ///
    /// By hand, as an `async fn` keeps its arguments twice: over 24 bytes, tokio's part and this one take 256 together, instead
    /// of 128.
    pub(crate) fn run(self: Box<Self>) -> impl Future<Output = ()> + Send {
        let (mut driver, mut farewell) = (Some(self), None);
        poll_fn(move |cx| {
            if let Some(living) = &mut driver {
                ready!(living.poll_end(cx));
                farewell = driver.take().and_then(Self::say_goodbye);
            }
            farewell.as_mut().map_or(Poll::Ready(()), |farewell| farewell.as_mut().poll(cx))
        })
    }

    /// Ready once the session is over.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.tell_end(self.now);
            if self.session.is_closed() {
                return Poll::Ready(());
            }
            let wake = ready!(self.poll_wake(cx));
            self.on_wake(wake, self.now);
        }
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
                    self.pinged = Some(now);
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

    fn on_frame(&mut self, frame: Frame, now: Instant) {
        match frame {
            Frame::Text(text) => self.on_packet(Packet::decode_text(&text), now),
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
        if is_pong && let Some(pinged) = self.pinged.take() {
            self.shared.ping_rtt.record(now.duration_since(pinged), 1);
        }
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

    fn send(&self, encoded: &Encoded) {
        self.link.queue(encoded, Delivery::Reliable);
        self.link.flush();
    }
}

/// How much earlier than the others a session is first pinged: up to a tenth of the time a client gives us, so that
/// the pings of a crowd that came at once spread out; and a little at least, so that a ping, which may be late by a
/// tick, does not make the session outlive what the client was told.
fn jitter(session: &SessionConfig) -> Duration {
    let most = session.ping_interval.min(session.ping_timeout).min(clock::NEVER) / 10;
    most.mul_f32(rand::rng().random_range(0.25..1.0))
}

/// After so many wakes in a row the task lets others run.
const TURNS_MAX: u8 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    /// Of what a function gives back.
    fn bytes_of<A, T>(_: fn(A) -> T) -> usize {
        size_of::<T>()
    }

    #[test]
    fn what_each_session_takes_is_not_more_by_accident() {
        // Each is a step of the allocator's: 16 bytes, and for the task 128.
        assert!(bytes_of(Driver::run) <= 24, "{}", bytes_of(Driver::run));
        assert!(size_of::<Driver>() <= 440, "{}", size_of::<Driver>());
        assert!(size_of::<Link>() <= 240, "{}", size_of::<Link>());
        assert!(size_of::<WebSocket>() <= 392, "{}", size_of::<WebSocket>());
    }
}
