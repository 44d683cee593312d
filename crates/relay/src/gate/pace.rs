//! How many may come in a second, whoever they are.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// A bucket that every thread takes from at once, without a lock: as many at once as in a second.
///
/// It is kept as the one moment at which it is full again, so there is nothing to refill.
#[derive(Debug)]
pub(super) struct Pace {
    start: Instant,
    /// In nanoseconds after the start.
    full_at: AtomicU64,
    interval: u64,
}

impl Pace {
    pub(super) fn new(per_s: NonZeroU32, now: Instant) -> Self {
        Self { start: now, full_at: AtomicU64::new(0), interval: SECOND / u64::from(per_s.get()) }
    }

    /// Takes one, or says that there is none.
    pub(super) fn take(&self, now: Instant) -> bool {
        // 584 years.
        let now = u64::try_from(now.saturating_duration_since(self.start).as_nanos()).unwrap_or(u64::MAX);
        let take = |full_at: u64| {
            let full_at = full_at.max(now).saturating_add(self.interval);
            (full_at - now <= SECOND).then_some(full_at)
        };
        // It orders nothing but itself.
        self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

/// In nanoseconds.
const SECOND: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    fn pace(per_s: u32) -> (Pace, Instant) {
        let now = Instant::now();
        (Pace::new(NonZeroU32::new(per_s).unwrap(), now), now)
    }

    #[test]
    fn as_many_pass_at_once_as_in_a_second_and_then_what_time_brings() {
        for per_s in [1, 3, 10_000] {
            let (pace, now) = pace(per_s);
            let passed = |now| (0..20_000).take_while(|_| pace.take(now)).count();
            assert_eq!(passed(now), per_s as usize);
            assert_eq!(passed(now + Duration::from_secs(1)), per_s as usize);
            assert_eq!(passed(now + Duration::from_secs(3600)), per_s as usize);
            assert_eq!(passed(now), 0, "a clock that is read a little late");
        }
    }

    #[test]
    fn threads_together_take_no_more() {
        let (pace, now) = pace(10_000);
        let take = || (0..10_000).filter(|_| pace.take(now)).count();
        let taken: usize = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(taken, 10_000);
    }
}
