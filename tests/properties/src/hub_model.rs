//! Random operations on a hub and its lanes, and on a list of sockets.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Waker};
use std::time::Instant;

use arbitrary::{Arbitrary, Unstructured};
use engineio_proto::{CloseReason, Delivery, Encoded, Queued, Recipient};
use hub::{
    Allowance, Command, Connect, Emit, Expulsion, Hub, Lane, LaneConfig, MailboxConfig, Outcome, Owner, Receipt, Room,
    SocketId, Target, Waiter,
};
use socketio_codec::Namespace;

use crate::operations;

#[derive(Debug, Arbitrary)]
enum Op {
    /// On a connection that is there, or on a new one.
    Connect {
        namespace: bool,
        peer: Option<u8>,
    },
    Disconnect(Who),
    Join(Whom, u8),
    Leave(Whom, u8),
    JoinOwnRoomOf(Whom, Who),
    Expel(Whom, bool),
    Emit(Whom, bool),
    FetchSockets(Whom),
    FetchRooms(bool),
    Behave(u8, Behaviour),
    /// One lane takes a turn.
    Turn(u8),
    /// All lanes do, and everything is compared.
    Compare,
}

/// One of all sockets that ever were, or, past them, one that never was.
type Who = u8;

/// The sockets something is for. Rooms are bits, one for each of [`ROOMS`].
#[derive(Debug, Arbitrary)]
struct Whom {
    namespace: bool,
    rooms: u8,
    own_room: Option<Who>,
    socket: Option<Who>,
    except_rooms: u8,
    except_own_room: Option<Who>,
    except_socket: Option<Who>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Arbitrary)]
enum Behaviour {
    #[default]
    Reads,
    /// Takes what is reliable only.
    Stalls,
    /// Its session is closed, and the hub does not know yet.
    Closed,
}

/// Whatever is asked of the hub, and whenever its lanes get to it, each connection receives for each of its sockets
/// what a list of sockets says, in that order; receipts and questions are answered as the list would, once; nothing is
/// left unflushed, and nothing at all when all are gone.
pub fn check(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let Ok(lanes) = input.int_in_range(1..=4) else { return };
    let mut run = Run::new(lanes);
    for op in operations(&mut input) {
        run.step(op);
    }
    run.compare();
    run.disconnect_all();
}

struct Run {
    hub: Hub,
    /// Of everybody: charged for all that is asked for, and given back when it is done.
    allowance: Arc<Allowance>,
    lanes: Vec<Lane>,
    /// How many ops wait for each lane.
    waiting: Vec<usize>,
    namespaces: [Namespace; 2],
    sockets: Vec<Socket>,
    peers: Vec<ModelPeer>,
    /// All ids ever given out.
    ids: Vec<SocketId>,
    events: usize,
    now: Instant,
    /// What was asked for and is answered at the latest when all lanes had a turn.
    promises: Vec<Promise>,
}

/// The slow version of a socket.
struct Socket {
    id: SocketId,
    namespace: usize,
    peer: usize,
    rooms: BTreeSet<String>,
}

/// The slow version of a connection.
struct ModelPeer {
    peer: Arc<Peer>,
    lane: usize,
    behaviour: Behaviour,
    /// With the namespace: what is for a connection has one order, whichever of its sockets it is for.
    expected: Vec<(usize, String)>,
    expelled: Vec<(SocketId, Expulsion)>,
}

type Promise = Box<dyn FnOnce()>;

impl Run {
    fn new(lanes: usize) -> Self {
        let mut mailboxes = MailboxConfig::default();
        mailboxes.ops_max = OPS_MAX;
        let mut config = LaneConfig::default();
        config.unflushed_emits_max = 5;
        // A turn ends in the middle of nearly everything.
        config.turn_work_max = 3;
        let hub = Hub::new(NonZeroUsize::new(lanes).expect("there are lanes"), mailboxes);
        Self {
            lanes: hub.mailboxes().iter().map(|mailbox| mailbox.lane(config)).collect(),
            allowance: hub.allowance(),
            hub,
            waiting: vec![0; lanes],
            namespaces: [Namespace::ROOT, Namespace::try_from("/admin").expect("it is a name")],
            sockets: Vec::new(),
            peers: Vec::new(),
            ids: Vec::new(),
            events: 0,
            now: Instant::now(),
            promises: Vec::new(),
        }
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::Connect { namespace, peer } => self.connect(namespace.into(), peer),
            Op::Disconnect(who) => self.disconnect(who),
            Op::Join(whom, rooms) => self.change_rooms(&whom, &named(rooms), true),
            Op::Leave(whom, rooms) => self.change_rooms(&whom, &named(rooms), false),
            Op::JoinOwnRoomOf(whom, who) => self.change_rooms(&whom, &[self.id(who).to_string()], true),
            Op::Expel(whom, is_whole) => self.expel(&whom, is_whole),
            Op::Emit(whom, is_volatile) => self.emit(&whom, is_volatile),
            Op::FetchSockets(whom) => self.fetch_sockets(&whom),
            Op::FetchRooms(namespace) => self.fetch_rooms(namespace.into()),
            Op::Behave(peer, behaviour) => self.behave(peer, behaviour),
            Op::Turn(lane) => self.turn(usize::from(lane) % self.lanes.len()),
            Op::Compare => self.compare(),
        }
        let is_congested = self.waiting.iter().any(|ops| *ops > OPS_MAX);
        assert_eq!(self.hub.is_congested(), is_congested);
        let relieved = self.hub.poll_relieved(&mut Context::from_waker(Waker::noop()), &mut Waiter::default());
        assert_eq!(relieved.is_pending(), is_congested);
    }

    fn connect(&mut self, namespace: usize, peer: Option<u8>) {
        if self.ids.len() >= 60 {
            return;
        }
        let peer = match peer {
            Some(number) if !self.peers.is_empty() => usize::from(number) % self.peers.len(),
            _ => {
                let (peer, lane) = (Arc::new(Peer::default()), self.hub.next_lane());
                let (expected, expelled) = (Vec::new(), Vec::new());
                self.peers.push(ModelPeer { peer, lane, behaviour: Behaviour::Reads, expected, expelled });
                self.peers.len() - 1
            }
        };
        // A connection has one socket in a namespace, and a new one only when the lanes are done with the old one.
        if self.sockets.iter().any(|socket| (socket.namespace, socket.peer) == (namespace, peer)) {
            return;
        }
        self.turn_all();
        // On the lane of its connection.
        let mut draws = 0..;
        let lane = self.peers[peer].lane;
        let id = self.hub.socket_id(lane, || random(self.ids.len(), draws.next().unwrap_or_default()));
        assert_eq!(self.hub.lane_of(id), lane);
        self.ids.push(id);
        self.waiting[lane] += 1;
        let link = &self.peers[peer].peer;
        let (recipient, owner) = (Arc::clone(link) as _, Arc::clone(link) as _);
        let namespace_name = self.namespaces[namespace].clone();
        self.hub.connect(Connect { socket: id, namespace: namespace_name, recipient, owner }, Some(&self.allowance));
        self.sockets.push(Socket { id, namespace, peer, rooms: BTreeSet::new() });
        self.deliver(self.sockets.len() - 1, Delivery::Reliable, "hello", &mut Outcome::default());
    }

    fn disconnect(&mut self, who: Who) {
        let id = self.id(who);
        self.waiting[self.hub.lane_of(id)] += 1;
        self.hub.disconnect(id);
        self.sockets.retain(|socket| socket.id != id);
    }

    fn change_rooms(&mut self, whom: &Whom, rooms: &[String], joins: bool) {
        let target = self.target(whom);
        let names = rooms.iter().map(|room| Room::from(&**room)).collect();
        let command =
            if joins { Command::Join { target, rooms: names } } else { Command::Leave { target, rooms: names } };
        self.hub.apply(command, Some(&self.allowance));
        for index in self.meant(whom) {
            let socket = &mut self.sockets[index];
            for room in rooms.iter().filter(|room| **room != socket.id.as_str()) {
                if joins {
                    socket.rooms.insert(room.clone())
                } else {
                    socket.rooms.remove(room)
                };
            }
        }
    }

    fn expel(&mut self, whom: &Whom, is_whole: bool) {
        let from = if is_whole { Expulsion::Connection } else { Expulsion::Namespace };
        let target = self.target(whom);
        self.hub.apply(Command::Expel { target, from }, Some(&self.allowance));
        for index in self.meant(whom).into_iter().rev() {
            self.deliver(index, Delivery::Reliable, "farewell", &mut Outcome::default());
            let socket = self.sockets.remove(index);
            self.peers[socket.peer].expelled.push((socket.id, from));
        }
    }

    fn emit(&mut self, whom: &Whom, is_volatile: bool) {
        let delivery = if is_volatile { Delivery::Volatile } else { Delivery::Reliable };
        self.events += 1;
        let (namespace, event) = (usize::from(whom.namespace), self.events.to_string());
        let (answer, complete) = answer();
        let target = self.target(whom);
        self.hub.emit(Emit {
            target,
            encoded: Encoded::text(&format!("{namespace}{event}")),
            delivery,
            receipt: Some(Receipt::collecting(complete)),
        });
        let mut expected = Outcome::default();
        for index in self.meant(whom) {
            self.deliver(index, delivery, &event, &mut expected);
        }
        expected.reached.sort();
        self.promises.push(Box::new(move || {
            let mut outcome = taken(&answer);
            outcome.reached.sort();
            assert_eq!(outcome, expected);
        }));
    }

    fn fetch_sockets(&mut self, whom: &Whom) {
        let (answer, complete) = answer();
        let target = self.target(whom);
        self.hub.fetch_sockets(target, complete);
        let mut expected: Vec<(SocketId, Vec<String>)> = Vec::new();
        for index in self.meant(whom) {
            let socket = &self.sockets[index];
            expected.push((socket.id, socket.rooms.iter().cloned().collect()));
        }
        expected.sort();
        self.promises.push(Box::new(move || {
            let mut found: Vec<(SocketId, Vec<String>)> = Vec::new();
            for info in taken(&answer) {
                let mut rooms: Vec<String> = info.rooms.iter().map(Room::to_string).collect();
                rooms.sort();
                found.push((info.id, rooms));
            }
            found.sort();
            assert_eq!(found, expected);
        }));
    }

    fn fetch_rooms(&mut self, namespace: usize) {
        let (answer, complete) = answer();
        self.waiting.iter_mut().for_each(|ops| *ops += 1);
        self.hub.fetch_rooms(self.namespaces[namespace].clone(), usize::MAX, complete);
        let mut expected: BTreeMap<Room, usize> = BTreeMap::new();
        for socket in self.sockets.iter().filter(|socket| socket.namespace == namespace) {
            for room in &socket.rooms {
                *expected.entry(Room::from(&**room)).or_default() += 1;
            }
        }
        self.promises.push(Box::new(move || {
            let mut found = BTreeMap::new();
            for (room, members) in taken(&answer).expect("there is no bound") {
                *found.entry(room).or_default() += members;
            }
            assert_eq!(found, expected);
        }));
    }

    /// Lanes that are behind would see it too early.
    fn behave(&mut self, peer: u8, behaviour: Behaviour) {
        self.turn_all();
        let count = self.peers.len().max(1);
        if let Some(peer) = self.peers.get_mut(usize::from(peer) % count) {
            peer.behaviour = behaviour;
            peer.peer.state().behaviour = behaviour;
        }
    }

    fn turn(&mut self, number: usize) {
        let mut ops = Vec::new();
        let drained = self.hub.mailboxes()[number].poll_drain(&mut Context::from_waker(Waker::noop()), &mut ops);
        assert_eq!(drained.is_ready(), self.waiting[number] > 0);
        if drained.is_ready() {
            assert_eq!(ops.len(), std::mem::take(&mut self.waiting[number]));
            let mut ops = ops.into_iter();
            while self.lanes[number].turn(&mut ops, self.now) == hub::Turn::Spent {}
        }
    }

    fn turn_all(&mut self) {
        (0..self.lanes.len()).for_each(|number| self.turn(number));
    }

    fn compare(&mut self) {
        self.turn_all();
        self.promises.drain(..).for_each(|is_kept| is_kept());
        assert_eq!(self.allowance.outstanding(), 0, "the lanes are done with all of it");
        assert_eq!(self.lanes.iter().map(Lane::len).sum::<usize>(), self.sockets.len());
        for model in &mut self.peers {
            let mut state = model.peer.state();
            assert!(state.waiting.is_empty(), "queued and not flushed");
            let mut received = Vec::new();
            for text in state.received.drain(..) {
                let (namespace, event) = understood(&text);
                received.push((namespace, event.to_owned()));
            }
            assert_eq!(received, std::mem::take(&mut model.expected));
            let (mut expelled, mut expected) =
                (std::mem::take(&mut state.expelled), std::mem::take(&mut model.expelled));
            expelled.sort_by_key(|(id, _)| *id);
            expected.sort_by_key(|(id, _)| *id);
            assert_eq!(expelled, expected);
        }
    }

    fn disconnect_all(&mut self) {
        for socket in std::mem::take(&mut self.sockets) {
            self.waiting[self.hub.lane_of(socket.id)] += 1;
            self.hub.disconnect(socket.id);
        }
        self.compare();
        assert!(self.lanes.iter().all(Lane::is_empty));
        for model in &self.peers {
            assert_eq!(Arc::strong_count(&model.peer), 1, "a connection is kept after its last socket");
        }
    }

    /// Notes what one socket gets of an event.
    fn deliver(&mut self, index: usize, delivery: Delivery, event: &str, outcome: &mut Outcome) {
        let socket = &self.sockets[index];
        let peer = &mut self.peers[socket.peer];
        match (peer.behaviour, delivery) {
            (Behaviour::Closed, _) => outcome.closed += 1,
            (Behaviour::Stalls, Delivery::Volatile) => outcome.dropped += 1,
            _ => {
                outcome.queued += 1;
                outcome.reached.push(socket.id);
                peer.expected.push((socket.namespace, event.to_owned()));
            }
        }
    }

    /// The sockets that are meant, found in the list.
    fn meant(&self, whom: &Whom) -> Vec<usize> {
        let mut rooms = named(whom.rooms);
        rooms.extend(whom.own_room.map(|who| self.id(who).to_string()));
        let mut except = named(whom.except_rooms);
        except.extend(whom.except_own_room.map(|who| self.id(who).to_string()));
        let only = whom.socket.map(|who| self.id(who));
        let not = whom.except_socket.map(|who| self.id(who));
        let is_meant = |socket: &Socket| {
            let is_in = |room: &String| *room == socket.id.as_str() || socket.rooms.contains(room);
            let is_reached = rooms.is_empty() && only.is_none();
            socket.namespace == usize::from(whom.namespace)
                && (is_reached || only == Some(socket.id) || rooms.iter().any(is_in))
                && !except.iter().any(is_in)
                && not != Some(socket.id)
        };
        (0..self.sockets.len()).filter(|index| is_meant(&self.sockets[*index])).collect()
    }

    /// The same question to the hub, which is about to be asked.
    fn target(&mut self, whom: &Whom) -> Target {
        let mut target = Target::everyone(self.namespaces[usize::from(whom.namespace)].clone());
        for room in named(whom.rooms) {
            target = target.to(&*room);
        }
        for room in named(whom.except_rooms) {
            target = target.except(&*room);
        }
        if let Some(who) = whom.own_room {
            target = target.to(self.id(who));
        }
        if let Some(who) = whom.socket {
            target = target.to_socket(self.id(who));
        }
        if let Some(who) = whom.except_own_room {
            target = target.except(self.id(who));
        }
        if let Some(who) = whom.except_socket {
            target = target.except_socket(self.id(who));
        }
        // Only the lane of a socket is told what can concern no other.
        match whom.socket {
            Some(who) if named(whom.rooms).is_empty() && whom.own_room.is_none() => {
                let lane = self.hub.lane_of(self.id(who));
                self.waiting[lane] += 1;
            }
            _ => self.waiting.iter_mut().for_each(|ops| *ops += 1),
        }
        target
    }

    fn id(&self, who: Who) -> SocketId {
        let known = self.ids.get(usize::from(who) % (self.ids.len() + 1));
        known.copied().unwrap_or_else(|| id(usize::MAX))
    }
}

/// A recipient that remembers.
#[derive(Default)]
struct Peer(Mutex<PeerState>);

#[derive(Default)]
struct PeerState {
    behaviour: Behaviour,
    waiting: Vec<Encoded>,
    received: Vec<String>,
    expelled: Vec<(SocketId, Expulsion)>,
}

impl Peer {
    fn state(&self) -> MutexGuard<'_, PeerState> {
        self.0.lock().expect("nothing panics while it holds this")
    }
}

impl Recipient for Peer {
    fn queue(&self, encoded: &Encoded, delivery: Delivery) -> Queued {
        let mut state = self.state();
        match (state.behaviour, delivery) {
            (Behaviour::Closed, _) => return Queued::Closed,
            (Behaviour::Stalls, Delivery::Volatile) => return Queued::Dropped,
            _ => state.waiting.push(encoded.clone()),
        }
        if state.waiting.len() == 1 { Queued::Fresh } else { Queued::Behind }
    }

    fn flush(&self) {
        let mut state = self.state();
        let waiting = std::mem::take(&mut state.waiting);
        for encoded in waiting {
            // A lane may have joined several.
            let packets = String::from_utf8_lossy(encoded.polling());
            state.received.extend(packets.split('\u{1e}').map(str::to_owned));
        }
    }

    fn close(&self, reason: CloseReason) {
        panic!("closing is for the session, but the hub did: {reason}");
    }
}

impl Owner for Peer {
    fn expelled(&self, socket: SocketId, expulsion: Expulsion) {
        self.state().expelled.push((socket, expulsion));
    }
}

/// The namespace and the event of a received packet, of which the first character is the type.
fn understood(packet: &str) -> (usize, &str) {
    match &packet[1..] {
        "1" => (0, "farewell"),
        "1/admin," => (1, "farewell"),
        greeting if greeting.starts_with(r#"0{"sid":"#) => (0, "hello"),
        greeting if greeting.starts_with(r#"0/admin,{"sid":"#) => (1, "hello"),
        event => (event[..1].parse().expect("it begins with the namespace"), &event[1..]),
    }
}

/// Where an answer arrives. A second one is a failure.
fn answer<T: Send + 'static>() -> (Arc<Mutex<Option<T>>>, impl FnOnce(T) + Send + 'static) {
    let place = Arc::new(Mutex::new(None));
    let filled = Arc::clone(&place);
    (place, move |answer| assert!(filled.lock().expect("not poisoned").replace(answer).is_none(), "answered twice"))
}

fn taken<T>(place: &Mutex<Option<T>>) -> T {
    place.lock().expect("not poisoned").take().expect("all lanes had a turn")
}

fn named(rooms: u8) -> Vec<String> {
    let chosen = ROOMS.iter().enumerate().filter(|(bit, _)| rooms >> bit & 1 == 1);
    chosen.map(|(_, room)| (*room).to_owned()).collect()
}

fn id(number: usize) -> SocketId {
    SocketId::from_random(random(number, 0))
}

fn random(number: usize, draw: u32) -> [u8; 15] {
    let mut random = [0; 15];
    random[..8].copy_from_slice(&(number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    random[8..12].copy_from_slice(&draw.wrapping_mul(0x85eb_ca6b).to_be_bytes());
    random
}

/// Few, so that they fill; with bits to spare, so that most targets name few of them.
const ROOMS: [&str; 4] = ["a", "b", "räume", ""];

/// Small, so that mailboxes become congested.
const OPS_MAX: usize = 10;
