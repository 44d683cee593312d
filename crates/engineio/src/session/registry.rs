//! The sessions there are.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engineio_proto::{CloseReason, Recipient, Sid, Transport};

use crate::Link;

/// Finds a session by its secret id.
///
/// One lock for all: it is held for a look-up, and only by HTTP requests and by sessions that begin or end. A
/// WebSocket session touches it twice in its life.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    sessions: Mutex<HashMap<Sid, Entry>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) link: Arc<Link>,
    pub(crate) transport: Transport,
}

impl Registry {
    pub(crate) fn get(&self, sid: &Sid) -> Option<Entry> {
        self.lock().get(sid).cloned()
    }

    pub(crate) fn insert(&self, sid: Sid, link: Arc<Link>, transport: Transport) {
        self.lock().insert(sid, Entry { link, transport });
    }

    /// The session now speaks `transport`: what its HTTP requests are checked against.
    pub(crate) fn set_transport(&self, sid: &Sid, transport: Transport) {
        if let Some(entry) = self.lock().get_mut(sid) {
            entry.transport = transport;
        }
    }

    pub(crate) fn remove(&self, sid: &Sid) {
        let mut sessions = self.lock();
        sessions.remove(sid);
        // A crowd that left does not keep its memory.
        if sessions.capacity() > SHRINK_FROM && sessions.len() < sessions.capacity() / 8 {
            let kept = sessions.len() * 2;
            sessions.shrink_to(kept);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
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
        self.lock().values().map(|entry| Arc::clone(&entry.link)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Sid, Entry>> {
        // Nothing in here panics between two states of the map.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const SHRINK_FROM: usize = 4096;
