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
    start: u64,
    beat: u64,
    every: Duration,
    heard_at: Instant,
    pub(super) presence: Presence,
    /// By namespace that is heard here.
    counters: HashMap<Arc<str>, Counter>,
    /// Since it is there.
    pub(super) missed: u64,
    pub(super) surplus: u64,
}

/// Whether it is there.
///
/// ```text
///          LATE heartbeats          GONE              KEPT
///   Here ────────────────► Late ──────────► Gone ──────────► forgotten
///     ▲                     │                │
///     └──────── one ────────┴────────────────┘
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Here,
    Late,
    /// To all appearances it is there no more. If it was only away, what it lost meanwhile shows when it is back: so it is
    /// remembered for a while.
    Gone,
}

/// Whose a heartbeat is, of one that has a known uid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    Same,
    /// Another process.
    Another,
}

impl Peer {
    pub(super) fn new(heartbeat: &Heartbeat, heard: &[Arc<str>], now: Instant) -> Self {
        let mut peer = Self {
            name: heartbeat.name.clone(),
            start: heartbeat.start,
            beat: 0,
            every: heartbeat.every,
            heard_at: now,
            presence: Presence::Here,
            counters: heard.iter().map(|namespace| (namespace.clone(), Counter::default())).collect(),
            missed: 0,
            surplus: 0,
        };
        peer.beat(heartbeat, now, |_, _| {});
        peer
    }

    /// Whether a heartbeat under its uid is its own. Who was gone and counts its heartbeats anew is not the same: else one that
    /// lied about its number would never be heard again.
    pub(super) fn identity(&self, heartbeat: &Heartbeat) -> Identity {
        let is_anew = self.presence == Presence::Gone && heartbeat.beat <= self.beat;
        if self.start == heartbeat.start && !is_anew { Identity::Same } else { Identity::Another }
    }

    /// Whether it is what its operator calls by this heartbeat's name, as it was before.
    pub(super) fn was_before(&self, heartbeat: &Heartbeat) -> bool {
        self.presence != Presence::Gone
            && self.name.is_some()
            && self.name == heartbeat.name
            && self.start < heartbeat.start
    }

    /// A heartbeat came. `None`: it is an old one. Else whether it was there before.
    pub(super) fn beat(
        &mut self,
        heartbeat: &Heartbeat,
        now: Instant,
        mut missed: impl FnMut(&Arc<str>, u64),
    ) -> Option<Presence> {
        if heartbeat.beat <= self.beat {
            return None;
        }
        let before = self.presence;
        (self.beat, self.every, self.heard_at) = (heartbeat.beat, heartbeat.every, now);
        self.presence = Presence::Here;
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
        Some(before)
    }

    pub(super) fn hear(&mut self, namespace: &str) {
        if let Some(counter) = self.counters.get_mut(namespace) {
            counter.hear();
        }
    }

    pub(super) fn serve(&mut self, namespace: &Arc<str>) {
        self.counters.insert(namespace.clone(), Counter::default());
    }

    pub(super) fn unserve(&mut self, namespace: &str) {
        self.counters.remove(namespace);
    }

    /// It is there no more, but may be again.
    pub(super) fn leave(&mut self) {
        (self.presence, self.missed, self.surplus) = (Presence::Gone, 0, 0);
    }

    /// While nothing is heard, nobody can be late.
    pub(super) fn excuse(&mut self, now: Instant) {
        if self.presence != Presence::Gone {
            (self.heard_at, self.presence) = (now, Presence::Here);
        }
    }

    /// When it is next to be looked at.
    pub(super) fn due(&self) -> Instant {
        let heartbeats = match self.presence {
            Presence::Here => LATE,
            Presence::Late => GONE,
            Presence::Gone => return self.heard_at + KEPT,
        };
        self.heard_at + self.every * heartbeats
    }

    pub(super) fn heard_at(&self) -> Instant {
        self.heard_at
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

/// How long one that is gone is remembered: an outage of its way to Redis alone is over by then, or clients have long been told
/// in other ways. Longer than the slowest takes to be gone.
const KEPT: Duration = Duration::from_secs(60 * 60);
