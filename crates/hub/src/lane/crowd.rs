//! Who is sent more than it reads, and who waits for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use engineio_proto::{Backlog, Recipient};

use super::pace::Pace;
use super::roster::{Member, Roster};
use crate::SocketId;
use crate::front::Charge;
use crate::names::SocketMap;

/// The members for which more than half of what may wait does.
///
/// Whoever sends to one of them, faster than it reads, is slowed down to its pace: the charges of such events are kept
/// until less waits. But only for those that do read. Who reads nothing, or next to nothing, holds back nobody, and is
/// closed when its outbox is full.
///
/// ```text
///            crowded                   not even the minimum pace
///    Free ────────────► Holds ◄──────────────────────────────────► Stuck
///     ▲                   │            at least that                 │
///     └───────────────────┴──────── half of it has left ─────────────┘
/// ```
pub(crate) struct Crowd {
    config: CrowdConfig,
    entries: SocketMap<Entry>,
    next_check: Option<Instant>,
    /// How many charges are kept.
    held: usize,
}

/// How those are slowed down who send faster than others read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CrowdConfig {
    /// How long an event is counted against its sender at most. 1 s: whoever reads so slowly that this is not enough
    /// for a quarter of its outbox lets its sender through now and then, and is closed if that is too much for it.
    pub hold_max: Duration,
    /// Bytes in a second that must leave for the sender to be held back. 256 KiB, 2 Mbit/s: who reads more slowly is
    /// not waited for.
    pub pace_min_bytes: u64,
    /// Over what time the pace is measured. 100 ms.
    pub pace_window: Duration,
    /// So many windows in a row may be without that pace. 3: with the window that is one too many, 0.4 s, the pause of a
    /// client that reads in gulps, collects garbage, or is short of processor time, as recipients of a flood are. It is
    /// also how long one that reads nothing holds anybody back, once.
    pub pauses_max: u32,
    /// How often it is looked at what left, while events are counted against senders. 5 ms; more rarely where there is
    /// much to look at.
    pub check_interval: Duration,
}

impl Default for CrowdConfig {
    fn default() -> Self {
        Self {
            hold_max: Duration::from_secs(1),
            pace_min_bytes: 256 * 1024,
            pace_window: Duration::from_millis(100),
            pauses_max: 3,
            check_interval: Duration::from_millis(5),
        }
    }
}

struct Entry {
    recipient: Arc<dyn Recipient>,
    /// What waited when it came in.
    bytes: usize,
    /// Since when it holds the first of its charges.
    held_since: Instant,
    /// When its pace was looked at last, and what had left by then.
    measured: (Instant, u64),
    /// Windows without the minimum pace that are left to it.
    pauses_left: u32,
    charges: Vec<Charge>,
}

impl Crowd {
    pub(crate) fn new(config: CrowdConfig) -> Self {
        Self { config, entries: SocketMap::default(), next_check: None, held: 0 }
    }

    /// A member answered that too much waits for it. This allocates, but once for each that gets into the crowd.
    pub(crate) fn meet(&mut self, member: &mut Member, now: Instant) {
        if member.pace != Pace::Free {
            return;
        }
        let Backlog { bytes, sent } = member.recipient.backlog();
        member.pace = Pace::Holds;
        let recipient = Arc::clone(&member.recipient);
        let entry = Entry {
            recipient,
            bytes,
            held_since: now,
            measured: (now, sent),
            pauses_left: self.config.pauses_max,
            charges: Vec::new(),
        };
        self.entries.insert(member.id, entry);
        self.next_check.get_or_insert(now + self.config.check_interval);
    }

    /// Keeps what an event for `member` costs until that has less to read.
    pub(crate) fn hold(&mut self, member: SocketId, charge: Charge, now: Instant) {
        if let Some(entry) = self.entries.get_mut(&member) {
            if entry.charges.is_empty() {
                entry.held_since = now;
            }
            entry.charges.push(charge);
            self.held += 1;
        }
    }

    /// A member of the crowd is gone.
    pub(crate) fn forget(&mut self, member: SocketId) {
        if let Some(entry) = self.entries.remove(&member) {
            self.held -= entry.charges.len();
        }
    }

    /// When to [`check`](Self::check), if somebody waits for it.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.next_check.filter(|_| self.held > 0)
    }

    /// Looks at what left since, if it is time to.
    pub(crate) fn check(&mut self, roster: &mut Roster, now: Instant) {
        if self.next_check.is_none_or(|due| now < due) {
            return;
        }
        let Self { config, entries, .. } = self;
        entries.retain(|id, entry| {
            let backlog = entry.recipient.backlog();
            let pace = entry.judge(config, backlog, now);
            let member = roster.key_of(*id).and_then(|key| roster.member_mut(key));
            let (Some(pace), Some(member)) = (pace, member) else {
                return pace.is_none();
            };
            member.pace = pace;
            pace != Pace::Free
        });
        if is_sparse(entries.len(), entries.capacity()) {
            entries.shrink_to(2 * entries.len());
        }
        self.held = entries.values().map(|entry| entry.charges.len()).sum();
        let rounds = 1 + (entries.len() / CHECKED_AT_ONCE) as u32;
        self.next_check = (!entries.is_empty()).then(|| now + config.check_interval * rounds);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Entry {
    /// What is new about its pace, if anything. Lets go of its charges when it is not to be waited for any longer.
    fn judge(&mut self, config: &CrowdConfig, backlog: Backlog, now: Instant) -> Option<Pace> {
        if backlog.bytes <= self.bytes / 2 {
            return Some(Pace::Free);
        }
        if !self.charges.is_empty() && now.saturating_duration_since(self.held_since) >= config.hold_max {
            self.charges = Vec::new();
        }
        let (since, sent) = self.measured;
        let time = now.saturating_duration_since(since);
        if time < config.pace_window {
            return None;
        }
        self.measured = (now, backlog.sent);
        let left = u128::from(backlog.sent.saturating_sub(sent));
        if left * 1000 >= u128::from(config.pace_min_bytes) * time.as_millis() {
            self.pauses_left = config.pauses_max;
            return Some(Pace::Holds);
        }
        if let Some(left) = self.pauses_left.checked_sub(1) {
            self.pauses_left = left;
            return None;
        }
        self.charges = Vec::new();
        Some(Pace::Stuck)
    }
}

fn is_sparse(len: usize, capacity: usize) -> bool {
    capacity > CHECKED_AT_ONCE && len < capacity / 4
}

/// Entries that are looked at without ado: some ten microseconds.
const CHECKED_AT_ONCE: usize = 256;
