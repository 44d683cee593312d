//! What a lane is told to do.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use engineio_proto::{CloseReason, Delivery, Encoded, Recipient};
use socketio_codec::Namespace;

use super::charged::Charged;
use super::gather::Gather;
use super::owner::{Direction, Expulsion, Owner};
use super::receipt::Receipt;
use crate::{Room, SocketId, Target};

/// One entry of a lane's mailbox, made by the [`Hub`](crate::Hub) and understood by the [`Lane`](crate::Lane).
///
/// Small: what goes to several lanes is shared between them.
#[derive(Debug)]
pub enum Op {
    /// A socket joined its namespace.
    Connect(Box<Charged<Greeted>>),
    /// A socket left its namespace, or its connection ended.
    Disconnect(SocketId),
    /// A connection is told something that concerns none of its sockets.
    Tell(Box<Charged<Tell>>),
    /// Sockets join or leave rooms.
    Move(Arc<Charged<Move>>),
    /// An event for some sockets.
    Emit(Arc<Charged<Emit>>),
    /// Sockets are made to leave.
    Expel(Arc<Charged<Expel>>),
    /// Which sockets are there, and in which rooms?
    FetchSockets(Arc<FetchSockets>),
    /// How many sockets are there, or which, and no more?
    Find(Arc<Find>),
    /// Which rooms are there?
    FetchRooms(Arc<FetchRooms>),
}

/// A socket that joins its namespace.
pub struct Connect {
    /// Its id, never used before.
    pub socket: SocketId,
    /// What it joined.
    pub namespace: Namespace,
    /// Where what is for it goes.
    pub recipient: Arc<dyn Recipient>,
    /// Who is told when it is expelled.
    pub owner: Arc<dyn Owner>,
}

/// A [`Connect`] with the answer to the client, queued at the moment of joining: nothing that is for the socket comes
/// before it, and no broadcast after it is missed.
#[derive(Debug)]
pub struct Greeted {
    pub(crate) connect: Connect,
    pub(crate) greeting: Encoded,
}

/// Something for a connection as a whole.
pub struct Tell {
    pub(crate) recipient: Arc<dyn Recipient>,
    pub(crate) message: Message,
}

/// What a connection is told.
#[derive(Debug)]
pub(crate) enum Message {
    Packet(Encoded),
    Close(CloseReason),
}

/// An event on its way.
#[derive(Debug)]
pub struct Emit {
    /// Whom it is for.
    pub target: Target,
    /// The event, encoded once for all.
    pub encoded: Encoded,
    /// What to do for a recipient that cannot take it now.
    pub delivery: Delivery,
    /// Who wants to know what became of it.
    pub receipt: Option<Receipt>,
}

/// Sockets that join or leave rooms.
#[derive(Debug)]
pub struct Move {
    pub(crate) target: Target,
    pub(crate) rooms: Vec<Room>,
    pub(crate) direction: Direction,
    /// In how many rooms one may be afterwards, where that is bounded.
    pub(crate) bound: Option<RoomsBound>,
}

/// In how many rooms a socket may be, its own not counted, and what did not come about for that.
#[derive(Debug, Clone)]
pub struct RoomsBound {
    /// So many.
    pub rooms_max: usize,
    /// How often a socket was not let into one: counted up as it happens.
    pub refused: Arc<AtomicU64>,
}

/// Sockets that are made to leave.
#[derive(Debug)]
pub struct Expel {
    pub(crate) target: Target,
    pub(crate) from: Expulsion,
    /// The DISCONNECT packet of the target's namespace, where the client is told.
    pub(crate) farewell: Option<Encoded>,
}

/// A question about sockets.
pub struct FetchSockets {
    pub(crate) target: Target,
    pub(crate) found: Gather<SocketInfo>,
}

/// A question about sockets of which nothing more is asked.
pub struct Find {
    pub(crate) target: Target,
    pub(crate) found: Found,
}

/// What is gathered of them.
pub(crate) enum Found {
    /// How many each lane has.
    Number(Gather<usize>),
    Ids(Gather<SocketId>),
}

/// A socket as a fetch found it. By the time it is read, it may have moved or gone.
#[derive(Clone)]
#[non_exhaustive]
pub struct SocketInfo {
    /// Its id.
    pub id: SocketId,
    /// The rooms it is in, in no order. Its own room, which has its id for a name, goes without saying.
    pub rooms: Vec<Room>,
    /// The session behind it.
    pub owner: Arc<dyn Owner>,
}

/// A question about rooms.
pub struct FetchRooms {
    pub(crate) namespace: Namespace,
    pub(crate) found: Gather<(Room, usize)>,
}

impl Op {
    /// What it keeps in memory while it waits, in bytes; shared parts are counted wherever they wait.
    pub(crate) fn weight(&self) -> usize {
        let shared = match self {
            Self::Connect(greeted) => greeted.weight(),
            Self::Tell(tell) => tell.weight(),
            Self::Emit(emit) => emit.weight(),
            Self::Disconnect(_) => 0,
            Self::Move(change) => change.weight(),
            Self::Expel(expel) => expel.weight(),
            Self::FetchSockets(fetch) => size_of::<FetchSockets>() + fetch.target.weight(),
            Self::Find(find) => size_of::<Find>() + find.target.weight(),
            Self::FetchRooms(_) => size_of::<FetchRooms>(),
        };
        size_of::<Self>() + shared
    }
}

impl Greeted {
    pub(crate) fn weight(&self) -> usize {
        size_of::<Charged<Self>>() + self.greeting.len()
    }
}

impl Tell {
    pub(crate) fn weight(&self) -> usize {
        let packet = match &self.message {
            Message::Packet(packet) => packet.len(),
            Message::Close(_) => 0,
        };
        size_of::<Charged<Self>>() + packet
    }
}

impl Emit {
    pub(crate) fn weight(&self) -> usize {
        size_of::<Charged<Self>>() + self.target.weight() + self.encoded.len()
    }
}

impl Move {
    pub(crate) fn weight(&self) -> usize {
        let rooms: usize = self.rooms.iter().map(Room::weight).sum();
        size_of::<Charged<Self>>() + self.target.weight() + rooms
    }
}

impl Expel {
    pub(crate) fn farewell_len(&self) -> usize {
        self.farewell.as_ref().map_or(0, Encoded::len)
    }

    pub(crate) fn weight(&self) -> usize {
        size_of::<Charged<Self>>() + self.target.weight() + self.farewell_len()
    }
}

impl SocketInfo {
    /// What it takes in memory, and about what it will take where it is told: names of rooms are shared until then.
    pub(crate) fn weight(&self) -> usize {
        size_of::<Self>() + self.rooms.iter().map(Room::weight).sum::<usize>()
    }
}

impl Charged<Move> {
    /// Whether a socket's own connection asked for it, for this socket alone.
    pub(crate) fn is_own(&self) -> bool {
        self.charge().is_some() && self.target.only_socket().is_some()
    }
}

/// On nobody's account, and for one lane: what a test or a bench tells it.
impl From<Emit> for Op {
    fn from(emit: Emit) -> Self {
        Self::Emit(Arc::new(emit.into()))
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { socket, namespace, .. } = self;
        f.debug_struct("Connect").field("socket", socket).field("namespace", namespace).finish_non_exhaustive()
    }
}

impl fmt::Debug for SocketInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, rooms, .. } = self;
        f.debug_struct("SocketInfo").field("id", id).field("rooms", rooms).finish_non_exhaustive()
    }
}

impl fmt::Debug for Tell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tell").field("message", &self.message).finish_non_exhaustive()
    }
}

impl fmt::Debug for FetchSockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchSockets").field("target", &self.target).finish_non_exhaustive()
    }
}

impl fmt::Debug for Find {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Find").field("target", &self.target).finish_non_exhaustive()
    }
}

impl fmt::Debug for FetchRooms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchRooms").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}
