//! How often something may happen.

use std::time::{Duration, Instant};

/// A token bucket: `burst` times at once, and once more for each `interval` that passes.
///
/// It is kept as the one moment at which it is full again, so there is nothing to refill.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bucket {
    full_at: Option<Instant>,
}

impl Bucket {
    /// How long until no more is missing than comes back in the time `most`; `None` if that is so now.
    pub fn wait(&self, now: Instant, most: Duration) -> Option<Duration> {
        let missing = self.full_at?.saturating_duration_since(now);
        missing.checked_sub(most).filter(|wait| !wait.is_zero())
    }

    /// Takes what comes back in the time `cost`, whatever is there: it may owe.
    pub fn charge(&mut self, now: Instant, cost: Duration) {
        let full_at = self.full_at.unwrap_or(now).max(now);
        self.full_at = Some(full_at.checked_add(cost).unwrap_or(full_at));
    }

    /// [Charges](Self::charge) `cost`, unless more is missing than comes back in the time `most`.
    ///
    /// # Errors
    /// How long until that is so no more; then nothing is taken.
    pub fn spend(&mut self, now: Instant, most: Duration, cost: Duration) -> Result<(), Duration> {
        match self.wait(now, most) {
            Some(wait) => Err(wait),
            None => {
                self.charge(now, cost);
                Ok(())
            }
        }
    }

    /// Gives back what was [charged](Self::charge) or taken: it does not count after all. What is full stays full.
    pub fn give_back(&mut self, cost: Duration) {
        self.full_at = self.full_at.and_then(|full_at| full_at.checked_sub(cost));
    }

    /// Takes one, or says that there is none.
    pub fn take(&mut self, now: Instant, burst: u32, interval: Duration) -> bool {
        let full_at = self.full_at.unwrap_or(now).max(now);
        let Some(full_at) = full_at.checked_add(interval) else {
            return false;
        };
        let is_there = full_at.duration_since(now) <= interval.saturating_mul(burst);
        if is_there {
            self.full_at = Some(full_at);
        }
        is_there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(200);

    fn takes(bucket: &mut Bucket, now: Instant, most: usize) -> usize {
        (0..most).take_while(|_| bucket.take(now, 100, INTERVAL)).count()
    }

    #[test]
    fn a_burst_is_taken_at_once_and_what_time_brings_after_it() {
        let (mut bucket, now) = (Bucket::default(), Instant::now());
        assert_eq!(takes(&mut bucket, now, 1_000), 100);
        assert_eq!(takes(&mut bucket, now + INTERVAL - Duration::from_nanos(1), 1_000), 0);
        assert_eq!(takes(&mut bucket, now + 3 * INTERVAL, 1_000), 3);
        assert_eq!(takes(&mut bucket, now + 1_000 * INTERVAL, 1_000), 100, "it holds no more than a burst");
    }

    #[test]
    fn who_stays_below_the_pace_is_never_stopped() {
        let (mut bucket, mut now) = (Bucket::default(), Instant::now());
        for _ in 0..1_000_000 {
            assert!(bucket.take(now, 1, INTERVAL));
            now += INTERVAL;
        }
    }

    #[test]
    fn what_is_owed_is_paid_back_by_time() {
        let (mut bucket, now, burst) = (Bucket::default(), Instant::now(), Duration::from_secs(2));
        bucket.charge(now, Duration::from_secs(1));
        assert_eq!(bucket.wait(now, burst), None);
        bucket.charge(now, Duration::from_secs(5));
        assert_eq!(bucket.wait(now, burst), Some(Duration::from_secs(4)));
        assert_eq!(bucket.wait(now + Duration::from_millis(3999), burst), Some(Duration::from_millis(1)));
        assert_eq!(bucket.wait(now + Duration::from_secs(4), burst), None);
    }

    #[test]
    fn what_is_given_back_was_never_taken() {
        let (mut bucket, now) = (Bucket::default(), Instant::now());
        assert_eq!(takes(&mut bucket, now, 100), 100);
        bucket.give_back(2 * INTERVAL);
        assert_eq!(takes(&mut bucket, now, 100), 2);
        bucket.charge(now, 10 * INTERVAL);
        bucket.give_back(10 * INTERVAL);
        assert_eq!(takes(&mut bucket, now, 100), 0, "no more than it was");
        bucket.give_back(1_000 * INTERVAL);
        bucket.give_back(Duration::MAX);
        assert_eq!(takes(&mut bucket, now, 1_000), 100, "it holds no more than a burst");
    }

    #[test]
    fn a_burst_of_none_allows_none() {
        assert!(!Bucket::default().take(Instant::now(), 0, INTERVAL));
        assert!(!Bucket::default().take(Instant::now(), 1, Duration::MAX));
    }
}
