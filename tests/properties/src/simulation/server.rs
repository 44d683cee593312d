//! The server: sessions, the hub and its lanes, each of which takes a turn when the dice say so.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use std::vec;

use bytes::Bytes;
use engineio_proto::{
    Answer, CloseReason, DecodeError, Delivery, Due, Encoded, Ledger, Message, OutletBounds, Packet, Payload,
    PollVerdict, PostVerdict, ProbeVerdict, Recipient, Session, SessionConfig, Transport,
};
use hub::{
    Allowance, Client, Command, Connect, CrowdConfig, Expulsion, Hub, Incoming, Lane, LaneConfig, MailboxConfig, Op,
    Owner, SocketId, Target, Turn,
};
use socketio_codec::{Event, Namespace, Text};

use super::Dice;
use super::link::Link;
use super::network::{PollId, Reply, Request, Stream};

pub(crate) struct Server {
    hub: Hub,
    lanes: Vec<Driven>,
    sessions: Vec<Served>,
    bounds: Arc<OutletBounds>,
    /// All events, in the order in which they were passed to the hub: who sent it, and its number.
    log: Vec<(usize, usize)>,
    seed: u64,
}

/// A lane, and what its task has taken out of its mailbox.
struct Driven {
    lane: Lane,
    ops: vec::IntoIter<Op>,
    /// Whether there was nothing to do when it looked last.
    is_idle: bool,
}

/// The server's side of a session.
struct Served {
    number: usize,
    session: Session,
    link: Arc<Link>,
    client: Client,
    lane: usize,
    allowance: Arc<Allowance>,
    socket: Option<SocketId>,
    /// The length of the log when it joined: what came later is for it.
    joined_at: Option<usize>,
    is_told: bool,
    is_over: bool,
    post: Option<Payload>,
    websocket: Option<Arc<Stream>>,
    candidate: Option<Candidate>,
}

/// A WebSocket that wants to become the transport, and what it is told before it is.
struct Candidate {
    stream: Arc<Stream>,
    replies: Vec<u8>,
}

struct Nobody;

impl Owner for Nobody {
    fn expelled(&self, _: SocketId, _: Expulsion) {}
}

impl Server {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let mut mailboxes = MailboxConfig::default();
        mailboxes.session_work_max = 200 + dice.below(2_000) as usize;
        mailboxes.ops_max = 4 + dice.below(100) as usize;
        let mut config = LaneConfig::default();
        config.turn_work_max = 1 + dice.below(60) as usize;
        config.unflushed_emits_max = 1 + dice.below(8) as usize;
        config.crowd = CrowdConfig::default();
        let hub = Hub::new(NonZeroUsize::new(1 + dice.below(3) as usize).expect("there are lanes"), mailboxes);
        let driven = |lane| Driven { lane, ops: Vec::new().into_iter(), is_idle: true };
        let lanes = hub.mailboxes().iter().map(|mailbox| driven(mailbox.lane(config))).collect();
        let bounds = OutletBounds {
            bytes_max: 2_000 + dice.below(40_000) as usize,
            answer_bytes_max: 200 + dice.below(2_000) as usize,
            ledger: Arc::new(Ledger::new(usize::MAX)),
        };
        Self { hub, lanes, sessions: Vec::new(), bounds: Arc::new(bounds), log: Vec::new(), seed: dice.roll() }
    }

    pub(crate) fn open(&mut self, websocket: Option<Arc<Stream>>, now: Instant) -> Arc<Link> {
        let link = Arc::new(Link::new(&self.bounds));
        let mut config = SessionConfig::default();
        config.ping_interval = Duration::from_millis(400);
        // Nobody is closed for being slow to answer: what is looked for here is lost in other ways.
        config.ping_timeout = Duration::from_secs(1_000);
        let transport = if websocket.is_some() { Transport::WebSocket } else { Transport::Polling };
        let mut served = Served {
            number: self.sessions.len(),
            session: Session::new(config, transport, now, Duration::ZERO),
            link: Arc::clone(&link),
            client: Client::new(now, Arc::default()),
            lane: self.hub.next_lane(),
            allowance: self.hub.allowance(),
            socket: None,
            joined_at: None,
            is_told: false,
            is_over: false,
            post: None,
            websocket: None,
            candidate: None,
        };
        if let Some(stream) = websocket {
            served.adopt(stream, None);
        }
        self.sessions.push(served);
        link
    }

    pub(crate) fn turn_of_a_session(&mut self, dice: &mut Dice, now: Instant) {
        let number = dice.below(self.sessions.len() as u64) as usize;
        let turns = 1 + dice.below(12);
        self.turn_of(number, turns, now);
    }

    fn turn_of(&mut self, number: usize, turns: u64, now: Instant) {
        let Self { hub, sessions, log, seed, .. } = self;
        let served = &mut sessions[number];
        if served.is_over || !(served.link.bell.take() | served.has_news(now)) {
            return;
        }
        for _ in 0..turns {
            if !served.turn(&mut Hearing { hub, log, seed }, now) {
                return;
            }
        }
        // It shares the thread with the others.
        served.link.bell.ring();
    }

    pub(crate) fn turn_of_a_lane(&mut self, dice: &mut Dice, now: Instant) {
        let number = dice.below(self.lanes.len() as u64) as usize;
        self.turn_of_lane(number, now);
    }

    fn turn_of_lane(&mut self, number: usize, now: Instant) {
        let Driven { lane, ops, is_idle } = &mut self.lanes[number];
        if lane.poll_timeout().is_some_and(|due| due <= now) {
            lane.handle_timeout(now);
        }
        *is_idle = false;
        if lane.turn(ops, now) == Turn::Done && ops.len() == 0 {
            let mut turn = Vec::new();
            let mut cx = Context::from_waker(Waker::noop());
            *is_idle = self.hub.mailboxes()[number].poll_drain(&mut cx, &mut turn).is_pending();
            *ops = turn.into_iter();
        }
    }

    pub(crate) fn turn_of_all(&mut self, dice: &mut Dice, now: Instant) {
        for number in 0..self.sessions.len() {
            let turns = 1 + dice.below(12);
            self.turn_of(number, turns, now);
        }
        for number in 0..self.lanes.len() {
            self.turn_of_lane(number, now);
        }
    }

    /// Whether nothing is left to do but to wait for a timer.
    pub(crate) fn is_at_rest(&self) -> bool {
        let is_idle = |served: &Served| {
            served.is_over
                || (!served.link.bell.is_rung() && served.link.port().outlet.is_empty() && served.post.is_none())
        };
        self.sessions.iter().all(is_idle)
            && self.lanes.iter().all(|driven| driven.is_idle && driven.lane.poll_timeout().is_none())
    }

    pub(crate) fn close_reason(&self, number: usize) -> Option<CloseReason> {
        self.sessions[number].session.close_reason()
    }

    /// The events that came from a client.
    pub(crate) fn heard_of(&self, number: usize) -> Vec<usize> {
        self.log.iter().filter(|(sender, _)| *sender == number).map(|(_, event)| *event).collect()
    }

    /// The events of `sender` that are for a client.
    pub(crate) fn sent_to(&self, number: usize, sender: usize) -> Vec<usize> {
        let joined_at = self.sessions[number].joined_at.unwrap_or(self.log.len());
        let is_for_it = |(from, _): &&(usize, usize)| *from == sender && (sender != number || sender.is_multiple_of(2));
        self.log[joined_at..].iter().filter(is_for_it).map(|(_, event)| *event).collect()
    }
}

/// Where what a session hears goes.
struct Hearing<'a> {
    hub: &'a Hub,
    log: &'a mut Vec<(usize, usize)>,
    seed: &'a mut u64,
}

impl Served {
    /// What wakes a task but others: readiness, and time.
    fn has_news(&self, now: Instant) -> bool {
        let is_readable = |stream: &Arc<Stream>| !stream.is_empty() || stream.is_cut();
        let is_blocked = self.link.port().outlet.is_blocked();
        let waits_for_room = |stream: &Arc<Stream>| {
            stream.has_room() && (is_blocked || (!stream.is_direct && !self.link.port().outlet.is_empty()))
        };
        self.session.poll_timeout().is_some_and(|due| due <= now)
            || self.websocket.as_ref().is_some_and(|stream| is_readable(stream) || waits_for_room(stream))
            || self.candidate.as_ref().is_some_and(|candidate| is_readable(&candidate.stream))
            || self.post.is_some()
    }

    /// One turn of the session's task. False when there is nothing to do.
    fn turn(&mut self, hearing: &mut Hearing<'_>, now: Instant) -> bool {
        self.tell_end(hearing);
        if self.session.is_closed() {
            self.say_goodbye();
            return false;
        }
        let (close, is_poll_gone, request) = {
            let mut port = self.link.port();
            port.outlet.see();
            let close = port.outlet.next_close();
            let is_poll_gone = port.outlet.is_lost();
            let request = if close.is_none() { port.requests.pop_front() } else { None };
            (close, is_poll_gone, request)
        };
        if let Some(reason) = close {
            self.close(reason, now);
        } else if let Some(request) = request {
            self.on_request(request, now);
        } else if self.session.poll_timeout().is_some_and(|due| due <= now) {
            self.on_timeout(now);
        } else if is_poll_gone {
            self.session.handle_poll_gone();
        } else {
            self.write();
            return self.read(hearing, now);
        }
        true
    }

    fn on_timeout(&mut self, now: Instant) {
        while let Some(due) = self.session.handle_timeout(now) {
            match due {
                Due::Ping => {
                    self.link.queue(&Encoded::packet("2"), Delivery::Reliable);
                    self.link.flush();
                }
                Due::Noop => {
                    let mut port = self.link.port();
                    let poll = port.outlet.take_poll();
                    let is_lost = poll.is_some_and(|poll| !port.reply_with(poll, Encoded::packet("6")));
                    drop(port);
                    if is_lost {
                        self.session.handle_poll_gone();
                    }
                }
                Due::DropCandidate => self.drop_candidate(),
                Due::Closed => return,
            }
        }
    }

    fn on_request(&mut self, request: Request, now: Instant) {
        match request {
            Request::Poll(poll) => self.on_poll(poll),
            Request::Post => {
                let is_welcome = self.session.handle_post() == PostVerdict::Read;
                self.link.port().is_post_welcome = Some(is_welcome);
            }
            Request::PostBody(body) => self.post = Some(Payload::new(body.into_bytes())),
            Request::Candidate(stream) => {
                if self.session.handle_candidate(now) {
                    self.candidate = Some(Candidate { stream, replies: Vec::new() });
                } else {
                    stream.cut();
                }
            }
        }
    }

    fn on_poll(&mut self, poll: PollId) {
        match self.session.handle_poll() {
            PollVerdict::Hold => {
                if let Some(poll) = self.link.hold(poll) {
                    self.session.handle_poll_overlap();
                    self.link.port().reply(poll, Reply::Refused);
                }
            }
            PollVerdict::Close => {
                let mut port = self.link.port();
                let mut answer = port.outlet.take();
                answer.push(Encoded::packet("1"));
                port.reply(poll, Reply::Payload(answer));
            }
            PollVerdict::Refuse => {
                self.link.port().reply(poll, Reply::Refused);
            }
        }
    }

    fn write(&mut self) {
        if let Some(Candidate { stream, replies }) = &mut self.candidate {
            let written = stream.write(replies);
            replies.drain(..written);
        }
        let Some(stream) = &self.websocket else { return };
        let mut port = self.link.port();
        if !stream.is_direct {
            port.write_as_task(stream);
        } else if port.outlet.is_blocked() && stream.has_room() {
            port.outlet.set_blocked(false);
            port.write();
        }
    }

    fn read(&mut self, hearing: &mut Hearing<'_>, now: Instant) -> bool {
        if let Some(Candidate { stream, replies }) = &self.candidate
            && replies.is_empty()
        {
            if stream.is_cut() {
                self.session.handle_candidate_gone();
                self.drop_candidate();
                return true;
            }
            if let Some(text) = stream.next() {
                match self.session.handle_candidate_packet(Packet::decode_text(&text), now) {
                    ProbeVerdict::Pong => self.reply_to_candidate(),
                    ProbeVerdict::Promote => self.promote(),
                    ProbeVerdict::Drop => self.drop_candidate(),
                }
                return true;
            }
        }
        let waker = self.link.bell.waker();
        if !self.is_told && self.allowance.poll_ready(&mut Context::from_waker(&waker)) == Poll::Pending {
            return false;
        }
        if let Some(payload) = &mut self.post {
            match payload.next() {
                Some(packet) => self.on_packet(packet, hearing, now),
                None => {
                    self.post = None;
                    self.session.handle_post_end(false);
                    self.link.port().is_post_handled = true;
                }
            }
            return true;
        }
        let Some(stream) = &self.websocket else { return false };
        if let Some(text) = stream.next() {
            self.on_packet(Packet::decode_text(&text), hearing, now);
            return true;
        }
        if stream.is_cut() {
            self.session.handle_websocket_gone(CloseReason::TransportClose);
            return true;
        }
        false
    }

    fn on_packet(&mut self, packet: Result<Packet, DecodeError>, hearing: &mut Hearing<'_>, now: Instant) {
        let Some(Message::Text(text)) = self.session.handle_packet(packet, now) else { return };
        let incoming = self.client.handle_text(now, Text::from_checked(text.into_bytes()));
        match incoming.expect("the clients here break no rules") {
            Some(Incoming::Connect { namespace, .. }) => self.join(&namespace, hearing),
            Some(Incoming::Event { event, .. }) => self.relay(&event, hearing),
            other => panic!("nobody says this: {other:?}"),
        }
    }

    fn join(&mut self, namespace: &Namespace, hearing: &mut Hearing<'_>) {
        let seed = &mut *hearing.seed;
        let id = hearing.hub.socket_id(self.lane, || {
            *seed += 1;
            let mut random = [0; 15];
            random[..8].copy_from_slice(&seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
            random[8] = self.number as u8;
            random
        });
        assert!(self.client.accept(namespace, id));
        let connect = Connect {
            socket: id,
            namespace: namespace.clone(),
            recipient: Arc::clone(&self.link) as _,
            owner: Arc::new(Nobody),
        };
        hearing.hub.connect(connect, Some(&self.allowance));
        self.socket = Some(id);
        self.joined_at = Some(hearing.log.len());
    }

    /// To all, or, of every second client, to all others.
    fn relay(&mut self, event: &Event, hearing: &mut Hearing<'_>) {
        let (sender, number): (usize, usize) =
            (event.deserialize(0).expect("a number"), event.deserialize(1).expect("a number"));
        assert_eq!(sender, self.number);
        hearing.log.push((sender, number));
        let everyone = Target::everyone(Namespace::ROOT);
        let socket = self.socket.expect("only who is connected is heard");
        let target = if sender.is_multiple_of(2) { everyone } else { everyone.except_socket(socket) };
        let name = event.raw_name();
        let (arguments, delivery) = (event.arguments(), Delivery::Reliable);
        let command = Command::Emit { target, name, arguments, id: None, delivery, receipt: None };
        hearing.hub.apply(command, Some(&self.allowance));
    }

    fn reply_to_candidate(&mut self) {
        if let Some(Candidate { stream, replies }) = &mut self.candidate {
            replies.extend_from_slice(Encoded::packet("3probe").websocket());
            let written = stream.write(replies);
            replies.drain(..written);
        }
    }

    fn promote(&mut self) {
        if let Some(Candidate { stream, replies }) = self.candidate.take() {
            let unsent = (!replies.is_empty()).then(|| Encoded::control(Bytes::from(replies)));
            self.adopt(stream, unsent);
        }
    }

    fn adopt(&mut self, stream: Arc<Stream>, unsent: Option<Encoded>) {
        let mut port = self.link.port();
        let poll = if stream.is_direct {
            port.socket = Some(Arc::clone(&stream));
            port.outlet.set_socket(unsent)
        } else {
            port.outlet.set_task(unsent)
        };
        if let Some(poll) = poll {
            port.reply_with(poll, Encoded::packet("6"));
        }
        drop(port);
        self.websocket = Some(stream);
        self.link.flush();
    }

    fn drop_candidate(&mut self) {
        if let Some(candidate) = self.candidate.take() {
            candidate.stream.cut();
        }
    }

    fn close(&mut self, reason: CloseReason, now: Instant) {
        let mut port = self.link.port();
        port.outlet.seal();
        let is_polled = port.outlet.is_polled();
        drop(port);
        self.session.close(reason, is_polled, now);
    }

    fn tell_end(&mut self, hearing: &mut Hearing<'_>) {
        if self.session.close_reason().is_some() && !std::mem::replace(&mut self.is_told, true) {
            self.link.port().outlet.seal();
            if let Some(socket) = self.socket {
                hearing.hub.disconnect(socket);
            }
            if !self.session.is_probing() {
                self.drop_candidate();
            }
        }
    }

    fn say_goodbye(&mut self) {
        let mut port = self.link.port();
        port.outlet.give_up();
        let (_, poll) = port.outlet.shut();
        if let Some(poll) = poll {
            port.reply(poll, Reply::Payload(Answer::of(Encoded::packet("1"))));
        }
        while let Some(request) = port.requests.pop_front() {
            match request {
                Request::Poll(poll) => {
                    port.reply(poll, Reply::Refused);
                }
                Request::Candidate(stream) => stream.cut(),
                Request::Post | Request::PostBody(_) => {}
            }
        }
        port.is_post_welcome = Some(false);
        drop(port);
        self.drop_candidate();
        if let Some(stream) = self.websocket.take() {
            stream.cut();
        }
        self.post = None;
        self.is_over = true;
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sessions = self.sessions.iter().map(|served| (&served.session, served.link.port().outlet.backlog()));
        f.debug_list().entries(sessions.map(|session| format!("{session:?}"))).finish()
    }
}
