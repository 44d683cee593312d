//! For how long nothing may leave an outbox.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::clock::NEVER;

/// A time that is read where one session stalls, and may change meanwhile.
#[derive(Debug)]
pub(crate) struct StallMax {
    ns: AtomicU64,
}

impl StallMax {
    pub(crate) fn new(time: Duration) -> Self {
        Self { ns: AtomicU64::new(whole_ns(time)) }
    }

    pub(crate) fn get(&self) -> Duration {
        Duration::from_nanos(self.ns.load(Ordering::Relaxed))
    }

    pub(crate) fn set(&self, time: Duration) {
        self.ns.store(whole_ns(time), Ordering::Relaxed);
    }
}

fn whole_ns(time: Duration) -> u64 {
    // Ten years fit.
    u64::try_from(time.min(NEVER).as_nanos()).unwrap_or(u64::MAX)
}
