//! One other node.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::counter::{Counter, Difference};
use super::heartbeat::Heartbeat;

/// One other Fanfare node, as far as its heartbeats tell.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) name: Option<String>,
    pub(super) start: u64,
    beat: u64,
    every: Duration,
    heard_at: Instant,
    pub(super) is_late: bool,
    /// By namespace that is served here.
    counters: HashMap<Arc<str>, Counter>,
    pub(super) missed: u64,
    pub(super) surplus: u64,
}

impl Peer {
    pub(super) fn new(heartbeat: &Heartbeat, served: &[Arc<str>], now: Instant) -> Self {
        let mut peer = Self {
            name: heartbeat.name.clone(),
            start: heartbeat.start,
            beat: 0,
            every: heartbeat.every,
            heard_at: now,
            is_late: false,
            counters: served.iter().map(|namespace| (namespace.clone(), Counter::default())).collect(),
            missed: 0,
            surplus: 0,
        };
        peer.beat(heartbeat, now, |_, _| {});
        peer
    }

    /// A heartbeat came. `false`: it is an old one.
    pub(super) fn beat(&mut self, heartbeat: &Heartbeat, now: Instant, mut missed: impl FnMut(&Arc<str>, u64)) -> bool {
        if heartbeat.beat <= self.beat {
            return false;
        }
        (self.beat, self.every, self.heard_at, self.is_late) = (heartbeat.beat, heartbeat.every, now, false);
        for (namespace, counter) in &mut self.counters {
            let says = match heartbeat.sent.get(&**namespace) {
                Some(says) => *says,
                None if heartbeat.is_partial => continue,
                None => 0,
            };
            let Difference { missed: count, surplus } = counter.compare(says);
            self.missed = self.missed.saturating_add(count);
            self.surplus = self.surplus.saturating_add(surplus);
            if count > 0 {
                missed(namespace, count);
            }
        }
        true
    }

    pub(super) fn hear(&mut self, namespace: &str) {
        if let Some(counter) = self.counters.get_mut(namespace) {
            counter.hear();
        }
    }

    pub(super) fn serve(&mut self, namespace: &Arc<str>) {
        self.counters.entry(namespace.clone()).or_default().begin_anew();
    }

    pub(super) fn unserve(&mut self, namespace: &str) {
        self.counters.remove(namespace);
    }

    /// While nothing is heard, nobody can be late.
    pub(super) fn excuse(&mut self, now: Instant) {
        (self.heard_at, self.is_late) = (now, false);
    }

    /// When it is next to be looked at.
    pub(super) fn due(&self) -> Instant {
        if self.is_late { self.gone_at() } else { self.late_at() }
    }

    pub(super) fn late_at(&self) -> Instant {
        self.heard_at + self.every * LATE
    }

    pub(super) fn gone_at(&self) -> Instant {
        self.heard_at + self.every * GONE
    }

    /// How long nothing was heard of it.
    pub(super) fn silence(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.heard_at)
    }
}

/// After how many missing heartbeats a peer is late: one may be on its way.
const LATE: u32 = 3;

/// After how many it is gone.
const GONE: u32 = 10;
