//! What became of events, for whoever wants to know.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicIsize, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use engineio_proto::Histogram;
use socketio_codec::Namespace;

use super::census::Census;
use crate::front::Tally;
use crate::{Room, SocketId};

/// What became of a namespace's events so far, and who is in it now. Each event counts once for each socket it was for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NamespaceCounts {
    /// The sockets that are in it.
    pub members: usize,
    /// The rooms that somebody is in, but for each socket's own.
    pub rooms: usize,
    /// Queued: sent if the recipient's connection lives.
    pub delivered: u64,
    /// Dropped, being volatile, because the connection did not take it at once.
    pub dropped: u64,
    /// Not delivered, because the session is closed, perhaps by this very event, for which there was no room.
    pub closed: u64,
}

/// The counts of one lane, which writes them, once for each event; read by anybody at any time.
///
/// A namespace that ever had a socket stays: counts do not go down. Namespaces are the server's own, so they are few; of others it
/// is told to [`forget`](Self::forget).
pub(crate) struct Board {
    /// Locked for writing when a namespace gets its first socket, otherwise only by those who read.
    namespaces: RwLock<HashMap<Namespace, Arc<Counts>>>,
    sockets: AtomicUsize,
    /// How long what was to be delivered took from the mailbox to its recipients.
    delivery: Histogram,
    /// Shared with the other lanes, if there are any.
    census: Option<Arc<Census>>,
}

/// The counts of one namespace on one lane. Written by the lane alone, so that a load and a store will do.
#[derive(Default)]
pub(crate) struct Counts {
    members: AtomicUsize,
    /// Those that came first on this lane, without those that went last on it: the sum over all lanes is how many there are.
    rooms: AtomicIsize,
    delivered: AtomicU64,
    dropped: AtomicU64,
    closed: AtomicU64,
}

impl Default for Board {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Board {
    pub(crate) fn new(census: Option<Arc<Census>>) -> Self {
        Self {
            namespaces: RwLock::default(),
            sockets: AtomicUsize::new(0),
            delivery: Histogram::new(DELIVERY_BOUNDS),
            census,
        }
    }

    pub(crate) fn delivery(&self) -> &Histogram {
        &self.delivery
    }

    /// The lane has a room now that it had not.
    pub(crate) fn room_came(&self, namespace: &Namespace, counts: &Counts, room: &Room) {
        if self.census.as_ref().is_none_or(|census| census.enter(namespace, room)) {
            counts.add_rooms(1);
        }
    }

    /// The lane has a room no more.
    pub(crate) fn room_went(&self, namespace: &Namespace, counts: &Counts, room: &Room) {
        if self.census.as_ref().is_none_or(|census| census.leave(namespace, room)) {
            counts.add_rooms(-1);
        }
    }

    /// A socket has come to the lane, or gone from it.
    pub(crate) fn socket_changed(&self, namespace: &Namespace, socket: SocketId, is_there: bool) {
        if let Some(census) = &self.census {
            census.tell_socket(namespace, socket, is_there);
        }
    }

    pub(crate) fn counts_of(&self, namespace: &Namespace) -> Arc<Counts> {
        let mut namespaces = self.namespaces.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(namespaces.entry(namespace.clone()).or_default())
    }

    /// Drops a namespace that the lane has no more, and says whether it is not there now.
    pub(crate) fn forget(&self, namespace: &Namespace) -> bool {
        let mut namespaces = self.namespaces.write().unwrap_or_else(PoisonError::into_inner);
        // The lane has the other pointer, for as long as the namespace has a socket there; it gets one under this lock.
        let is_idle = |counts: &Arc<Counts>| Arc::strong_count(counts) == 1;
        if namespaces.get(namespace).is_some_and(is_idle) {
            namespaces.remove(namespace);
        }
        !namespaces.contains_key(namespace)
    }

    pub(crate) fn set_sockets(&self, sockets: usize) {
        self.sockets.store(sockets, Ordering::Relaxed);
    }

    pub(crate) fn sockets(&self) -> usize {
        self.sockets.load(Ordering::Relaxed)
    }

    pub(crate) fn read_into(&self, all: &mut BTreeMap<Namespace, NamespaceCounts>) {
        let namespaces = self.namespaces.read().unwrap_or_else(PoisonError::into_inner);
        for (namespace, counts) in &*namespaces {
            let sum = all.entry(namespace.clone()).or_default();
            sum.members += counts.members.load(Ordering::Relaxed);
            // Of one lane alone they may be less than none.
            sum.rooms = sum.rooms.wrapping_add_signed(counts.rooms.load(Ordering::Relaxed));
            sum.delivered += counts.delivered.load(Ordering::Relaxed);
            sum.dropped += counts.dropped.load(Ordering::Relaxed);
            sum.closed += counts.closed.load(Ordering::Relaxed);
        }
    }
}

impl Counts {
    pub(crate) fn set_members(&self, members: usize) {
        self.members.store(members, Ordering::Relaxed);
    }

    fn add_rooms(&self, rooms: isize) {
        let before = self.rooms.load(Ordering::Relaxed);
        self.rooms.store(before + rooms, Ordering::Relaxed);
    }

    /// Adds what became of `events` that were delivered as one.
    pub(crate) fn add(&self, tally: Tally, events: usize) {
        for (count, sockets) in
            [(&self.delivered, tally.queued), (&self.dropped, tally.dropped), (&self.closed, tally.closed)]
        {
            if sockets > 0 {
                let before = count.load(Ordering::Relaxed);
                count.store(before + (sockets * events) as u64, Ordering::Relaxed);
            }
        }
    }
}

/// From one small event to a crowd that is behind.
const DELIVERY_BOUNDS: &[Duration] = &[
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2_500),
    Duration::from_secs(5),
];
