//! What messages mean.

use std::time::Duration;

use engineio_proto::Delivery;
use hub::{Command, Expulsion, Receipt, Room, Target};
use socketio_codec::{AckId, Arguments, Event, Json, RawName};

/// How a node writes what can be written in two ways; it reads both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Format {
    /// MessagePack by `notepack.io`, as all do by default.
    #[default]
    Msgpack,
    /// `parser: JSON`. To Node servers bytes are then plain objects: between Fanfare nodes they are bytes again.
    Json,
}

/// A message that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// What it says.
    pub message: Message,
    /// The uid of who sent it, where it says so: `emitter` is what emitters are called.
    pub from: Option<String>,
    /// How many members named `__proto__` were left out of its values.
    pub left_out: usize,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Message {
    /// Do this to the sockets that are here.
    Order(Order),
    /// Tell me what you have.
    Request(Request),
    /// What somebody has whom somebody asked.
    Response(Response),
    /// Something for the servers' applications, which answer nothing: `serverSideEmit`, its name being the first value.
    ServerSideEmit(Arguments),
}

/// What is to be done to sockets, wherever they are: a [`Command`] that owns what it is made of.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Order {
    /// Send an event.
    Emit(Emit),
    /// `socketsJoin`.
    Join {
        /// Who joins.
        target: Target,
        /// What they join.
        rooms: Vec<Room>,
    },
    /// `socketsLeave`.
    Leave {
        /// Who leaves.
        target: Target,
        /// What they leave.
        rooms: Vec<Room>,
    },
    /// `disconnectSockets`.
    Expel {
        /// Who leaves.
        target: Target,
        /// What they leave.
        from: Expulsion,
    },
}

impl Order {
    /// What the hub is to do.
    pub fn command(&self) -> Command<'_> {
        match self {
            Self::Emit(emit) => emit.command(None, None),
            Self::Join { target, rooms } => Command::Join { target: target.clone(), rooms: rooms.clone() },
            Self::Leave { target, rooms } => Command::Leave { target: target.clone(), rooms: rooms.clone() },
            Self::Expel { target, from } => Command::Expel { target: target.clone(), from: *from },
        }
    }

    /// Whom it is for.
    pub fn target(&self) -> &Target {
        match self {
            Self::Emit(emit) => &emit.target,
            Self::Join { target, .. } | Self::Leave { target, .. } | Self::Expel { target, .. } => target,
        }
    }
}

/// An event of a peer.
#[derive(Debug, Clone, PartialEq)]
pub struct Emit {
    /// Whom it is for.
    pub target: Target,
    /// Its name and arguments.
    pub event: Event,
    /// Whether it is `volatile`.
    pub delivery: Delivery,
    /// Whether it may be compressed on its way to clients.
    pub compress: bool,
}

impl Emit {
    /// What the hub is to do; with an id, clients are asked to acknowledge.
    pub fn command(&self, id: Option<AckId>, receipt: Option<Receipt>) -> Command<'_> {
        Command::Emit {
            target: self.target.clone(),
            name: self.event.raw_name(),
            arguments: self.event.arguments(),
            id,
            delivery: self.delivery,
            receipt,
        }
    }

    /// The same, borrowed.
    pub fn as_ref(&self) -> EmitRef<'_> {
        EmitRef {
            target: &self.target,
            name: self.event.raw_name(),
            arguments: self.event.arguments(),
            delivery: self.delivery,
            compress: self.compress,
        }
    }
}

/// An event to be written.
#[derive(Debug, Clone, Copy)]
pub struct EmitRef<'a> {
    /// Whom it is for.
    pub target: &'a Target,
    /// Its name, as it stands in the packet.
    pub name: RawName<'a>,
    /// Its arguments and attachments.
    pub arguments: &'a Arguments,
    /// Whether it is `volatile`.
    pub delivery: Delivery,
    /// Whether it may be compressed on its way to clients.
    pub compress: bool,
}

impl<'a> EmitRef<'a> {
    /// The event of a command; `None` if it is none.
    pub fn of(command: &'a Command<'_>) -> Option<Self> {
        match command {
            Command::Emit { target, name, arguments, delivery, .. } => {
                Some(Self { target, name: *name, arguments, delivery: *delivery, compress: true })
            }
            _ => None,
        }
    }
}

/// A question that was asked, to be answered with its id.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// By which the asker knows it.
    pub id: String,
    /// What is asked.
    pub question: Question,
}

/// What a peer asks.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Question {
    /// Which sockets are there? Old nodes ask it; [`Answer::Ids`].
    AllSockets(Target),
    /// How many of these sockets are there? [`Answer::Clients`]. Fanfare nodes ask it, by a word in a question that means
    /// something else to Node servers: those name or describe them.
    Count(Target),
    /// Which rooms, each socket's own among them? [`Answer::Rooms`].
    AllRooms,
    /// What is known of these sockets? `fetchSockets`; [`Answer::Sockets`].
    Fetch(Target),
    /// `serverSideEmit` to applications that answer; [`Answer::ServerSide`]. Whoever is subscribed is waited for: one that has
    /// no application answers `null`.
    ServerSideEmit(Arguments),
    /// `emitWithAck`: [`Answer::Clients`] at once, also if there are none, then one [`Answer::Ack`] for each client that
    /// acknowledges.
    EmitWithAck {
        /// What to send.
        emit: Emit,
        /// How long the asker waits.
        timeout: Option<Duration>,
    },
    /// The old form of an order to one socket. Only the node that has it does it, and answers [`Answer::Done`].
    OneSocket {
        /// Which one.
        socket: String,
        /// What to do to it.
        order: Order,
    },
}

/// What is to be asked: a [`Question`] to be written.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Sought<'a> {
    /// `allRooms`. There is none in the sharded protocol.
    AllRooms,
    /// `fetchSockets`.
    Fetch(&'a Target),
    /// How many they are. Fanfare nodes answer a number; Node servers ids where that is asked of them, and else what they answer
    /// to `fetchSockets`.
    Count(&'a Target),
    /// `serverSideEmit`, its name being the first value.
    ServerSideEmit(&'a Arguments),
    /// `emitWithAck`.
    EmitWithAck {
        /// What to send.
        emit: EmitRef<'a>,
        /// How long it is waited for.
        timeout: Duration,
    },
}

/// An answer to a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// The request's.
    pub request_id: String,
    /// What is answered.
    pub answer: Answer,
}

/// What a node answers.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Answer {
    /// The ids of sockets, to old nodes.
    Ids(Vec<String>),
    /// Sockets. Read from an empty list it may be meant for [`Ids`](Self::Ids).
    Sockets(Vec<RemoteSocket>),
    /// Rooms, socket ids among them.
    Rooms(Vec<Room>),
    /// What an application answered: one value, or none.
    ServerSide(Arguments),
    /// How many clients were sent the event, or were meant by [`Question::Count`].
    Clients(u64),
    /// The first value of a client's acknowledgement, or none.
    Ack(Arguments),
    /// It was done.
    Done,
}

/// A socket of another node.
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteSocket {
    /// Its id.
    pub id: String,
    /// `headers`, `time`, `address`, `query` and so on. It goes to everybody on that Redis: no cookies, no tokens.
    pub handshake: Json,
    /// Its rooms, the one of its own id among them.
    pub rooms: Vec<Room>,
    /// What the application keeps with it. Bytes are there as `JSON.stringify` writes them.
    pub data: Json,
}
