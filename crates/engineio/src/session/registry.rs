//! The sessions there are, and what became of those that were.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engineio_proto::{CloseReason, Recipient, Sid, Transport};

use super::counts::{Counts, SessionCounts};
use crate::Link;

/// Finds a session by its secret id.
///
/// In parts, each with a lock that is held for a look-up, and only by HTTP requests and by sessions that begin or end: a
/// WebSocket session touches one twice in its life. Whoever reads the counts has each lock for a fraction of the sessions,
/// and finds them consistent: a session that has begun in a part is there, or has ended there.
#[derive(Debug)]
pub(crate) struct Registry {
    parts: Box<[Mutex<Part>]>,
}

#[derive(Debug, Default)]
struct Part {
    sessions: HashMap<Sid, Entry>,
    counts: Counts,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) link: Arc<Link>,
    pub(crate) transport: Transport,
}

impl Default for Registry {
    fn default() -> Self {
        Self { parts: std::iter::repeat_with(Mutex::default).take(PARTS).collect() }
    }
}

impl Registry {
    pub(crate) fn get(&self, sid: &Sid) -> Option<Entry> {
        self.part(sid).sessions.get(sid).cloned()
    }

    pub(crate) fn insert(&self, sid: Sid, link: Arc<Link>, transport: Transport) {
        let mut part = self.part(&sid);
        part.counts.open(transport);
        part.sessions.insert(sid, Entry { link, transport });
    }

    /// The session now speaks `transport`: what its HTTP requests are checked against. So many bytes were `sent` before.
    pub(crate) fn set_transport(&self, sid: &Sid, transport: Transport, sent: u64) {
        let mut part = self.part(sid);
        let Part { sessions, counts } = &mut *part;
        if let Some(entry) = sessions.get_mut(sid) {
            counts.add(entry.transport, entry.link.meter().begin_transport(sent));
            entry.transport = transport;
        }
    }

    /// The session has ended. Nothing if that was known.
    pub(crate) fn remove(&self, sid: &Sid, reason: CloseReason) {
        let mut part = self.part(sid);
        let Part { sessions, counts } = &mut *part;
        if let Some(Entry { link, transport }) = sessions.remove(sid) {
            counts.add(transport, link.meter().traffic());
            counts.close(reason);
        }
        // A crowd that left does not keep its memory.
        if sessions.capacity() > SHRINK_FROM && sessions.len() < sessions.capacity() / 8 {
            let kept = sessions.len() * 2;
            sessions.shrink_to(kept);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.locked().map(|part| part.sessions.len()).sum()
    }

    /// Asks every session to close.
    pub(crate) fn close_all(&self, reason: CloseReason) {
        // Closing wakes tasks that come back here to remove themselves, so not under the lock.
        for link in self.links() {
            link.close(reason);
        }
    }

    /// The ways to all sessions.
    pub(crate) fn links(&self) -> Vec<Arc<Link>> {
        (0..self.part_count()).flat_map(|part| self.links_of(part)).collect()
    }

    /// In how many parts they are. Whoever goes through all of them meets each session that is there all the time, once.
    pub(crate) fn part_count(&self) -> usize {
        self.parts.len()
    }

    /// The ways to the sessions of one part.
    pub(crate) fn links_of(&self, part: usize) -> Vec<Arc<Link>> {
        let links = |part| lock(part).sessions.values().map(|entry| Arc::clone(&entry.link)).collect();
        self.parts.get(part).map(links).unwrap_or_default()
    }

    /// What there is, and was. No link's lock is taken.
    pub(crate) fn counts(&self, outbox_bytes_max: usize) -> SessionCounts {
        let mut all = SessionCounts::default();
        for part in self.locked() {
            part.counts.add_to(&mut all);
            for Entry { link, transport } in part.sessions.values() {
                all.add_open(*transport, link.meter(), outbox_bytes_max);
            }
        }
        all
    }

    fn locked(&self) -> impl Iterator<Item = MutexGuard<'_, Part>> {
        self.parts.iter().map(lock)
    }

    fn part(&self, sid: &Sid) -> MutexGuard<'_, Part> {
        // Ids are random, and a client that makes some up looks in vain in any part.
        let number = sid.reveal().bytes().take(2).fold(0, |number, byte| number * 31 + usize::from(byte));
        lock(&self.parts[number % PARTS])
    }
}

fn lock(part: &Mutex<Part>) -> MutexGuard<'_, Part> {
    // Nothing in here panics between two states of the map.
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

/// With 20,000 sessions, some 300 in each: tens of microseconds for whoever looks at all of them.
const PARTS: usize = 64;
const SHRINK_FROM: usize = 256;
