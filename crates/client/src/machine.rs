//! The client as a state machine.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::mem;
use std::time::{Duration, Instant};

use bytes::Bytes;
use engineio_proto::{Message, Packet as EnginePacket, Utf8};
use socketio_codec::{
    AckId, Arguments, DecodeError, Decoder, Event, EventName, Json, Limits, Namespace, Packet, PacketRef, Text,
};

use crate::failure::{Failure, Unsupported};
use crate::frame::Frame;
use crate::handshake::{self, Opened};
use crate::happening::{EmitError, End, Happening, NoAnswer};
use crate::reconnect::{Chance, Reconnect};

/// What a [`Machine`] is to do.
#[derive(Clone)]
#[non_exhaustive]
pub struct MachineConfig {
    /// Which namespace to join.
    pub namespace: Namespace,
    /// What to show for it: a JSON object.
    pub auth: Option<Json>,
    /// When to try again.
    pub reconnect: Reconnect,
    /// How long opening a connection may take, to the server's open packet. 20 s, the official `timeout`.
    pub open_timeout: Duration,
    /// How long [`Machine::close`] waits for the server to have read everything. 5 s.
    pub close_timeout: Duration,
    /// How many bytes may wait to be sent. 16 MiB.
    pub queue_bytes_max: usize,
    /// The bytes of one message from the server, and of one packet's attachments together. 64 MiB.
    pub message_bytes_max: usize,
}

impl Default for MachineConfig {
    fn default() -> Self {
        Self {
            namespace: Namespace::ROOT,
            auth: None,
            reconnect: Reconnect::default(),
            open_timeout: Duration::from_secs(20),
            close_timeout: Duration::from_secs(5),
            queue_bytes_max: 16 << 20,
            message_bytes_max: 64 << 20,
        }
    }
}

/// One client of one namespace, without I/O: no socket, no clock, no chance of its own.
///
/// ```text
///            handle_timeout: Dial     handle_dialed         the open packet         CONNECT
///   waiting ────────────────► dialing ────────────► opening ──────────────► joining ──────► joined
///      ▲                         │                     │                       │              │
///      └─────────────────────────┴─────────────────────┴───────────────────────┴──────────────┤
///        handle_dial_failed, handle_closed, too late, silence: as often as allowed            │
///                                                                                             │
///   ended ◄───────────────────────────── leaving ◄────────────────────────────────────────────┘
///        the server's close, or too late          close, CONNECT_ERROR, DISCONNECT
/// ```
///
/// After each call of a `handle_…` or of a command: [`poll_action`](Self::poll_action) until `None`,
/// [`poll_happening`](Self::poll_happening) until `None`, [`poll_frame`](Self::poll_frame) whenever the WebSocket takes
/// one, and [`poll_timeout`](Self::poll_timeout) for when to call [`handle_timeout`](Self::handle_timeout). What has
/// arrived is handed in before a time-out is: a client that was held up itself is not to take its server for silent.
pub struct Machine {
    config: MachineConfig,
    chance: Chance,
    state: State,
    /// Whether it was ever connected.
    past: Past,
    /// Attempts that have failed since it was connected, or at all.
    failed: u32,
    decoder: Decoder,
    action: Option<Action>,
    frames: VecDeque<Frame>,
    frame_bytes: usize,
    happenings: VecDeque<Happening>,
    /// What is to be acknowledged, until when.
    questions: BTreeMap<AckId, Instant>,
    next_question: u32,
}

/// What is to be done about the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Connect, whatever was before: TCP, TLS if need be, and the WebSocket.
    Dial,
    /// Drop the connection, or the attempt.
    HangUp,
}

#[derive(Debug)]
enum State {
    Waiting {
        until: Instant,
    },
    /// No WebSocket yet.
    Dialing {
        until: Instant,
    },
    /// The open packet is due.
    Opening {
        until: Instant,
    },
    /// CONNECT is on its way. A server may emit before it answers: that waits here.
    Joining {
        line: Line,
        early: Early,
    },
    Joined {
        line: Line,
    },
    Leaving {
        step: Step,
        until: Instant,
        end: End,
    },
    Ended,
}

/// An open connection.
#[derive(Debug)]
struct Line {
    opened: Opened,
    /// When the server has been silent for too long.
    silent_at: Instant,
}

/// What came before the server's CONNECT.
#[derive(Debug, Default)]
struct Early(Vec<Happening>);

impl Early {
    fn has_room(&self) -> bool {
        self.0.len() < EARLY_MAX && self.0.iter().map(bytes).sum::<usize>() < EARLY_BYTES_MAX
    }

    fn push(&mut self, happening: Happening) {
        self.0.push(happening);
    }
}

fn bytes(happening: &Happening) -> usize {
    let Happening::Event { event, .. } = happening else { return 0 };
    let arguments = event.arguments();
    event.raw_name().as_str().len()
        + arguments.as_str().len()
        + arguments.attachments().iter().map(Bytes::len).sum::<usize>()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// A ping is on its way: its pong says that what was before it is read.
    Asking,
    /// The close is on its way.
    Parting,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Past {
    NeverConnected,
    Connected,
}

/// A packet from the server, as far as it concerns us.
type Decoded = Result<Option<Packet>, DecodeError>;

impl Machine {
    /// One that dials at the first [`handle_timeout`](Self::handle_timeout). `seed` is any number, another one for each.
    pub fn new(config: MachineConfig, seed: u64, now: Instant) -> Self {
        Self {
            decoder: decoder(&config),
            config,
            chance: Chance(seed),
            state: State::Waiting { until: now },
            past: Past::NeverConnected,
            failed: 0,
            action: None,
            frames: VecDeque::new(),
            frame_bytes: 0,
            happenings: VecDeque::new(),
            questions: BTreeMap::new(),
            next_question: 0,
        }
    }

    /// The WebSocket stands.
    pub fn handle_dialed(&mut self) {
        if let State::Dialing { until } = self.state {
            self.state = State::Opening { until };
        }
    }

    /// There is no WebSocket.
    pub fn handle_dial_failed(&mut self, now: Instant, why: Failure) {
        if matches!(self.state, State::Dialing { .. }) {
            self.lose(now, why);
        }
    }

    /// A text message came, which the WebSocket has checked to be UTF-8.
    pub fn handle_text(&mut self, now: Instant, text: &Utf8) {
        match EnginePacket::decode_text(text) {
            Ok(packet) => self.handle_engine(now, packet),
            Err(error) => self.lose(now, Failure::Malformed(error.to_string())),
        }
    }

    /// A binary message came.
    pub fn handle_binary(&mut self, now: Instant, bytes: Bytes) {
        self.handle_engine(now, EnginePacket::Message(Message::Binary(bytes)));
    }

    /// A pong of the WebSocket came.
    pub fn handle_pong(&mut self, now: Instant, data: &[u8]) {
        self.heard(now);
        let until = now + PARTING_MAX;
        if let State::Leaving { step: Step::Asking, .. } = self.state
            && data == HEARD
        {
            self.state = State::Leaving { step: Step::Parting, until, end: End::Closed { is_heard: true } };
            let leave = Frame::message(&PacketRef::disconnect(&self.config.namespace));
            self.queue([leave, Frame::Close]);
        }
    }

    /// Another sign of life came, such as a ping of the WebSocket.
    pub fn handle_other(&mut self, now: Instant) {
        self.heard(now);
    }

    /// The connection is over: by the server's close, or broken.
    pub fn handle_closed(&mut self, now: Instant, why: Failure) {
        self.lose(now, why);
    }

    /// The time of [`poll_timeout`](Self::poll_timeout) has come. (If it has not, nothing happens.)
    pub fn handle_timeout(&mut self, now: Instant) {
        self.give_up_questions(|until| until <= now, NoAnswer::TimedOut);
        match self.state {
            State::Waiting { until } if until <= now => {
                self.state = State::Dialing { until: now + self.config.open_timeout };
                self.action = Some(Action::Dial);
            }
            State::Dialing { until } | State::Opening { until } if until <= now => self.lose(now, Failure::TimedOut),
            State::Joining { ref line, .. } | State::Joined { ref line } if line.silent_at <= now => {
                self.lose(now, Failure::PingTimeout);
            }
            State::Leaving { until, .. } if until <= now => self.lose(now, Failure::TimedOut),
            _ => {}
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub fn poll_timeout(&self) -> Option<Instant> {
        let state = match &self.state {
            State::Waiting { until } | State::Dialing { until } | State::Opening { until } => Some(*until),
            State::Joining { line, .. } | State::Joined { line } => Some(line.silent_at),
            State::Leaving { until, .. } => Some(*until),
            State::Ended => None,
        };
        state.into_iter().chain(self.questions.values().copied()).min()
    }

    /// What is to be done about the connection, before anything else.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.action.take()
    }

    /// What happened. After [`Happening::Ended`] nothing does.
    pub fn poll_happening(&mut self) -> Option<Happening> {
        self.happenings.pop_front()
    }

    /// The next frame to send. A frame that was taken is sent, or the connection is over.
    pub fn poll_frame(&mut self) -> Option<Frame> {
        let frame = self.frames.pop_front()?;
        self.frame_bytes = self.frame_bytes.saturating_sub(frame.len());
        Some(frame)
    }

    /// Emits an event.
    ///
    /// # Errors
    /// Why not; then nothing of it goes out.
    pub fn emit(&mut self, name: &EventName, arguments: &Arguments) -> Result<(), EmitError> {
        let namespace = self.config.namespace.clone();
        self.send(&PacketRef::event(&namespace, name, arguments))
    }

    /// Emits an event that is to be acknowledged within a time: [`Happening::Answered`].
    ///
    /// # Errors
    /// Why not; then nothing of it goes out, and no answer comes.
    pub fn emit_with_ack(
        &mut self,
        now: Instant,
        name: &EventName,
        arguments: &Arguments,
        timeout: Duration,
    ) -> Result<AckId, EmitError> {
        if self.questions.len() >= QUESTIONS_MAX {
            return Err(EmitError::Full);
        }
        let namespace = self.config.namespace.clone();
        let id = AckId::from(self.next_question);
        self.send(&PacketRef::event(&namespace, name, arguments).with_id(id))?;
        self.next_question = self.next_question.wrapping_add(1);
        self.questions.insert(id, now + timeout.min(TIME_MAX));
        Ok(id)
    }

    /// Acknowledges an event that came with this id.
    ///
    /// # Errors
    /// Why not.
    pub fn acknowledge(&mut self, id: AckId, arguments: &Arguments) -> Result<(), EmitError> {
        let namespace = self.config.namespace.clone();
        self.send(&PacketRef::ack(&namespace, id, arguments))
    }

    /// Leaves, when the server has read what was emitted; [`Happening::Ended`] says whether it has.
    ///
    /// Servers handle what comes in order, but the reference forgets an event whose client's DISCONNECT is already there
    /// when the event's turn comes, a moment later. So a ping of the WebSocket goes first, and the rest behind its pong.
    pub fn close(&mut self, now: Instant) {
        let until = now + self.config.close_timeout.min(TIME_MAX);
        match self.state {
            State::Joined { .. } => {
                self.queue([Frame::Ping(Bytes::from_static(HEARD))]);
                self.state = State::Leaving { step: Step::Asking, until, end: End::Closed { is_heard: false } };
            }
            State::Opening { .. } | State::Joining { .. } => self.leave(now, End::Closed { is_heard: true }),
            State::Waiting { .. } | State::Dialing { .. } => self.end(End::Closed { is_heard: true }),
            State::Leaving { .. } | State::Ended => {}
        }
    }

    fn handle_engine(&mut self, now: Instant, packet: EnginePacket) {
        self.heard(now);
        match packet {
            EnginePacket::Open(json) => self.handle_open(now, &json),
            EnginePacket::Close => {
                self.lose(now, Failure::Closed { code: None, reason: String::new() });
            }
            // Behind the close nothing is sent.
            EnginePacket::Ping(_) if matches!(self.state, State::Leaving { step: Step::Parting, .. }) => {}
            EnginePacket::Ping(data) => {
                // It was read as text.
                let pong = format!("3{}", String::from_utf8_lossy(&data));
                match self.frame_bytes > 0 && self.frame_bytes + pong.len() > self.config.queue_bytes_max {
                    true => {
                        self.lose(now, Failure::Broken("the server pings, and does not read the answers".to_owned()))
                    }
                    false => self.queue([Frame::Text(pong)]),
                }
            }
            EnginePacket::Message(Message::Text(text)) if self.is_open() => {
                let decoded = self.decoder.handle_text(Text::from_checked(text.into_bytes()));
                self.handle_decoded(now, decoded);
            }
            EnginePacket::Message(Message::Binary(bytes)) if self.is_open() => {
                let decoded = self.decoder.handle_binary(bytes);
                self.handle_decoded(now, decoded);
            }
            // Without effect over a WebSocket, or too early, or too late.
            EnginePacket::Message(_) | EnginePacket::Pong(_) | EnginePacket::Upgrade | EnginePacket::Noop => {}
        }
    }

    fn handle_open(&mut self, now: Instant, json: &[u8]) {
        if !matches!(self.state, State::Opening { .. }) {
            return;
        }
        let Some(opened) = Opened::parse(json) else {
            return self.lose(now, Failure::Malformed("an open packet without its times".to_owned()));
        };
        let line = Line { opened, silent_at: now + opened.silence_max };
        self.state = State::Joining { line, early: Early::default() };
        let connect = Frame::message(&PacketRef::connect(&self.config.namespace, self.config.auth.as_ref()));
        self.queue([connect]);
    }

    fn handle_decoded(&mut self, now: Instant, decoded: Decoded) {
        match decoded {
            Ok(Some(packet)) => {
                // The query is the client's own, for the server: answers come without it.
                let namespace = packet.namespace().without_query();
                if namespace == self.config.namespace.without_query() {
                    self.handle_packet(now, packet);
                }
            }
            Ok(None) => {}
            Err(error) => self.lose(now, Failure::Malformed(error.to_string())),
        }
    }

    fn handle_packet(&mut self, now: Instant, packet: Packet) {
        match packet {
            Packet::Connect { auth, .. } => self.handle_connect(now, auth.as_ref()),
            Packet::ConnectError { error, .. } => {
                self.leave(now, End::Refused(handshake::refusal(error.as_ref())));
            }
            Packet::Disconnect { .. } if matches!(self.state, State::Joined { .. }) => self.leave(now, End::Expelled),
            Packet::Event { id, event, .. } => self.handle_event(now, id, event),
            Packet::Ack { id: Some(id), arguments, .. } => {
                if self.questions.remove(&id).is_some() {
                    self.happenings.push_back(Happening::Answered { id, answer: Ok(arguments) });
                }
            }
            // The reference's client has none of these, and goes on.
            Packet::Disconnect { .. } | Packet::EmptyEvent { .. } | Packet::Ack { id: None, .. } => {}
        }
    }

    fn handle_connect(&mut self, now: Instant, payload: Option<&Json>) {
        if !matches!(self.state, State::Joining { .. }) {
            return;
        }
        let Some(id) = handshake::socket_id(payload) else {
            return self.lose(now, Failure::Unsupported(Unsupported::OldProtocol));
        };
        if let State::Joining { line, early } = mem::replace(&mut self.state, State::Ended) {
            self.state = State::Joined { line };
            self.happenings.push_back(Happening::Connected { id });
            self.happenings.extend(early.0);
        }
        self.past = Past::Connected;
        self.failed = 0;
    }

    fn handle_event(&mut self, now: Instant, id: Option<AckId>, event: Event) {
        let happening = Happening::Event { event, id };
        match &mut self.state {
            State::Joining { early, .. } if early.has_room() => early.push(happening),
            State::Joining { .. } => self.lose(now, Failure::Malformed("too many events before CONNECT".to_owned())),
            State::Joined { .. } => self.happenings.push_back(happening),
            _ => {}
        }
    }

    /// Any word counts: a server that is busy sending may be late with its ping.
    fn heard(&mut self, now: Instant) {
        if let State::Joining { line, .. } | State::Joined { line } = &mut self.state {
            line.silent_at = now + line.opened.silence_max;
        }
    }

    fn is_open(&self) -> bool {
        matches!(self.state, State::Joining { .. } | State::Joined { .. })
    }

    fn send(&mut self, packet: &PacketRef<'_>) -> Result<(), EmitError> {
        let State::Joined { line } = &self.state else {
            return Err(EmitError::NotConnected);
        };
        let message = Frame::message(packet);
        let attachments = packet.attachments();
        if let Some(bytes_max) = line.opened.message_bytes_max {
            // What the reference counts is the WebSocket's message, the type digit with it.
            let bytes = attachments.iter().map(Bytes::len).chain([message.len()]).max().unwrap_or_default();
            if bytes > bytes_max {
                return Err(EmitError::TooLarge { bytes, bytes_max });
            }
        }
        let bytes = message.len() + attachments.iter().map(Bytes::len).sum::<usize>();
        // One that is larger than the bound goes alone.
        if self.frame_bytes > 0 && self.frame_bytes + bytes > self.config.queue_bytes_max {
            return Err(EmitError::Full);
        }
        self.queue([message].into_iter().chain(attachments.iter().cloned().map(Frame::Binary)));
        Ok(())
    }

    fn queue(&mut self, frames: impl IntoIterator<Item = Frame>) {
        for frame in frames {
            self.frame_bytes += frame.len();
            self.frames.push_back(frame);
        }
    }

    /// Closes in good order, and ends when that is done.
    fn leave(&mut self, now: Instant, end: End) {
        self.state = State::Leaving { step: Step::Parting, until: now + PARTING_MAX, end };
        self.queue([Frame::Close]);
    }

    /// Without a connection, from here on.
    fn lose(&mut self, now: Instant, why: Failure) {
        match mem::replace(&mut self.state, State::Ended) {
            State::Ended => return,
            State::Leaving { end, .. } => return self.end(end),
            State::Joined { .. } => self.failed = 0,
            _ => self.failed = self.failed.saturating_add(1),
        }
        self.hang_up();
        let Reconnect { attempts_max, first_attempts_max, .. } = self.config.reconnect;
        let attempts_max = if self.past == Past::Connected { attempts_max } else { first_attempts_max };
        let is_final = matches!(why, Failure::Unsupported(_));
        if is_final || attempts_max.is_some_and(|most| self.failed >= most) {
            return self.end(End::GaveUp(why));
        }
        // The attempt that fails first has waited for nothing, or as long as one after a loss does.
        let waits = if self.past == Past::Connected { self.failed } else { self.failed.saturating_sub(1) };
        let retry_in = self.config.reconnect.wait(waits, self.chance.next());
        self.state = State::Waiting { until: now + retry_in };
        self.happenings.push_back(match self.failed {
            0 => Happening::Lost { why, retry_in },
            _ => Happening::Failed { why, retry_in },
        });
    }

    fn end(&mut self, end: End) {
        self.hang_up();
        self.state = State::Ended;
        self.happenings.push_back(Happening::Ended(end));
    }

    fn hang_up(&mut self) {
        self.action = Some(Action::HangUp);
        self.frames.clear();
        self.frame_bytes = 0;
        self.decoder = decoder(&self.config);
        self.give_up_questions(|_| true, NoAnswer::Lost);
    }

    fn give_up_questions(&mut self, is_over: impl Fn(Instant) -> bool, why: NoAnswer) {
        self.questions.retain(|id, until| {
            let is_over = is_over(*until);
            if is_over {
                self.happenings.push_back(Happening::Answered { id: *id, answer: Err(why) });
            }
            !is_over
        });
    }
}

impl fmt::Debug for MachineConfig {
    /// Without `auth`, which is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { namespace, reconnect, .. } = self;
        f.debug_struct("MachineConfig")
            .field("namespace", namespace)
            .field("reconnect", reconnect)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Machine {
    /// Without what waits to be sent: the secret is there too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { config, state, failed, .. } = self;
        f.debug_struct("Machine")
            .field("config", config)
            .field("state", state)
            .field("failed", failed)
            .finish_non_exhaustive()
    }
}

fn decoder(config: &MachineConfig) -> Decoder {
    let mut limits = Limits::default();
    limits.attachment_bytes_max = config.message_bytes_max;
    Decoder::new(limits)
}

/// What the last ping says, so that no other pong is taken for its answer.
const HEARD: &[u8] = b"heard?";

/// How long the server's own close is waited for, which is only good manners.
const PARTING_MAX: Duration = Duration::from_secs(2);

/// Events before the server's CONNECT: one is usual (the admin namespace's `session`).
const EARLY_MAX: usize = 1000;

/// And of so many bytes, but for the last: one that is large is taken.
const EARLY_BYTES_MAX: usize = 1 << 20;

/// Events at once that wait for an acknowledgement.
const QUESTIONS_MAX: usize = 65_536;

/// An `Instant` has an end.
const TIME_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);
