//! What became of events, for whoever wants to know.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use socketio_codec::Namespace;

use crate::front::Tally;

/// What became of a namespace's events so far, and who is in it now. Each event counts once for each socket it was for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NamespaceCounts {
    /// The sockets that are in it.
    pub members: usize,
    /// Queued: sent if the recipient's connection lives.
    pub delivered: u64,
    /// Dropped, being volatile, because the connection did not take it at once.
    pub dropped: u64,
    /// Not delivered, because the session is closed, perhaps by this very event, for which there was no room.
    pub closed: u64,
}

/// The counts of one lane, which writes them, once for each event; read by anybody at any time.
///
/// A namespace that ever had a socket stays: counts do not go down. Namespaces are the server's own, so they are few.
#[derive(Default)]
pub(crate) struct Board {
    /// Locked for writing when a namespace gets its first socket, otherwise only by those who read.
    namespaces: RwLock<HashMap<Namespace, Arc<Counts>>>,
    sockets: AtomicUsize,
}

/// The counts of one namespace on one lane. Written by the lane alone, so that a load and a store will do.
#[derive(Default)]
pub(crate) struct Counts {
    members: AtomicUsize,
    delivered: AtomicU64,
    dropped: AtomicU64,
    closed: AtomicU64,
}

impl Board {
    pub(crate) fn counts_of(&self, namespace: &Namespace) -> Arc<Counts> {
        let mut namespaces = self.namespaces.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(namespaces.entry(namespace.clone()).or_default())
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
