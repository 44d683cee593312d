//! The front of all lanes.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use engineio_proto::{CloseReason, Delivery, HistogramCounts, Recipient};
use socketio_codec::{Json, Namespace};

use super::allowance::{Allowance, Charge, Scope};
use super::charged::Charged;
use super::command::Command;
use super::congestion::{Congestion, Waiter};
use super::gather::Gather;
use super::mailbox::{Mailbox, MailboxConfig};
use super::op::{
    Connect, Emit, Expel, FetchRooms, FetchSockets, Find, Found, Greeted, Message, Move, Op, RoomsBound, SocketInfo,
    Tell,
};
use super::owner::{Direction, Expulsion};
use crate::lane::{Census, NamespaceCounts, RoomWatch};
use crate::{Parser, Room, SocketId, Target, encode};

/// Tells each [`Lane`](crate::Lane) what concerns its sockets. Shared by everyone who emits.
///
/// Each call puts one small op into the mailbox of each lane concerned, and returns. What one task asks for, in
/// whatever mixture of calls, each socket sees in that order: so the events from one client to another stay in
/// order, and a task that lets a socket join a room and then emits to the room reaches it.
///
/// Everything for a connected client goes through here, acknowledgements, refusals and farewells too. A packet queued
/// on its recipient directly could overtake what waits in the mailbox.
///
/// What a connection asks for is charged to its [`Allowance`]; `by` is `None` for what the program does by itself.
pub struct Hub {
    mailboxes: Box<[Mailbox]>,
    limits: MailboxConfig,
    congestion: Arc<Congestion>,
    /// Which rooms there are; kept if there are several lanes, or somebody wants to know.
    census: Option<Arc<Census>>,
    /// Connections that were given a lane so far.
    assigned: AtomicUsize,
    /// In which form packets go out.
    parser: Parser,
}

impl Hub {
    /// A hub of so many lanes: one per worker thread.
    pub fn new(lanes: NonZeroUsize, config: MailboxConfig) -> Self {
        // One lane has all rooms itself.
        Self::with_census(lanes, config, (lanes.get() > 1).then(|| Census::new(None)))
    }

    /// The same, of which is known at any time which rooms there are ([`has_room`](Self::has_room)); and `watch` is told of
    /// each that comes or goes.
    pub fn watched(lanes: NonZeroUsize, config: MailboxConfig, watch: Option<Arc<dyn RoomWatch>>) -> Self {
        Self::with_census(lanes, config, Some(Census::new(watch)))
    }

    fn with_census(lanes: NonZeroUsize, config: MailboxConfig, census: Option<Census>) -> Self {
        let (congestion, census) = (Arc::new(Congestion::default()), census.map(Arc::new));
        let mailbox = || Mailbox::new(config, Arc::clone(&congestion), census.clone());
        let mailboxes = std::iter::repeat_with(mailbox).take(lanes.get()).collect();
        Self { mailboxes, limits: config, congestion, census, assigned: AtomicUsize::new(0), parser: Parser::default() }
    }

    /// The same with a clock, for [`Mailbox::lag`]. It is asked for the first op that comes into an empty mailbox.
    #[must_use]
    pub fn with_clock(mut self, clock: fn() -> Instant) -> Self {
        self.mailboxes.iter_mut().for_each(|mailbox| mailbox.set_clock(clock));
        self
    }

    /// The same for clients that use another parser than the default one.
    #[must_use]
    pub fn with_parser(self, parser: Parser) -> Self {
        Self { parser, ..self }
    }

    /// The mailboxes, one for each lane: the driver of lane `n` drains number `n`.
    pub fn mailboxes(&self) -> &[Mailbox] {
        &self.mailboxes
    }

    /// The lane a socket belongs to. It depends on nothing but the id.
    pub fn lane_of(&self, socket: SocketId) -> usize {
        socket.lane(self.mailboxes.len())
    }

    /// The lane for a new connection, to which all of its sockets are to belong. One after the other.
    pub fn next_lane(&self) -> usize {
        self.assigned.fetch_add(1, Ordering::Relaxed) % self.mailboxes.len()
    }

    /// An id for a socket of a connection on `lane`: drawn until it belongs there, from a cryptographic source.
    ///
    /// With all its sockets on one lane, all that is for a connection has one order.
    pub fn socket_id(&self, lane: usize, mut random: impl FnMut() -> [u8; 15]) -> SocketId {
        let mut id = SocketId::from_random(random());
        // One of so many belongs there. A source that never finds one is broken; its ids are not worth waiting for.
        let draws_max = self.mailboxes.len() * DRAWS_A_LANE;
        for _ in 0..draws_max {
            if self.lane_of(id) == lane {
                break;
            }
            id = SocketId::from_random(random());
        }
        id
    }

    /// The allowance of a new connection.
    pub fn allowance(&self) -> Arc<Allowance> {
        Arc::new(Allowance::new(self.limits.session_work_max, Arc::clone(&self.congestion)))
    }

    /// Adds a socket to its namespace and sends its greeting.
    pub fn connect(&self, connect: Connect, by: Option<&Arc<Allowance>>) {
        let mailbox = self.mailbox_of(connect.socket);
        let greeting = encode::connect(self.parser, &connect.namespace, connect.socket);
        let greeted = Greeted { connect, greeting };
        let charge = self.charge(by, (greeted.weight(), greeted.greeting.len()), Scope::One);
        mailbox.push(Op::Connect(Box::new(Charged::new(greeted, charge))));
    }

    /// Takes a socket out of everything, because it left or its connection ended. Nothing is sent.
    ///
    /// On nobody's account: there is one for each that connected, and whoever ends has to end.
    pub fn disconnect(&self, socket: SocketId) {
        self.mailbox_of(socket).push(Op::Disconnect(socket));
    }

    /// Tells the client of a connection on `lane` that it may not join. `namespace` is as it wrote it.
    pub fn refuse(
        &self,
        lane: usize,
        recipient: Arc<dyn Recipient>,
        (namespace, message, data): (&Namespace, &str, Option<&Json>),
        by: Option<&Arc<Allowance>>,
    ) {
        let message = Message::Packet(encode::connect_error(self.parser, namespace, message, data));
        self.tell(lane, Tell { recipient, message }, by);
    }

    /// Closes a connection on `lane`, behind everything that was asked for before.
    pub fn close(&self, lane: usize, recipient: Arc<dyn Recipient>, reason: CloseReason) {
        self.tell(lane, Tell { recipient, message: Message::Close(reason) }, None);
    }

    /// Does what `command` says to the sockets that are here.
    pub fn apply(&self, command: Command<'_>, by: Option<&Arc<Allowance>>) {
        match command {
            Command::Emit { target, name, arguments, id, delivery, receipt } => {
                let encoded = encode::event(self.parser, target.namespace(), id, name, arguments);
                self.send(Emit { target, encoded, delivery, receipt }, by);
            }
            Command::Answer { namespace, socket, id, arguments } => {
                let encoded = encode::ack(self.parser, namespace, id, arguments);
                let target = Target::socket(namespace.clone(), socket);
                self.send(Emit { target, encoded, delivery: Delivery::Reliable, receipt: None }, by);
            }
            Command::Join { target, rooms } => {
                self.change_rooms(Move { target, rooms, direction: Direction::Join, bound: None }, by);
            }
            Command::Leave { target, rooms } => {
                self.change_rooms(Move { target, rooms, direction: Direction::Leave, bound: None }, by);
            }
            Command::Expel { target, from } => {
                let is_told = !matches!(from, Expulsion::Transport(_));
                let farewell = is_told.then(|| encode::disconnect(self.parser, target.namespace()));
                let (only, scope) = (target.only_socket(), scope_of(&target));
                let expel = Expel { target, from, farewell };
                let charge = self.charge(by, (expel.weight(), expel.farewell_len()), scope);
                self.spread(only, Arc::new(Charged::new(expel, charge)), Op::Expel);
            }
        }
    }

    /// Sends an event whose frames are there already.
    pub fn emit(&self, emit: Emit) {
        self.send(emit, None);
    }

    /// Lets all sockets of `target` join `rooms`: [`Command::Join`].
    pub fn join(&self, target: Target, rooms: Vec<Room>) {
        self.apply(Command::Join { target, rooms }, None);
    }

    /// The same for whoever is not to have them be in any number of rooms. Who is in one already stays.
    pub fn join_within(&self, target: Target, rooms: Vec<Room>, bound: RoomsBound) {
        self.change_rooms(Move { target, rooms, direction: Direction::Join, bound: Some(bound) }, None);
    }

    /// Lets all sockets of `target` leave `rooms`: [`Command::Leave`].
    pub fn leave(&self, target: Target, rooms: Vec<Room>) {
        self.apply(Command::Leave { target, rooms }, None);
    }

    /// Makes all sockets of `target` leave: [`Command::Expel`].
    pub fn expel(&self, target: Target, from: Expulsion) {
        self.apply(Command::Expel { target, from }, None);
    }

    /// Finds out which sockets `target` means, and their rooms: `fetchSockets`.
    ///
    /// `complete` is called once, on the last lane that is done: it must not block, nor panic.
    pub fn fetch_sockets(&self, target: Target, complete: impl FnOnce(Vec<SocketInfo>) + Send + 'static) {
        let only = target.only_socket();
        self.spread(only, Arc::new(FetchSockets { target, found: Gather::new(complete) }), Op::FetchSockets);
    }

    /// The same, if it takes no more than so many bytes: `None` otherwise, and the lanes look no further.
    pub fn fetch_sockets_within(
        &self,
        target: Target,
        bytes_max: usize,
        complete: impl FnOnce(Option<Vec<SocketInfo>>) + Send + 'static,
    ) {
        let (only, found) = (target.only_socket(), Gather::within(bytes_max, complete));
        self.spread(only, Arc::new(FetchSockets { target, found }), Op::FetchSockets);
    }

    /// Counts the sockets that `target` means, without describing them.
    ///
    /// `complete` is called once, on the last lane that is done: it must not block, nor panic.
    pub fn count_sockets(&self, target: Target, complete: impl FnOnce(usize) + Send + 'static) {
        let found = Gather::new(|numbers: Vec<usize>| complete(numbers.into_iter().sum()));
        self.find(target, Found::Number(found));
    }

    /// Finds out the ids of the sockets that `target` means, if they take no more than so many bytes; `None` otherwise.
    ///
    /// `complete` is called once, on the last lane that is done: it must not block, nor panic.
    pub fn fetch_ids_within(
        &self,
        target: Target,
        bytes_max: usize,
        complete: impl FnOnce(Option<Vec<SocketId>>) + Send + 'static,
    ) {
        self.find(target, Found::Ids(Gather::within(bytes_max, complete)));
    }

    /// Finds out which rooms a namespace has, and how many sockets are in each: each lane's by themselves, so that a room may
    /// be there several times. `None` if that takes more than so many bytes.
    ///
    /// `complete` is called once, on the last lane that is done: it must not block, nor panic, nor do what takes long with
    /// many rooms.
    pub fn fetch_rooms(
        &self,
        namespace: Namespace,
        bytes_max: usize,
        complete: impl FnOnce(Option<Vec<(Room, usize)>>) + Send + 'static,
    ) {
        let found = Gather::within(bytes_max, complete);
        self.spread(None, Arc::new(FetchRooms { namespace, found }), Op::FetchRooms);
    }

    /// Whether any socket is in a room, other than that of its own id. Also true where nobody keeps count: of a hub of one
    /// lane that is not [`watched`](Self::watched). Waits for no lane.
    ///
    /// A socket that is in the room by what was asked for before, but that its lane has yet to do, does not count.
    pub fn has_room(&self, namespace: &Namespace, room: &Room) -> bool {
        self.census.as_ref().is_none_or(|census| census.has(namespace, room))
    }

    /// What became of events so far, and who is there now, for each namespace that ever had a socket. Waits for no lane,
    /// and no lane waits for it.
    pub fn counts(&self) -> BTreeMap<Namespace, NamespaceCounts> {
        let mut counts = BTreeMap::new();
        for mailbox in &self.mailboxes {
            mailbox.board().read_into(&mut counts);
        }
        for counts in counts.values_mut() {
            // One lane may have been read before a room came there, and another after it went.
            counts.rooms = usize::try_from(counts.rooms as isize).unwrap_or(0);
        }
        counts
    }

    /// How long deliveries took: from when the first op of those that a lane took together came into its mailbox, until the
    /// lane had handed the last of a turn to their recipients. Each delivery counts. Nothing without a
    /// [clock](Self::with_clock).
    pub fn delivery(&self) -> HistogramCounts {
        let mut all = HistogramCounts::default();
        self.mailboxes.iter().for_each(|mailbox| all.add(mailbox.board().delivery().counts()));
        all
    }

    /// Lets go of what was counted of a namespace that nobody is in any more, and says whether nothing is kept of it now: false
    /// while a lane has yet to do what empties it. For namespaces whose names clients choose.
    pub fn forget_counts(&self, namespace: &Namespace) -> bool {
        // Each of them, whatever the others say.
        self.mailboxes.iter().filter(|mailbox| !mailbox.board().forget(namespace)).count() == 0
    }

    /// Whether a lane is so far behind that a program should emit no more for now. Cheap: ask before each event.
    pub fn is_congested(&self) -> bool {
        self.congestion.over.is_reached()
    }

    /// Ready when no lane is too far behind; until then the task is woken when that is so. For what the program does by
    /// itself; a connection asks its [`Allowance`].
    pub fn poll_relieved(&self, cx: &mut Context<'_>, waiter: &mut Waiter) -> Poll<()> {
        self.congestion.over.poll_relieved(cx, waiter)
    }

    fn send(&self, emit: Emit, by: Option<&Arc<Allowance>>) {
        let (only, scope) = (emit.target.only_socket(), scope_of(&emit.target));
        let charge = self.charge(by, (emit.weight(), emit.encoded.len()), scope);
        self.spread(only, Arc::new(Charged::new(emit, charge)), Op::Emit);
    }

    fn find(&self, target: Target, found: Found) {
        let only = target.only_socket();
        self.spread(only, Arc::new(Find { target, found }), Op::Find);
    }

    fn change_rooms(&self, change: Move, by: Option<&Arc<Allowance>>) {
        let (only, scope) = (change.target.only_socket(), scope_of(&change.target));
        let charge = self.charge(by, (change.weight(), 0), scope);
        self.spread(only, Arc::new(Charged::new(change, charge)), Op::Move);
    }

    fn tell(&self, lane: usize, tell: Tell, by: Option<&Arc<Allowance>>) {
        let charge = self.charge(by, (tell.weight(), 0), Scope::One);
        if let Some(mailbox) = self.mailboxes.get(lane) {
            mailbox.push(Op::Tell(Box::new(Charged::new(tell, charge))));
        }
    }

    fn charge(&self, by: Option<&Arc<Allowance>>, bytes: (usize, usize), scope: Scope) -> Option<Charge> {
        by.map(|allowance| allowance.charge(bytes, scope, || self.sockets()))
    }

    /// The sockets that are connected.
    fn sockets(&self) -> usize {
        self.mailboxes.iter().map(|mailbox| mailbox.board().sockets()).sum()
    }

    fn mailbox_of(&self, socket: SocketId) -> &Mailbox {
        &self.mailboxes[self.lane_of(socket)]
    }

    /// Tells the lane of the only socket concerned, or else every lane.
    fn spread<T>(&self, only: Option<SocketId>, shared: Arc<T>, op: impl Fn(Arc<T>) -> Op) {
        match only {
            Some(socket) => self.mailbox_of(socket).push(op(shared)),
            None => self.mailboxes.iter().for_each(|mailbox| mailbox.push(op(Arc::clone(&shared)))),
        }
    }
}

fn scope_of(target: &Target) -> Scope {
    match target.only_socket() {
        Some(_) => Scope::One,
        None if target.is_everyone() => Scope::Everyone,
        None => Scope::Rooms,
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("lanes", &self.mailboxes.len()).finish_non_exhaustive()
    }
}

/// Draws for each lane, on average one is enough: that none of so many belongs to a lane has a chance of e^-64.
const DRAWS_A_LANE: usize = 64;
