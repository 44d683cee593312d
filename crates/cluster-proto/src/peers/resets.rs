//! When clients are to fetch anew, because something was missed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The namespaces whose sockets are to be closed, each not too often: a lossy minute is one reset, not sixty.
#[derive(Debug)]
pub(super) struct Resets {
    rest: Duration,
    namespaces: BTreeMap<Arc<str>, Reset>,
}

#[derive(Debug)]
struct Reset {
    /// Not before.
    rests_until: Instant,
    is_wanted: bool,
}

impl Resets {
    pub(super) fn new(rest: Duration) -> Self {
        Self { rest, namespaces: BTreeMap::new() }
    }

    /// Something of this namespace was missed.
    pub(super) fn want(&mut self, namespace: &Arc<str>, now: Instant) {
        let reset = self.namespaces.entry(namespace.clone()).or_insert(Reset { rests_until: now, is_wanted: false });
        reset.is_wanted = true;
    }

    pub(super) fn forget(&mut self, namespace: &str) {
        self.namespaces.remove(namespace);
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.namespaces.values().filter(|reset| reset.is_wanted).map(|reset| reset.rests_until).min()
    }

    /// The next one that is due.
    pub(super) fn next(&mut self, now: Instant) -> Option<Arc<str>> {
        let is_due = |reset: &Reset| reset.is_wanted && reset.rests_until <= now;
        let (namespace, reset) = self.namespaces.iter_mut().find(|(_, reset)| is_due(reset))?;
        (reset.is_wanted, reset.rests_until) = (false, now + self.rest);
        Some(namespace.clone())
    }
}
