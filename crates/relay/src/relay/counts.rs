//! What became of events and of those who wanted to come in, counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use policy::Code;

/// Over all namespaces.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    relayed: AtomicU64,
    /// In the order of [`Code::ALL`]: an event's refusal is counted without a lock.
    refused: [AtomicU64; Code::ALL.len()],
    connects_refused: Mutex<BTreeMap<&'static str, u64>>,
}

impl Counts {
    pub(super) fn relayed(&self) {
        self.relayed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refused(&self, code: Code) {
        if let Some(count) = self.refused.get(code as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn connect_refused(&self, code: &'static str) {
        *self.connects_refused.lock().unwrap_or_else(PoisonError::into_inner).entry(code).or_default() += 1;
    }

    /// How many events went on.
    pub(crate) fn relayed_count(&self) -> u64 {
        self.relayed.load(Ordering::Relaxed)
    }

    /// How many events went nowhere, by why.
    pub(crate) fn refused_counts(&self) -> BTreeMap<&'static str, u64> {
        let counts = Code::ALL.iter().zip(&self.refused);
        let counts = counts.map(|(code, count)| (code.label(), count.load(Ordering::Relaxed)));
        counts.filter(|(_, count)| *count > 0).collect()
    }

    /// How many were not let into a namespace, by why.
    pub(crate) fn connects_refused_counts(&self) -> BTreeMap<&'static str, u64> {
        self.connects_refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
