//! When clients are to fetch anew, because something was missed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The namespaces whose sockets are to be closed, each not too often: a lossy minute is one reset, not sixty. Nor does one begin
/// while another closes sockets: they would be closed twice, and those first who have just fetched.
#[derive(Debug)]
pub(super) struct Resets {
    /// From the beginning of one until there may be the next.
    pause: Duration,
    namespaces: BTreeMap<Arc<str>, Reset>,
}

#[derive(Debug)]
struct Reset {
    /// Not before.
    rests_until: Instant,
    is_wanted: bool,
}

impl Resets {
    /// A reset takes as long as `spread`, and then the namespace rests.
    pub(super) fn new(spread: Duration, rest: Duration) -> Self {
        Self { pause: spread.saturating_add(rest), namespaces: BTreeMap::new() }
    }

    /// Something of this namespace was missed.
    pub(super) fn want(&mut self, namespace: &Arc<str>, now: Instant) {
        let reset = self.namespaces.entry(namespace.clone()).or_insert(Reset { rests_until: now, is_wanted: false });
        reset.is_wanted = true;
    }

    /// It is served no more. That it rests is remembered: it may be served again while its sockets are being closed.
    pub(super) fn forget(&mut self, namespace: &str) {
        if let Some(reset) = self.namespaces.get_mut(namespace) {
            reset.is_wanted = false;
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.namespaces.values().filter(|reset| reset.is_wanted).map(|reset| reset.rests_until).min()
    }

    /// The next one that is due.
    pub(super) fn next(&mut self, now: Instant) -> Option<Arc<str>> {
        let is_due = |reset: &Reset| reset.is_wanted && reset.rests_until <= now;
        let (namespace, reset) = self.namespaces.iter_mut().find(|(_, reset)| is_due(reset))?;
        (reset.is_wanted, reset.rests_until) = (false, now + self.pause);
        Some(namespace.clone())
    }

    /// Those that neither rest nor want anything.
    pub(super) fn tidy(&mut self, now: Instant) {
        self.namespaces.retain(|_, reset| reset.is_wanted || reset.rests_until > now);
    }
}
