//! Recipients that remember, a hub with all its lanes, and numbers that look random.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Waker};

use engineio_proto::{CloseReason, Delivery, Encoded, Queued, Recipient};
use fanfare_hub::{
    Connect, Emit, Expulsion, Hub, Lane, LaneConfig, MailboxConfig, Outcome, Owner, Receipt, SocketId, SocketInfo,
    Target,
};
use socketio_codec::Namespace;

/// A connection that can be told how to behave, and remembers everything. It is its own owner.
#[derive(Default)]
pub(crate) struct Peer(Mutex<PeerState>);

#[derive(Default)]
pub(crate) struct PeerState {
    pub(crate) behaviour: Behaviour,
    /// Queued and not flushed yet.
    pub(crate) waiting: Vec<Encoded>,
    /// What was flushed, in its order, as text.
    pub(crate) received: Vec<String>,
    pub(crate) flushes: usize,
    /// What was flushed, joined events counting as one.
    pub(crate) messages: usize,
    pub(crate) expelled: Vec<(SocketId, Expulsion)>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Behaviour {
    #[default]
    Reads,
    /// Takes what is reliable only.
    Stalls,
    /// Its session is closed, but the hub was not told yet.
    Closed,
}

impl Peer {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn behave(&self, behaviour: Behaviour) {
        self.state().behaviour = behaviour;
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, PeerState> {
        self.0.lock().expect("no test panics while it holds this")
    }

    pub(crate) fn take_received(&self) -> Vec<String> {
        std::mem::take(&mut self.state().received)
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
        state.flushes += 1;
        state.messages += state.waiting.len();
        for encoded in std::mem::take(&mut state.waiting) {
            state.received.extend(texts_of(&encoded).map(plain));
        }
    }

    fn close(&self, reason: CloseReason) {
        panic!("the hub leaves closing to the session, but closed it: {reason}");
    }
}

impl Owner for Peer {
    fn expelled(&self, socket: SocketId, expulsion: Expulsion) {
        self.state().expelled.push((socket, expulsion));
    }
}

/// A hub and all its lanes on one thread.
pub(crate) struct World {
    pub(crate) hub: Hub,
    pub(crate) lanes: Vec<Lane>,
}

impl World {
    pub(crate) fn new(lanes: usize) -> Self {
        let count = NonZeroUsize::new(lanes).expect("a world has lanes");
        let hub = Hub::new(count, MailboxConfig::default());
        let lanes = hub.mailboxes().iter().map(|mailbox| mailbox.lane(LaneConfig::default())).collect();
        Self { hub, lanes }
    }

    pub(crate) fn connect(&self, socket: SocketId, namespace: &Namespace, peer: &Arc<Peer>) {
        let (recipient, owner) = (Arc::clone(peer) as _, Arc::clone(peer) as _);
        self.hub.connect(Connect { socket, namespace: namespace.clone(), recipient, owner }, None);
    }

    pub(crate) fn emit(&self, target: Target, text: &str) {
        self.hub.emit(Emit { target, encoded: Encoded::text(text), delivery: Delivery::Reliable, receipt: None });
    }

    /// Lets every lane take one turn: all that waits for it, and a flush.
    pub(crate) fn run(&mut self) {
        for number in 0..self.lanes.len() {
            self.run_lane(number);
        }
    }

    pub(crate) fn run_lane(&mut self, number: usize) {
        let mut turn = Vec::new();
        let mut cx = Context::from_waker(Waker::noop());
        if self.hub.mailboxes()[number].poll_drain(&mut cx, &mut turn).is_ready() {
            turn.drain(..).for_each(|op| self.lanes[number].handle(op));
            self.lanes[number].flush();
        }
    }

    pub(crate) fn fetch_sockets(&mut self, target: Target) -> Vec<SocketInfo> {
        let (cell, complete) = cell();
        self.hub.fetch_sockets(target, complete);
        self.run();
        take(&cell)
    }

    pub(crate) fn len(&self) -> usize {
        self.lanes.iter().map(Lane::len).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lanes.iter().all(Lane::is_empty)
    }
}

/// Where a completion puts what it got, and the completion. Getting two is a failure.
pub(crate) fn cell<T: Send + 'static>() -> (Arc<Mutex<Option<T>>>, impl FnOnce(T) + Send + 'static) {
    let cell = Arc::new(Mutex::new(None));
    let filled = Arc::clone(&cell);
    (cell, move |value| {
        let former = filled.lock().expect("not poisoned").replace(value);
        assert!(former.is_none(), "completed twice");
    })
}

pub(crate) fn peek<T: Clone>(cell: &Mutex<Option<T>>) -> Option<T> {
    cell.lock().expect("not poisoned").clone()
}

pub(crate) fn take<T>(cell: &Mutex<Option<T>>) -> T {
    cell.lock().expect("not poisoned").take().expect("it was completed")
}

pub(crate) fn receipt() -> (Arc<Mutex<Option<Outcome>>>, Receipt) {
    let (cell, complete) = cell();
    (cell, Receipt::collecting(complete))
}

/// The messages, of which a lane may have joined several, without their packet type.
fn texts_of(encoded: &Encoded) -> impl Iterator<Item = String> {
    let packets = std::str::from_utf8(encoded.polling()).expect("tests send text").split('\u{1e}');
    packets.map(|packet| packet.strip_prefix('4').expect("it is a message").to_owned())
}

/// A greeting is a `hello`, whosever it is.
fn plain(text: String) -> String {
    if text.starts_with('0') && text.contains(r#"{"sid":""#) { "hello".to_owned() } else { text }
}

/// The one message.
pub(crate) fn text_of(encoded: &Encoded) -> String {
    texts_of(encoded).next().expect("there is one")
}

pub(crate) fn socket(number: u64) -> SocketId {
    let mut random = [0; 15];
    random[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    random[8..].copy_from_slice(&number.to_be_bytes()[1..]);
    SocketId::from_random(random)
}

pub(crate) fn namespace(name: &str) -> Namespace {
    Namespace::try_from(name).expect("tests use proper names")
}

/// A generator (SplitMix64) whose seed is all its state, so that a printed seed repeats a run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ word >> 31) as usize % sides
    }

    pub(crate) fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        if from.is_empty() { None } else { from.get(self.roll(from.len())) }
    }
}
