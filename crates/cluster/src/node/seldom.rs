//! What may be said now and then, however often there is reason to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Lets pass one in a while.
pub(crate) struct Seldom {
    began: Instant,
    /// In milliseconds.
    interval: u64,
    /// In which interval, since then, the last one passed.
    last: AtomicU64,
}

impl Seldom {
    pub(crate) fn new(interval: Duration) -> Self {
        let interval = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX).max(1);
        Self { began: Instant::now(), interval, last: AtomicU64::new(u64::MAX) }
    }

    pub(crate) fn passes(&self) -> bool {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX) / self.interval;
        self.last.swap(now, Ordering::Relaxed) != now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_many_passes() {
        let seldom = Seldom::new(Duration::from_secs(3600));
        assert_eq!((0..1000).filter(|_| seldom.passes()).count(), 1);
    }
}
