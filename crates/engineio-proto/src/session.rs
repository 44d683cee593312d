//! The life of one session.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::close_reason::CloseReason;
use crate::handshake::{SessionConfig, Transport};
use crate::packet::{DecodeError, Message, Packet};

/// One session's state, from the handshake to its end.
///
/// ```text
///              candidate                 '5'
///   Polling ──────────────► Probing ──────────────► WebSocket
///      ▲ ▲                     │                        │
///      │ └── dropped, late, ───┘                        │
///  handshake    no probe                            handshake
///
///   Polling, Probing ──close(), no poll waits──► Closing ──fetched, '5', late──► Closed
///   any ──close(), peer left, error, ping timeout──────────────────────────────► Closed
/// ```
///
/// Whether a poll waits is not known here but to the [`Outlet`](crate::Outlet), which answers it.
///
/// A driver owns one and feeds it: `handle_*` for what came in, [`handle_timeout`](Session::handle_timeout) when
/// [`poll_timeout`](Session::poll_timeout) is reached, [`close`](Session::close) to end it. Each call says at
/// once what is to be done, so there is nothing to collect afterwards, and
/// [`close_reason`](Session::close_reason) tells after any call whether the session is over.
#[derive(Debug)]
pub struct Session {
    config: Arc<SessionConfig>,
    state: State,
    heartbeat: Heartbeat,
    is_posting: bool,
}

#[derive(Debug)]
enum State {
    Polling,
    Probing(Probe),
    WebSocket,
    /// Over for the application; the client is to be told, where it is next heard of.
    Closing {
        reason: CloseReason,
        until: Instant,
        /// Until when there may be a candidate: one whose probe was answered, so that the client stops polling and says
        /// '5' next. There it can be told. Were the candidate closed under it, it would neither poll nor upgrade, and
        /// only its heartbeat would tell it, after `ping_interval + ping_timeout`.
        leaving: Option<Instant>,
    },
    Closed(CloseReason),
}

/// A WebSocket that wants to become the transport.
#[derive(Debug)]
struct Probe {
    deadline: Instant,
    /// When a poll that waits is next ended by a noop, so that the client can leave polling. Set by the probe.
    nudge: Option<Instant>,
}

#[derive(Debug)]
enum Heartbeat {
    /// The next ping is due then.
    Resting(Instant),
    /// A ping, sent then, is unanswered; any other packet postpones the end once, as in the reference.
    Awaiting { pinged: Instant, deadline: Instant, was_postponed: bool },
}

/// What to do with a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollVerdict {
    /// Hold it until something is to be sent ([`Outlet::hold`](crate::Outlet::hold)).
    Hold,
    /// It fetches the close packet: answer with what waits and a close packet, then the session is gone.
    Close,
    /// There is nothing to poll: 400.
    Refuse,
}

/// What to do with a post, before its body is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostVerdict {
    /// Read the body, and tell the outcome by [`Session::handle_post_end`].
    Read,
    /// Another post is being read: the session is closed, and this one gets a 400.
    Overlap,
    /// There is nothing to post to: 400.
    Refuse,
}

/// What to do with a packet of the candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeVerdict {
    /// Answer `3probe` on the candidate.
    Pong,
    /// The candidate is the transport from now on. A poll that still waits is ended by a noop.
    Promote,
    /// Close the candidate; polling goes on.
    Drop,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Send a ping.
    Ping,
    /// End the poll that waits, if one does, with a noop.
    Noop,
    /// Close the candidate: it took too long.
    DropCandidate,
    /// The session is over; ask [`Session::close_reason`].
    Closed,
}

impl Session {
    /// A session opened at `now` on `transport`.
    ///
    /// `jitter` brings the first ping forward, so that clients which all reconnected at once do not all answer at
    /// once for ever after. It is the driver's to choose, below a tenth of the interval or so. Never later: a client
    /// gives up when it has heard nothing for `ping_interval + ping_timeout` (some sooner), and counts on the session
    /// to be gone when it has said nothing for as long.
    ///
    /// Times over ten years count as ten years. Sessions with the same `config` may share it.
    pub fn new(config: impl Into<Arc<SessionConfig>>, transport: Transport, now: Instant, jitter: Duration) -> Self {
        let config = config.into().within(TIME_MAX);
        Self {
            heartbeat: Heartbeat::Resting(now + config.ping_interval.saturating_sub(jitter)),
            state: match transport {
                Transport::Polling => State::Polling,
                Transport::WebSocket => State::WebSocket,
            },
            config,
            is_posting: false,
        }
    }

    /// The transport that carries messages; meaningless once [`is_closed`](Session::is_closed).
    pub fn transport(&self) -> Transport {
        match self.state {
            State::WebSocket => Transport::WebSocket,
            State::Polling | State::Probing(_) | State::Closing { .. } | State::Closed(_) => Transport::Polling,
        }
    }

    /// Why the session ended, once it has, for the application: it sends and receives no more.
    pub fn close_reason(&self) -> Option<CloseReason> {
        match self.state {
            State::Closing { reason, .. } | State::Closed(reason) => Some(reason),
            _ => None,
        }
    }

    /// Whether nothing more is owed to the peer: the driver may forget the session.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed(_))
    }

    /// Whether a candidate is there. There can be one.
    pub fn is_probing(&self) -> bool {
        matches!(self.state, State::Probing(_) | State::Closing { leaving: Some(_), .. })
    }

    /// A poll came in.
    pub fn handle_poll(&mut self) -> PollVerdict {
        match self.state {
            State::Polling | State::Probing(_) => PollVerdict::Hold,
            State::Closing { reason, .. } => {
                self.state = State::Closed(reason);
                PollVerdict::Close
            }
            State::WebSocket | State::Closed(_) => PollVerdict::Refuse,
        }
    }

    /// The poll came while another one waits: the session ends, and both are to be told.
    pub fn handle_poll_overlap(&mut self) {
        self.end(CloseReason::Overlap);
    }

    /// The client dropped its waiting poll. What was or will be written into it would be lost: the session ends,
    /// unless it has left polling in the meantime.
    pub fn handle_poll_gone(&mut self) {
        if !matches!(self.state, State::WebSocket) {
            self.end(CloseReason::TransportError);
        }
    }

    /// A post came in; its body is still to be read.
    pub fn handle_post(&mut self) -> PostVerdict {
        match self.state {
            State::WebSocket | State::Closed(_) => PostVerdict::Refuse,
            _ if self.is_posting => {
                self.end(CloseReason::Overlap);
                PostVerdict::Overlap
            }
            _ => {
                self.is_posting = true;
                PostVerdict::Read
            }
        }
    }

    /// The post is over: read and answered, refused for its size (which the session survives), or `aborted` by the
    /// client.
    pub fn handle_post_end(&mut self, aborted: bool) {
        if std::mem::replace(&mut self.is_posting, false) && aborted {
            self.end(CloseReason::TransportError);
        }
    }

    /// A packet came by the session's transport. Gives back the message for the application, if it is one.
    ///
    /// After the end everything is ignored, but that the client closes, too: then it need not be told.
    pub fn handle_packet(&mut self, packet: Result<Packet, DecodeError>, now: Instant) -> Option<Message> {
        if let Some(reason) = self.close_reason() {
            if matches!(packet, Ok(Packet::Close)) {
                self.state = State::Closed(reason);
            }
            return None;
        }
        let Ok(packet) = packet else {
            self.end(CloseReason::ParseError);
            return None;
        };
        match packet {
            Packet::Message(message) => {
                self.postpone(now);
                return Some(message);
            }
            Packet::Pong(_) => {
                if matches!(self.heartbeat, Heartbeat::Awaiting { .. }) {
                    self.heartbeat = Heartbeat::Resting(now + self.config.ping_interval);
                }
            }
            Packet::Close => self.end(CloseReason::TransportClose),
            // Only a server pings.
            Packet::Ping(_) => self.end(CloseReason::ParseError),
            Packet::Open(_) | Packet::Upgrade | Packet::Noop => self.postpone(now),
        }
        None
    }

    /// The session's WebSocket ended, or broke.
    pub fn handle_websocket_gone(&mut self, reason: CloseReason) {
        self.end(reason);
    }

    /// A WebSocket with the session's id arrived. `false`: close it, there is one already, or no session any more.
    pub fn handle_candidate(&mut self, now: Instant) -> bool {
        let is_welcome = matches!(self.state, State::Polling);
        if is_welcome {
            let deadline = now + self.config.upgrade_timeout;
            self.state = State::Probing(Probe { deadline, nudge: None });
        }
        is_welcome
    }

    /// The candidate sent a packet.
    pub fn handle_candidate_packet(&mut self, packet: Result<Packet, DecodeError>, now: Instant) -> ProbeVerdict {
        if !self.is_probing() {
            return ProbeVerdict::Drop;
        }
        match packet {
            Ok(Packet::Ping(data)) if data == Bytes::from_static(b"probe") => {
                if let State::Probing(probe) = &mut self.state {
                    probe.nudge = Some(now);
                }
                ProbeVerdict::Pong
            }
            Ok(Packet::Upgrade) => {
                self.state = match self.close_reason() {
                    None => State::WebSocket,
                    Some(reason) => State::Closed(reason),
                };
                // What becomes of requests still under way says nothing about the WebSocket.
                self.is_posting = false;
                // The reference stops waiting for a pong here, and then never pings again if none comes.
                self.postpone(now);
                ProbeVerdict::Promote
            }
            _ => {
                self.handle_candidate_gone();
                ProbeVerdict::Drop
            }
        }
    }

    /// The candidate is gone. Polling goes on.
    pub fn handle_candidate_gone(&mut self) {
        match &mut self.state {
            State::Probing(_) => self.state = State::Polling,
            State::Closing { reason, leaving, .. } => {
                let was_leaving = leaving.take().is_some();
                if was_leaving && !is_told_by_poll(*reason) {
                    self.state = State::Closed(*reason);
                }
            }
            _ => {}
        }
    }

    /// The application, or the server, ends the session. `is_polled`: whether a poll waits.
    ///
    /// A waiting poll, or the WebSocket, is told at once, and the session is closed. A client in the middle of its
    /// upgrade is told when that is through. Without any of these, when it was the application's wish, the end waits for
    /// the next poll. Whatever happens then, `reason` stays.
    ///
    /// When the server goes, nothing waits for a poll any more, also where another reason came first.
    pub fn close(&mut self, reason: CloseReason, is_polled: bool, now: Instant) {
        if reason == CloseReason::Shutdown {
            self.hurry(now);
        }
        let leaving = match &self.state {
            State::Closing { .. } | State::Closed(_) => return,
            State::Probing(Probe { nudge: Some(_), .. }) if reason.flushes() => Some(now + self.config.leaving_timeout),
            _ => None,
        };
        let is_told_now = is_polled || matches!(self.state, State::WebSocket);
        self.state = match leaving {
            _ if is_told_now => State::Closed(reason),
            _ if is_told_by_poll(reason) => State::Closing { reason, until: now + self.config.close_timeout, leaving },
            Some(until) => State::Closing { reason, until, leaving },
            None => State::Closed(reason),
        };
    }

    /// A close that waits to be fetched waits no longer, but for an upgrade that is nearly through.
    fn hurry(&mut self, now: Instant) {
        let State::Closing { reason, until, leaving } = &mut self.state else {
            return;
        };
        match leaving {
            Some(leaving) => *until = (*leaving).min(now + self.config.leaving_timeout),
            None => self.state = State::Closed(*reason),
        }
    }

    /// When [`handle_timeout`](Session::handle_timeout) is to be called; `None` once closed.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let heartbeat = match self.heartbeat {
            Heartbeat::Resting(due) => due,
            Heartbeat::Awaiting { deadline, .. } => deadline,
        };
        match &self.state {
            State::Polling | State::WebSocket => Some(heartbeat),
            State::Probing(probe) => Some(heartbeat.min(probe.deadline).min(probe.nudge.unwrap_or(probe.deadline))),
            State::Closing { until, leaving, .. } => Some(leaving.map_or(*until, |leaving| leaving.min(*until))),
            State::Closed(_) => None,
        }
    }

    /// Gives what is due at `now`, one thing a call, until `None`.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Due> {
        match &mut self.state {
            State::Closed(_) => return None,
            State::Closing { reason, until, .. } if *until <= now => {
                self.state = State::Closed(*reason);
                return Some(Due::Closed);
            }
            State::Closing { leaving, .. } => {
                return leaving.take_if(|until| *until <= now).map(|_| Due::DropCandidate);
            }
            State::Probing(probe) => {
                if probe.deadline <= now {
                    self.state = State::Polling;
                    return Some(Due::DropCandidate);
                }
                if probe.nudge.is_some_and(|due| due <= now) {
                    probe.nudge = Some(now + NUDGE_INTERVAL);
                    return Some(Due::Noop);
                }
            }
            State::Polling | State::WebSocket => {}
        }
        match self.heartbeat {
            Heartbeat::Resting(due) if due <= now => {
                let deadline = now + self.config.ping_timeout;
                self.heartbeat = Heartbeat::Awaiting { pinged: now, deadline, was_postponed: false };
                Some(Due::Ping)
            }
            Heartbeat::Awaiting { deadline, .. } if deadline <= now => {
                self.end(CloseReason::PingTimeout);
                Some(Due::Closed)
            }
            _ => None,
        }
    }

    /// When the next ping is due, if that is what comes next. It may be a little late; nothing else may.
    pub fn next_ping(&self) -> Option<Instant> {
        match self.heartbeat {
            Heartbeat::Resting(due) if self.poll_timeout() == Some(due) => Some(due),
            _ => None,
        }
    }

    /// The server itself did not read for a while (it was congested): the peer may have answered in time.
    ///
    /// It is asked again, an interval after it was asked last: it judges us by our pings, and would give us up without.
    pub fn excuse_silence(&mut self, now: Instant) {
        if let Heartbeat::Awaiting { pinged, .. } = self.heartbeat {
            self.heartbeat = Heartbeat::Resting(now.max(pinged + self.config.ping_interval));
        }
    }

    fn postpone(&mut self, now: Instant) {
        if let Heartbeat::Awaiting { deadline, was_postponed: was_postponed @ false, .. } = &mut self.heartbeat {
            *deadline = now + self.config.ping_timeout;
            *was_postponed = true;
        }
    }

    fn end(&mut self, reason: CloseReason) {
        if self.close_reason().is_none() {
            self.state = State::Closed(reason);
        }
    }
}

/// Whether a client that does not wait for anything will come to fetch the close packet, or what was sent before it is
/// dropped, and is let. Who does not read, or broke the rules, is not waited for; nor can anybody poll a server that goes
/// away.
fn is_told_by_poll(reason: CloseReason) -> bool {
    matches!(reason, CloseReason::Application(_) | CloseReason::Dropped(_))
}

/// `Duration::MAX` is how a program says "never"; added to a time it would overflow.
const TIME_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// How often a waiting poll is ended while a client upgrades: the reference's interval.
const NUDGE_INTERVAL: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn opened(transport: Transport) -> (Session, Instant) {
        let now = Instant::now();
        (Session::new(SessionConfig::default(), transport, now, Duration::ZERO), now)
    }

    fn ping(data: &'static [u8]) -> Result<Packet, DecodeError> {
        Ok(Packet::Ping(Bytes::from_static(data)))
    }

    fn pong() -> Result<Packet, DecodeError> {
        Ok(Packet::Pong(Bytes::new()))
    }

    fn text() -> Result<Packet, DecodeError> {
        Ok(Packet::Message(Message::Text("x".into())))
    }

    #[test]
    fn the_first_ping_comes_after_an_interval_and_the_next_one_after_the_pong() {
        let (mut session, start) = opened(Transport::WebSocket);
        assert_eq!(session.poll_timeout(), Some(start + 25 * SECOND));
        assert_eq!(session.handle_timeout(start + 24 * SECOND), None);
        assert_eq!(session.handle_timeout(start + 25 * SECOND), Some(Due::Ping));
        assert_eq!(session.handle_timeout(start + 25 * SECOND), None);
        assert_eq!(session.handle_packet(pong(), start + 30 * SECOND), None);
        assert_eq!(session.poll_timeout(), Some(start + 55 * SECOND));
    }

    #[test]
    fn an_unanswered_ping_ends_the_session() {
        for transport in [Transport::Polling, Transport::WebSocket] {
            let (mut session, start) = opened(transport);
            session.handle_timeout(start + 25 * SECOND);
            assert_eq!(session.poll_timeout(), Some(start + 45 * SECOND));
            assert_eq!(session.handle_timeout(start + 45 * SECOND), Some(Due::Closed));
            assert_eq!(session.close_reason(), Some(CloseReason::PingTimeout));
            assert!(session.is_closed());
            assert_eq!(session.poll_timeout(), None);
        }
    }

    #[test]
    fn other_packets_postpone_the_end_once_only() {
        let (mut session, start) = opened(Transport::WebSocket);
        session.handle_timeout(start + 25 * SECOND);
        assert!(session.handle_packet(text(), start + 40 * SECOND).is_some());
        assert_eq!(session.poll_timeout(), Some(start + 60 * SECOND));
        assert!(session.handle_packet(text(), start + 59 * SECOND).is_some());
        assert_eq!(session.poll_timeout(), Some(start + 60 * SECOND));
    }

    #[test]
    fn a_pong_out_of_turn_changes_nothing() {
        let (mut session, start) = opened(Transport::WebSocket);
        session.handle_packet(pong(), start + 20 * SECOND);
        assert_eq!(session.poll_timeout(), Some(start + 25 * SECOND));
    }

    #[test]
    fn what_only_a_server_says_ends_the_session_or_is_ignored() {
        for (packet, reason) in [
            (ping(b""), Some(CloseReason::ParseError)),
            (ping(b"probe"), Some(CloseReason::ParseError)),
            (Err(DecodeError::Empty), Some(CloseReason::ParseError)),
            (Ok(Packet::Close), Some(CloseReason::TransportClose)),
            (Ok(Packet::Open(Bytes::new())), None),
            (Ok(Packet::Upgrade), None),
            (Ok(Packet::Noop), None),
            (pong(), None),
        ] {
            let (mut session, start) = opened(Transport::WebSocket);
            assert_eq!(session.handle_packet(packet.clone(), start), None);
            assert_eq!(session.close_reason(), reason, "{packet:?}");
        }
    }

    #[test]
    fn nothing_is_delivered_after_the_end() {
        let (mut session, start) = opened(Transport::Polling);
        session.handle_packet(Ok(Packet::Close), start);
        assert_eq!(session.handle_packet(text(), start), None);
    }

    #[test]
    fn a_second_poll_ends_the_session() {
        let (mut session, _) = opened(Transport::Polling);
        assert_eq!(session.handle_poll(), PollVerdict::Hold);
        assert_eq!(session.handle_poll(), PollVerdict::Hold);
        session.handle_poll_overlap();
        assert_eq!(session.close_reason(), Some(CloseReason::Overlap));
    }

    #[test]
    fn a_dropped_poll_ends_the_session_unless_it_has_left_polling() {
        let (mut session, _) = opened(Transport::WebSocket);
        session.handle_poll_gone();
        assert_eq!(session.close_reason(), None);
        let (mut session, _) = opened(Transport::Polling);
        session.handle_poll_gone();
        assert_eq!(session.close_reason(), Some(CloseReason::TransportError));
    }

    #[test]
    fn a_first_ping_comes_earlier_by_its_jitter_and_never_later() {
        let now = Instant::now();
        for (jitter, due) in [(Duration::ZERO, 25 * SECOND), (2 * SECOND, 23 * SECOND), (99 * SECOND, Duration::ZERO)] {
            let session = Session::new(SessionConfig::default(), Transport::Polling, now, jitter);
            assert_eq!(session.poll_timeout(), Some(now + due));
            assert_eq!(session.next_ping(), Some(now + due));
        }
    }

    #[test]
    fn times_without_end_are_taken() {
        let never = Duration::MAX;
        let config = SessionConfig {
            ping_interval: never,
            ping_timeout: never,
            upgrade_timeout: never,
            close_timeout: never,
            leaving_timeout: never,
            ..SessionConfig::default()
        };
        let now = Instant::now();
        let mut session = Session::new(config, Transport::Polling, now, Duration::ZERO);
        assert_eq!(session.handle_timeout(now + TIME_MAX), Some(Due::Ping));
        session.excuse_silence(now);
        assert!(session.handle_candidate(now));
        session.handle_candidate_packet(ping(b"probe"), now);
        session.close(CloseReason::Application("expelled"), false, now);
        assert!(session.poll_timeout().is_some());
    }

    #[test]
    fn a_second_post_ends_the_session_and_one_too_large_does_not() {
        let (mut session, _) = opened(Transport::Polling);
        assert_eq!(session.handle_post(), PostVerdict::Read);
        session.handle_post_end(false);
        assert_eq!(session.handle_post(), PostVerdict::Read);
        assert_eq!(session.handle_post(), PostVerdict::Overlap);
        assert_eq!(session.close_reason(), Some(CloseReason::Overlap));
        assert_eq!(session.handle_post(), PostVerdict::Refuse);
    }

    #[test]
    fn an_aborted_post_ends_the_session() {
        let (mut session, _) = opened(Transport::Polling);
        session.handle_post();
        session.handle_post_end(true);
        assert_eq!(session.close_reason(), Some(CloseReason::TransportError));
    }

    #[test]
    fn an_upgrade_goes_by_probe_noop_and_promotion() {
        let (mut session, start) = opened(Transport::Polling);
        session.handle_poll();
        assert!(session.handle_candidate(start));
        assert!(!session.handle_candidate(start), "one candidate at a time");
        assert_eq!(session.transport(), Transport::Polling);
        assert_eq!(session.handle_candidate_packet(ping(b"probe"), start), ProbeVerdict::Pong);
        assert_eq!(session.poll_timeout(), Some(start));
        assert_eq!(session.handle_timeout(start), Some(Due::Noop));
        assert_eq!(session.handle_candidate_packet(Ok(Packet::Upgrade), start), ProbeVerdict::Promote);
        assert_eq!(session.transport(), Transport::WebSocket);
        assert_eq!(session.handle_poll(), PollVerdict::Refuse);
        assert_eq!(session.handle_post(), PostVerdict::Refuse);
        assert!(!session.handle_candidate(start));
        assert_eq!(session.close_reason(), None);
    }

    #[test]
    fn requests_cut_off_by_the_upgrade_do_not_end_the_session() {
        let (mut session, start) = opened(Transport::Polling);
        session.handle_post();
        session.handle_candidate(start);
        session.handle_candidate_packet(ping(b"probe"), start);
        assert_eq!(session.handle_candidate_packet(Ok(Packet::Upgrade), start), ProbeVerdict::Promote);
        session.handle_poll_gone();
        session.handle_post_end(true);
        assert_eq!(session.close_reason(), None);
    }

    #[test]
    fn a_client_that_polls_on_is_nudged_every_tenth_of_a_second() {
        let (mut session, start) = opened(Transport::Polling);
        session.handle_candidate(start);
        session.handle_candidate_packet(ping(b"probe"), start);
        assert_eq!(session.handle_timeout(start), Some(Due::Noop));
        session.handle_poll();
        assert_eq!(session.handle_timeout(start), None);
        assert_eq!(session.poll_timeout(), Some(start + NUDGE_INTERVAL));
        assert_eq!(session.handle_timeout(start + NUDGE_INTERVAL), Some(Due::Noop));
    }

    #[test]
    fn a_bad_or_late_or_lost_candidate_costs_only_itself() {
        for bad in [ping(b""), ping(b"probe2"), text(), pong(), Err(DecodeError::Empty), Ok(Packet::Close)] {
            let (mut session, start) = opened(Transport::Polling);
            session.handle_candidate(start);
            assert_eq!(session.handle_candidate_packet(bad, start), ProbeVerdict::Drop);
            assert_eq!(session.close_reason(), None);
            assert_eq!(session.handle_poll(), PollVerdict::Hold);
            assert!(session.handle_candidate(start), "and another may try");
        }
        let (mut session, start) = opened(Transport::Polling);
        session.handle_candidate(start);
        assert_eq!(session.poll_timeout(), Some(start + 10 * SECOND));
        assert_eq!(session.handle_timeout(start + 10 * SECOND), Some(Due::DropCandidate));
        assert_eq!(session.transport(), Transport::Polling);
        session.handle_candidate(start);
        session.handle_candidate_gone();
        assert_eq!(session.close_reason(), None);
    }

    #[test]
    fn a_close_is_fetched_by_the_next_poll() {
        for reason in [CloseReason::Application("expelled"), CloseReason::Dropped("late")] {
            let (mut session, start) = opened(Transport::Polling);
            session.close(reason, false, start);
            assert_eq!(session.close_reason(), Some(reason));
            assert!(!session.is_closed());
            assert_eq!(session.handle_poll(), PollVerdict::Close);
            assert!(session.is_closed());
        }
    }

    #[test]
    fn a_close_nobody_fetches_ends_by_itself() {
        let (mut session, start) = opened(Transport::Polling);
        session.close(CloseReason::Application("expelled"), false, start);
        assert_eq!(session.poll_timeout(), Some(start + 30 * SECOND));
        assert_eq!(session.handle_timeout(start + 29 * SECOND), None);
        assert_eq!(session.handle_timeout(start + 30 * SECOND), Some(Due::Closed));
        assert!(session.is_closed());
    }

    #[test]
    fn a_close_is_told_at_once_where_it_can_be() {
        let (mut session, start) = opened(Transport::WebSocket);
        session.close(CloseReason::Application("expelled"), false, start);
        assert!(session.is_closed());
        let (mut session, start) = opened(Transport::Polling);
        session.close(CloseReason::Application("expelled"), true, start);
        assert!(session.is_closed());
    }

    fn leaving(reason: CloseReason) -> (Session, Instant) {
        let (mut session, start) = opened(Transport::Polling);
        session.handle_candidate(start);
        session.handle_candidate_packet(ping(b"probe"), start);
        session.close(reason, false, start);
        assert_eq!(session.close_reason(), Some(reason));
        assert!(!session.is_closed() && session.is_probing());
        (session, start)
    }

    #[test]
    fn a_close_in_the_middle_of_an_upgrade_is_told_at_its_end() {
        for reason in [CloseReason::Shutdown, CloseReason::Application("expelled"), CloseReason::Dropped("late")] {
            let (mut session, start) = leaving(reason);
            assert_eq!(session.handle_candidate_packet(ping(b"probe"), start), ProbeVerdict::Pong);
            assert_eq!(session.handle_candidate_packet(Ok(Packet::Upgrade), start), ProbeVerdict::Promote);
            assert!(session.is_closed());
            assert_eq!(session.close_reason(), Some(reason));
        }
    }

    #[test]
    fn a_close_in_the_middle_of_an_upgrade_is_told_to_a_client_that_polls_on() {
        for reason in [CloseReason::Shutdown, CloseReason::Application("expelled"), CloseReason::Dropped("late")] {
            let (mut session, _) = leaving(reason);
            assert_eq!(session.handle_poll(), PollVerdict::Close);
            assert!(session.is_closed() && !session.is_probing());
        }
    }

    #[test]
    fn an_upgrade_that_breaks_off_during_a_close_leaves_it_to_the_poll_where_one_is_waited_for() {
        let (mut session, _) = leaving(CloseReason::Shutdown);
        session.handle_candidate_gone();
        assert!(session.is_closed());

        let (mut session, start) = leaving(CloseReason::Application("expelled"));
        assert_eq!(session.handle_candidate_packet(text(), start), ProbeVerdict::Drop);
        assert!(!session.is_closed() && !session.is_probing());
        assert_eq!(session.handle_poll(), PollVerdict::Close);
    }

    #[test]
    fn an_upgrade_that_is_never_finished_does_not_hold_up_a_shutdown() {
        let (mut session, start) = leaving(CloseReason::Shutdown);
        assert_eq!(session.poll_timeout(), Some(start + SECOND));
        assert_eq!(session.handle_timeout(start + SECOND), Some(Due::Closed));
        assert!(session.is_closed());
    }

    #[test]
    fn an_upgrade_that_is_never_finished_leaves_a_wish_of_the_application_to_the_poll() {
        let (mut session, start) = leaving(CloseReason::Application("expelled"));
        assert_eq!(session.poll_timeout(), Some(start + SECOND));
        assert_eq!(session.handle_timeout(start + SECOND), Some(Due::DropCandidate));
        assert!(!session.is_closed() && !session.is_probing());
        assert_eq!(session.poll_timeout(), Some(start + 30 * SECOND));
        assert_eq!(session.handle_timeout(start + 30 * SECOND), Some(Due::Closed));
    }

    #[test]
    fn a_client_that_closes_itself_meanwhile_need_not_be_told() {
        let (mut session, start) = opened(Transport::Polling);
        session.close(CloseReason::Application("expelled"), false, start);
        assert_eq!(session.handle_packet(text(), start), None);
        assert!(!session.is_closed());
        assert_eq!(session.handle_packet(Ok(Packet::Close), start), None);
        assert!(session.is_closed());
        assert_eq!(session.close_reason(), Some(CloseReason::Application("expelled")));
    }

    #[test]
    fn an_upgrade_that_has_not_been_agreed_on_is_not_waited_for() {
        let (mut session, start) = opened(Transport::Polling);
        session.handle_candidate(start);
        session.close(CloseReason::Shutdown, false, start);
        assert!(session.is_closed() && !session.is_probing());
    }

    #[test]
    fn a_shutdown_reaches_a_close_that_waits_for_its_poll() {
        let (mut session, start) = opened(Transport::Polling);
        session.close(CloseReason::Application("expelled"), false, start);
        assert!(!session.is_closed());
        session.close(CloseReason::Shutdown, false, start);
        assert!(session.is_closed());
        assert_eq!(session.close_reason(), Some(CloseReason::Application("expelled")));

        let (mut session, start) = leaving(CloseReason::Application("expelled"));
        session.close(CloseReason::Shutdown, false, start);
        assert!(!session.is_closed(), "the client says '5' any moment");
        assert_eq!(session.handle_timeout(start + SECOND), Some(Due::Closed));
    }

    #[test]
    fn the_first_reason_stays() {
        let (mut session, start) = opened(Transport::Polling);
        session.close(CloseReason::Application("expelled"), false, start);
        session.close(CloseReason::SlowConsumer, false, start);
        session.handle_websocket_gone(CloseReason::TransportError);
        assert_eq!(session.close_reason(), Some(CloseReason::Application("expelled")));
    }

    #[test]
    fn neither_a_slow_nor_a_faulty_client_nor_a_shutdown_is_waited_for() {
        for reason in [
            CloseReason::SlowConsumer,
            CloseReason::ParseError,
            CloseReason::Violation("x"),
            CloseReason::Internal,
            CloseReason::Shutdown,
        ] {
            let (mut session, start) = opened(Transport::Polling);
            session.close(reason, false, start);
            assert!(session.is_closed());
        }
    }

    #[test]
    fn a_congested_server_does_not_blame_the_client() {
        let (mut session, start) = opened(Transport::WebSocket);
        session.handle_timeout(start + 25 * SECOND);
        session.excuse_silence(start + 44 * SECOND);
        assert_eq!(session.handle_timeout(start + 45 * SECOND), None);
        assert_eq!(session.handle_timeout(start + 50 * SECOND), Some(Due::Ping));
        assert_eq!(session.poll_timeout(), Some(start + 70 * SECOND));
    }

    #[test]
    fn a_client_that_is_not_read_for_long_still_hears_pings() {
        let (mut session, start) = opened(Transport::WebSocket);
        let mut pinged = start;
        for second in 0..600 {
            let now = start + second * SECOND;
            while let Some(due) = session.handle_timeout(now) {
                assert_eq!(due, Due::Ping);
                pinged = now;
            }
            session.excuse_silence(now);
            assert!(now < pinged + 45 * SECOND);
        }
    }
}
