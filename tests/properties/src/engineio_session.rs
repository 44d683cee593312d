//! Random operations on a session, in virtual time.

use std::time::{Duration, Instant};

use arbitrary::{Arbitrary, Unstructured};
use bytes::Bytes;
use engineio_proto::{
    CloseReason, DecodeError, Due, Message, Packet, PollVerdict, PostVerdict, ProbeVerdict, Session, SessionConfig,
    Transport,
};

use crate::operations;

#[derive(Debug, Arbitrary)]
enum Op {
    /// So many milliseconds pass; the driver calls when it was told to.
    Pass(u16),
    /// As many, but the driver was busy: it calls only at their end.
    PassBusy(u16),
    /// Time passes until something is due.
    PassUntilDue,
    /// A peer that talks and talks, and never answers.
    TalkOn(u8),
    Poll,
    PollAnswered,
    PollGone,
    Post,
    PostEnd(bool),
    Packet(Sent),
    WebSocketGone(Reason),
    Candidate,
    CandidatePacket(Sent),
    CandidateGone,
    Close(Reason),
    ExcuseSilence,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Sent {
    Open,
    Close,
    Ping,
    Probe,
    Pong,
    Text,
    Binary,
    Upgrade,
    Noop,
    Broken,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Reason {
    TransportClose,
    TransportError,
    TooLarge,
    SlowConsumer,
    Shutdown,
    Application,
    Dropped,
}

/// A session has one life: it ends for one reason that never changes, and after it delivers nothing; it reads one post; it changes its transport once, by an upgrade; a candidate costs nothing but itself;
/// it pings once before each answer; the timeout it names always moves it on; and left alone it ends by itself.
pub fn check(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let Ok(mut run) = Run::new(&mut input) else { return };
    for op in operations(&mut input) {
        run.step(op);
        run.compare();
    }
    run.ends_by_itself();
}

struct Run {
    session: Session,
    config: SessionConfig,
    now: Instant,
    /// What a slow reader of the session's documentation would keep about it.
    reason: Option<CloseReason>,
    is_gone: bool,
    transport: Transport,
    is_posting: bool,
    is_polled: bool,
    is_probing: bool,
    /// The candidate's probe was answered: the client stops polling.
    is_leaving: bool,
    is_pinged: bool,
    /// What came since a ping postpones the end once, so this is the last moment for its answer.
    answer_by: Instant,
}

impl Run {
    fn new(input: &mut Unstructured<'_>) -> arbitrary::Result<Self> {
        let mut time = || input.int_in_range(1..=30_000).map(Duration::from_millis);
        let mut config = SessionConfig::default();
        config.ping_interval = time()?;
        config.ping_timeout = time()?;
        config.upgrade_timeout = time()?;
        config.close_timeout = time()?;
        let jitter = time()?;
        // Not drawn: the inputs of the corpus would all mean something else.
        config.leaving_timeout = config.upgrade_timeout / 2;
        let transport = if input.arbitrary()? { Transport::WebSocket } else { Transport::Polling };
        let now = Instant::now();
        Ok(Self {
            session: Session::new(config.clone(), transport, now, jitter),
            config,
            now,
            reason: None,
            is_gone: false,
            transport,
            is_posting: false,
            is_polled: false,
            is_probing: false,
            is_leaving: false,
            is_pinged: false,
            answer_by: now,
        })
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::Pass(millis) => self.pass(self.now + Duration::from_millis(millis.into())),
            Op::PassBusy(millis) => {
                self.now += Duration::from_millis(millis.into());
                self.call();
            }
            Op::PassUntilDue => self.pass(self.session.poll_timeout().unwrap_or(self.now)),
            Op::TalkOn(times) => {
                for _ in 0..times % 8 {
                    self.pass(self.now + self.config.ping_timeout * 2 / 3);
                    self.packet(Sent::Text);
                    self.compare();
                }
            }
            Op::Poll => self.poll(),
            Op::PollAnswered => {
                self.is_polled = false;
            }
            Op::PollGone => {
                if std::mem::take(&mut self.is_polled) {
                    self.session.handle_poll_gone();
                    self.ends(CloseReason::TransportError);
                }
            }
            Op::Post => self.post(),
            Op::PostEnd(aborted) => {
                self.session.handle_post_end(aborted);
                if std::mem::take(&mut self.is_posting) && aborted {
                    self.ends(CloseReason::TransportError);
                }
            }
            Op::Packet(sent) => self.packet(sent),
            Op::WebSocketGone(reason) => {
                self.session.handle_websocket_gone(reason.into());
                self.ends(reason.into());
            }
            Op::Candidate => {
                let is_welcome = self.is_open() && self.transport == Transport::Polling && !self.is_probing;
                assert_eq!(self.session.handle_candidate(self.now), is_welcome);
                self.is_probing |= is_welcome;
                self.is_leaving &= !is_welcome;
            }
            Op::CandidatePacket(sent) => self.candidate_packet(sent),
            Op::CandidateGone => {
                self.session.handle_candidate_gone();
                self.candidate_gone();
            }
            Op::Close(reason) => self.close(reason.into()),
            Op::ExcuseSilence => {
                self.session.excuse_silence(self.now);
                // It is asked once more.
                self.is_pinged = false;
            }
        }
    }

    fn is_open(&self) -> bool {
        self.reason.is_none()
    }

    /// The session is over now, if it was not already.
    fn ends(&mut self, reason: CloseReason) {
        if self.is_open() {
            self.reason = Some(reason);
            (self.is_gone, self.is_probing) = (true, false);
        }
    }

    fn poll(&mut self) {
        let verdict = self.session.handle_poll();
        let expected = match self.reason {
            None if self.transport == Transport::WebSocket => PollVerdict::Refuse,
            None => PollVerdict::Hold,
            Some(_) if self.is_gone => PollVerdict::Refuse,
            Some(_) => PollVerdict::Close,
        };
        assert_eq!(verdict, expected);
        match verdict {
            // Whether another one waits is for the outlet to tell.
            PollVerdict::Hold if self.is_polled => {
                self.session.handle_poll_overlap();
                self.ends(CloseReason::Overlap);
            }
            PollVerdict::Hold => self.is_polled = true,
            PollVerdict::Close => (self.is_gone, self.is_probing) = (true, false),
            PollVerdict::Refuse => {}
        }
    }

    fn post(&mut self) {
        let verdict = self.session.handle_post();
        let is_refused = self.is_gone || (self.is_open() && self.transport == Transport::WebSocket);
        let expected = match self.is_posting {
            _ if is_refused => PostVerdict::Refuse,
            true => PostVerdict::Overlap,
            false => PostVerdict::Read,
        };
        assert_eq!(verdict, expected);
        match verdict {
            PostVerdict::Read => self.is_posting = true,
            PostVerdict::Overlap => self.ends(CloseReason::Overlap),
            PostVerdict::Refuse => {}
        }
    }

    fn packet(&mut self, sent: Sent) {
        let packet = sent.packet();
        let delivered = self.session.handle_packet(packet.clone(), self.now);
        match packet {
            Ok(Packet::Message(message)) if self.is_open() => assert_eq!(delivered, Some(message)),
            _ => assert_eq!(delivered, None),
        }
        match sent {
            Sent::Close => {
                self.ends(CloseReason::TransportClose);
                (self.is_gone, self.is_probing) = (true, false);
            }
            Sent::Ping | Sent::Probe | Sent::Broken => self.ends(CloseReason::ParseError),
            Sent::Pong if self.is_open() => self.is_pinged = false,
            _ => {}
        }
    }

    fn candidate_packet(&mut self, sent: Sent) {
        let verdict = self.session.handle_candidate_packet(sent.packet(), self.now);
        let expected = match sent {
            _ if !self.is_probing => ProbeVerdict::Drop,
            Sent::Probe => ProbeVerdict::Pong,
            // Without a probe before it too, as the reference has it.
            Sent::Upgrade => ProbeVerdict::Promote,
            _ => ProbeVerdict::Drop,
        };
        assert_eq!(verdict, expected);
        match verdict {
            ProbeVerdict::Pong => self.is_leaving = true,
            ProbeVerdict::Drop => self.candidate_gone(),
            ProbeVerdict::Promote => {
                self.is_gone |= !self.is_open();
                self.transport = Transport::WebSocket;
                // What becomes of requests still under way says nothing about the WebSocket.
                (self.is_probing, self.is_polled, self.is_posting) = (false, false, false);
            }
        }
    }

    fn close(&mut self, reason: CloseReason) {
        self.session.close(reason, self.is_polled, self.now);
        if !self.is_open() {
            // Nobody waits for a poll that fetches it any more, only for an upgrade that is nearly through.
            self.is_gone |= reason == CloseReason::Shutdown && !self.is_probing;
            return;
        }
        let is_told_now = self.transport == Transport::WebSocket || self.is_polled;
        let is_wish = matches!(reason, CloseReason::Application(_) | CloseReason::Dropped(_));
        let is_shutdown = reason == CloseReason::Shutdown;
        self.reason = Some(reason);
        self.is_probing &= self.is_leaving && !is_told_now && (is_wish || is_shutdown);
        self.is_gone = is_told_now || !(is_wish || self.is_probing);
    }

    /// Polling goes on; but nobody polls a server that goes away.
    fn candidate_gone(&mut self) {
        let was_probing = std::mem::replace(&mut self.is_probing, false);
        self.is_gone |= was_probing && self.reason == Some(CloseReason::Shutdown);
    }

    /// Lets time pass as a driver does that sleeps until it is told.
    fn pass(&mut self, until: Instant) {
        while let Some(due) = self.session.poll_timeout().filter(|due| *due <= until) {
            if let Some(before) = due.checked_sub(Duration::from_nanos(1)).filter(|before| *before >= self.now) {
                assert_eq!(self.session.handle_timeout(before), None, "nothing is due before its time");
            }
            self.now = self.now.max(due);
            assert!(self.call() > 0, "what was due does something");
        }
        self.now = self.now.max(until);
        assert_eq!(self.session.handle_timeout(self.now), None);
    }

    /// Takes all that is due, and says how much it was.
    fn call(&mut self) -> usize {
        let mut count = 0;
        while let Some(due) = self.session.handle_timeout(self.now) {
            count += 1;
            assert!(count <= 4, "one moment does not go on for ever");
            self.due(due);
            self.compare();
        }
        assert!(self.session.poll_timeout().is_none_or(|next| next > self.now));
        count
    }

    fn due(&mut self, due: Due) {
        match due {
            Due::Ping => {
                assert!(self.is_open() && !self.is_pinged, "a ping waits for the answer to the one before");
                self.is_pinged = true;
                self.answer_by = self.now + 2 * self.config.ping_timeout;
            }
            Due::Noop => assert!(self.is_open() && self.is_probing),
            Due::DropCandidate => {
                assert!(self.is_probing);
                self.candidate_gone();
                assert!(!self.is_gone, "then the end would be due");
            }
            Due::Closed => {
                assert!(!self.is_gone);
                assert!(!self.is_open() || self.is_pinged, "only silence after a ping ends an open session");
                self.ends(CloseReason::PingTimeout);
                (self.is_gone, self.is_probing) = (true, false);
            }
        }
    }

    fn compare(&self) {
        assert_eq!(self.session.close_reason(), self.reason);
        assert_eq!(self.session.is_closed(), self.is_gone);
        assert_eq!(self.session.is_probing(), self.is_probing);
        assert_eq!(self.session.poll_timeout().is_none(), self.is_gone);
        if self.is_open() {
            assert_eq!(self.session.transport(), self.transport);
            let is_patient = self.session.poll_timeout() > Some(self.answer_by);
            assert!(!(self.is_pinged && is_patient), "talking on without an answer does not help");
        }
    }

    /// The peer says nothing more.
    fn ends_by_itself(&mut self) {
        let SessionConfig { ping_interval, ping_timeout, upgrade_timeout, close_timeout, leaving_timeout, .. } =
            self.config;
        let longest = (ping_interval + ping_timeout).max(close_timeout).max(leaving_timeout);
        let noops_max = upgrade_timeout.as_millis() / 100 + 1;
        let (end, mut calls) = (self.now + longest, 0);
        while let Some(due) = self.session.poll_timeout() {
            assert!(due <= end, "a silent peer is given up");
            self.pass(due);
            calls += 1;
            assert!(calls <= noops_max + 4, "waking up costs little");
        }
        assert!(self.is_gone);
    }
}

impl Sent {
    fn packet(self) -> Result<Packet, DecodeError> {
        let data = Bytes::from_static(b"x");
        Ok(match self {
            Self::Open => Packet::Open(data),
            Self::Close => Packet::Close,
            Self::Ping => Packet::Ping(data),
            Self::Probe => Packet::Ping(Bytes::from_static(b"probe")),
            Self::Pong => Packet::Pong(data),
            Self::Text => Packet::Message(Message::Text("x".into())),
            Self::Binary => Packet::Message(Message::Binary(data)),
            Self::Upgrade => Packet::Upgrade,
            Self::Noop => Packet::Noop,
            Self::Broken => return Err(DecodeError::Empty),
        })
    }
}

impl From<Reason> for CloseReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::TransportClose => Self::TransportClose,
            Reason::TransportError => Self::TransportError,
            Reason::TooLarge => Self::TooLarge,
            Reason::SlowConsumer => Self::SlowConsumer,
            Reason::Shutdown => Self::Shutdown,
            Reason::Application => Self::Application("because"),
            Reason::Dropped => Self::Dropped("because"),
        }
    }
}
