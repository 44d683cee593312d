//! What is counted as it happens.

use std::sync::atomic::{AtomicU64, Ordering};

use cluster_proto::wire::Refused;

#[derive(Default)]
pub(crate) struct Counters {
    /// Messages of others that were heard.
    pub(crate) received: Counter,
    /// Of these, for rooms that nobody here is in.
    pub(crate) unwanted: Counter,
    /// Of these, that there was no place for.
    pub(crate) dropped: Counter,
    /// Requests that were not answered because too many were being answered.
    pub(crate) unanswered: Counter,
    /// Messages for the servers' programs that nothing here was for.
    pub(crate) server_side: Counter,
    /// Members named `__proto__` that were left out.
    pub(crate) left_out: Counter,
    /// Heartbeats that are none.
    pub(crate) heartbeats_malformed: Counter,
    pub(crate) reconnects: Counter,
    malformed: [Counter; Refused::ALL.len()],
}

/// One number.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, number: usize) {
        self.0.fetch_add(number as u64, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    pub(crate) fn refused(&self, why: Refused) {
        let at = Refused::ALL.iter().position(|reason| *reason == why);
        if let Some(counter) = at.and_then(|at| self.malformed.get(at)) {
            counter.add(1);
        }
    }

    /// By reason.
    pub(crate) fn malformed(&self) -> Vec<(&'static str, u64)> {
        let wire = Refused::ALL.iter().zip(&self.malformed).map(|(reason, counter)| (reason.label(), counter.get()));
        wire.chain([("heartbeat", self.heartbeats_malformed.get())]).collect()
    }
}
