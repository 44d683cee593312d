//! This node, as it tells the others.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::heartbeat::Heartbeat;

#[derive(Debug)]
pub(super) struct Me {
    pub(super) uid: String,
    name: Option<String>,
    start: u64,
    sent: BTreeMap<Arc<str>, u64>,
    /// Whether it speaks as the sharded adapter does.
    pub(super) is_sharded: bool,
    /// Whether what is sent keeps its order over all channels, so that others can compare.
    is_compared: bool,
    /// From where the next heartbeat names namespaces, where one does not hold them all.
    cursor: usize,
    beat: u64,
    beat_at: Option<Instant>,
    next: Instant,
    is_hello: bool,
    /// It has said that it leaves: after that a heartbeat would say that it is there.
    has_left: bool,
    /// Own heartbeats that have not come back yet.
    under_way: VecDeque<(u64, Instant)>,
    lag: Option<Duration>,
    /// How many messages went to Redis that come back to every node, and how many came back.
    told: u64,
    echoed: u64,
    double_said: Option<Instant>,
}

impl Me {
    pub(super) fn new(uid: String, name: Option<String>, start: u64, now: Instant) -> Self {
        Self {
            uid,
            name,
            start,
            sent: BTreeMap::new(),
            is_sharded: false,
            is_compared: true,
            cursor: 0,
            beat: 0,
            beat_at: None,
            next: now,
            is_hello: true,
            has_left: false,
            under_way: VecDeque::new(),
            lag: None,
            told: 0,
            echoed: 0,
            double_said: None,
        }
    }

    pub(super) fn joined(&mut self, now: Instant) {
        (self.next, self.is_hello) = (now, true);
    }

    pub(super) fn lost(&mut self) {
        self.under_way.clear();
        self.lag = None;
    }

    pub(super) fn up(&mut self, keeps_order: bool, now: Instant) {
        (self.is_compared, self.next) = (keeps_order, now);
    }

    pub(super) fn sent(&mut self, namespace: &Arc<str>) {
        self.told += 1;
        self.count(namespace, 1);
    }

    /// Sent, as far as others are told, or lost before it could be.
    pub(super) fn count(&mut self, namespace: &Arc<str>, messages: u64) {
        match self.sent.get_mut(namespace) {
            Some(sent) => *sent += messages,
            None => drop(self.sent.insert(namespace.clone(), messages)),
        }
    }

    pub(super) fn hear(&mut self) {
        self.echoed += 1;
    }

    /// When the next heartbeat is to be written. `None`: there is none any more.
    pub(super) fn due(&self) -> Option<Instant> {
        (!self.has_left).then_some(self.next)
    }

    pub(super) fn bye(&mut self, every: Duration, now: Instant) -> Heartbeat {
        self.has_left = true;
        Heartbeat { is_bye: true, ..self.heartbeat(every, now) }
    }

    pub(super) fn heartbeat(&mut self, every: Duration, now: Instant) -> Heartbeat {
        self.beat += 1;
        (self.beat_at, self.next) = (Some(now), now + every);
        let is_partial = self.is_compared && self.sent.len() > Heartbeat::NAMESPACES_MAX;
        let first = if is_partial { self.cursor % self.sent.len() } else { 0 };
        self.cursor = first + Heartbeat::NAMESPACES_MAX;
        let most = if self.is_compared { self.sent.len().min(Heartbeat::NAMESPACES_MAX) } else { 0 };
        let named = self.sent.iter().cycle().skip(first).take(most);
        Heartbeat {
            version: Heartbeat::VERSION,
            uid: self.uid.clone(),
            name: self.name.clone(),
            start: self.start,
            beat: self.beat,
            every,
            sent: named.map(|(namespace, sent)| (namespace.to_string(), *sent)).collect(),
            is_sharded: self.is_sharded,
            is_partial,
            is_hello: std::mem::take(&mut self.is_hello),
            is_bye: false,
        }
    }

    /// The heartbeat just written is to come back.
    pub(super) fn expect(&mut self, now: Instant) {
        if self.under_way.len() >= UNDER_WAY_MAX {
            // The oldest is what tells how bad it is.
            self.under_way.remove(1);
        }
        self.under_way.push_back((self.beat, now));
    }

    /// Somebody wants to hear from all. However many do, one heartbeat is for all of them.
    pub(super) fn hasten(&mut self, now: Instant) {
        let soonest = self.beat_at.map_or(now, |at| at + Heartbeat::EVERY_MIN);
        self.next = self.next.min(soonest.max(now));
    }

    /// A heartbeat under this node's uid came back. Whether it is to be said that somebody else sends under it.
    pub(super) fn is_double(&mut self, heartbeat: &Heartbeat, now: Instant) -> bool {
        let is_anothers = heartbeat.start != self.start || heartbeat.beat > self.beat;
        if !is_anothers {
            self.came_back(heartbeat.beat, now);
        }
        // More came back than was ever sent, whatever of it was lost or late.
        let is_too_much = self.echoed > self.told;
        if is_too_much {
            self.echoed = self.told;
        }
        let is_news = self.double_said.is_none_or(|at| now.saturating_duration_since(at) >= SAID_AGAIN);
        let is_said = (is_anothers || is_too_much) && is_news;
        if is_said {
            self.double_said = Some(now);
        }
        is_said
    }

    fn came_back(&mut self, beat: u64, now: Instant) {
        while let Some((number, sent)) = self.under_way.front().copied().filter(|(number, _)| *number <= beat) {
            if number == beat {
                self.lag = Some(now.saturating_duration_since(sent));
            }
            self.under_way.pop_front();
        }
    }

    /// By the last heartbeat that came back, or the one that does not.
    pub(super) fn lag(&self, now: Instant) -> Option<Duration> {
        let waited = self.under_way.front().map(|(_, sent)| now.saturating_duration_since(*sent));
        self.lag.into_iter().chain(waited).max()
    }
}

/// More heartbeats without a way back tell nothing new.
const UNDER_WAY_MAX: usize = 16;

/// What goes on for longer is said again.
const SAID_AGAIN: Duration = Duration::from_secs(10 * 60);
