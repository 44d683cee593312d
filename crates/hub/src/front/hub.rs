//! The front of all lanes.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::task::{Context, Poll};

use socketio_codec::Namespace;

use super::congestion::{Congestion, Waiter};
use super::mailbox::{Mailbox, MailboxConfig};
use super::op::{Connect, Direction, Emit, Expel, FetchRooms, FetchSockets, Move, Op, SocketInfo};
use crate::gather::Gather;
use crate::{Expulsion, Room, SocketId, Target, encode};

/// Tells each [`Lane`](crate::Lane) what concerns its sockets. Shared by everyone who emits.
///
/// Each call puts one small op into the mailbox of each lane concerned, and returns. What one task asks for, in
/// whatever mixture of calls, each socket sees in that order: so the events from one client to another stay in
/// order, and a task that lets a socket join a room and then emits to the room reaches it.
///
/// Everything for a connected socket goes through here, acknowledgements too. A packet queued on its recipient
/// directly could overtake what waits in the mailbox.
pub struct Hub {
    mailboxes: Box<[Mailbox]>,
    congestion: Arc<Congestion>,
}

impl Hub {
    /// A hub of so many lanes: one per worker thread.
    pub fn new(lanes: NonZeroUsize, config: MailboxConfig) -> Self {
        let congestion = Arc::new(Congestion::default());
        let mailbox = || Mailbox::new(config, Arc::clone(&congestion));
        Self { mailboxes: std::iter::repeat_with(mailbox).take(lanes.get()).collect(), congestion }
    }

    /// The mailboxes, one for each lane: the driver of lane `n` drains number `n`.
    pub fn mailboxes(&self) -> &[Mailbox] {
        &self.mailboxes
    }

    /// The lane a socket belongs to. It depends on nothing but the id.
    pub fn lane_of(&self, socket: SocketId) -> usize {
        socket.lane(self.mailboxes.len())
    }

    /// Adds a socket to its namespace and sends its greeting.
    pub fn connect(&self, connect: Connect) {
        self.mailbox_of(connect.socket).push(Op::Connect(Box::new(connect)));
    }

    /// Takes a socket out of everything, because it left or its connection ended. Nothing is sent.
    pub fn disconnect(&self, socket: SocketId) {
        self.mailbox_of(socket).push(Op::Disconnect(socket));
    }

    /// Sends an event, encoded once before, to whom it is for.
    pub fn emit(&self, emit: Emit) {
        let target = emit.target.only_socket();
        self.push(target, Arc::new(emit), Op::Emit);
    }

    /// Lets all sockets of `target` join `rooms`: `socketsJoin`, and for one socket its `join`.
    pub fn join(&self, target: Target, rooms: Vec<Room>) {
        self.change_rooms(target, rooms, Direction::Join);
    }

    /// Lets all sockets of `target` leave `rooms`: `socketsLeave`, and for one socket its `leave`.
    pub fn leave(&self, target: Target, rooms: Vec<Room>) {
        self.change_rooms(target, rooms, Direction::Leave);
    }

    /// Makes all sockets of `target` leave: `disconnectSockets`. The clients will not reconnect, so this is no way
    /// to restart. Each session is told through its [`Owner`](crate::Owner).
    pub fn expel(&self, target: Target, from: Expulsion) {
        let farewell = encode::disconnect(target.namespace());
        self.push(target.only_socket(), Arc::new(Expel { target, from, farewell }), Op::Expel);
    }

    /// Finds out which sockets `target` means, and their rooms: `fetchSockets`.
    ///
    /// `complete` is called once, on the last lane that is done: it must not block, nor panic.
    pub fn fetch_sockets(&self, target: Target, complete: impl FnOnce(Vec<SocketInfo>) + Send + 'static) {
        let only = target.only_socket();
        self.push(only, Arc::new(FetchSockets { target, found: Gather::new(complete) }), Op::FetchSockets);
    }

    /// Finds out which rooms a namespace has, and how many sockets are in each.
    ///
    /// `complete` is called once, on the last lane that is done: it must not block, nor panic.
    pub fn fetch_rooms(&self, namespace: Namespace, complete: impl FnOnce(BTreeMap<Room, usize>) + Send + 'static) {
        let found = Gather::new(|parts: Vec<(Room, usize)>| {
            let mut rooms = BTreeMap::new();
            for (room, members) in parts {
                *rooms.entry(room).or_default() += members;
            }
            complete(rooms);
        });
        self.push(None, Arc::new(FetchRooms { namespace, found }), Op::FetchRooms);
    }

    /// Whether a lane is so far behind that sessions should stop reading. Cheap: ask before each read.
    pub fn is_congested(&self) -> bool {
        self.congestion.is_congested()
    }

    /// Ready when no lane is too far behind; until then the task is woken when that is so.
    pub fn poll_relieved(&self, cx: &mut Context<'_>, waiter: &mut Waiter) -> Poll<()> {
        self.congestion.poll_relieved(cx, waiter)
    }

    fn change_rooms(&self, target: Target, rooms: Vec<Room>, direction: Direction) {
        self.push(target.only_socket(), Arc::new(Move { target, rooms, direction }), Op::Move);
    }

    /// Tells the lane of the only socket concerned, or else every lane.
    fn push<T>(&self, only: Option<SocketId>, shared: Arc<T>, op: impl Fn(Arc<T>) -> Op) {
        match only {
            Some(socket) => self.mailbox_of(socket).push(op(shared)),
            None => self.mailboxes.iter().for_each(|mailbox| mailbox.push(op(Arc::clone(&shared)))),
        }
    }

    fn mailbox_of(&self, socket: SocketId) -> &Mailbox {
        &self.mailboxes[self.lane_of(socket)]
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("lanes", &self.mailboxes.len()).finish_non_exhaustive()
    }
}
