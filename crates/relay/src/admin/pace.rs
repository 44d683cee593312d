//! How many of something a second, and how many were left out.

use std::time::{Duration, Instant};

use socketio::hub::Bucket;

/// So many at once, at least one, and then so many a second.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    /// There is one while no more is missing than comes back in this time.
    most: Duration,
    bucket: Bucket,
    left_out: u64,
}

impl Pace {
    pub(super) fn new(per_s: u32, at_once: u32) -> Self {
        let interval = Duration::from_secs(1) / per_s.max(1);
        Self { interval, most: interval * at_once.saturating_sub(1), bucket: Bucket::default(), left_out: 0 }
    }

    /// Takes one, or says when there is one; and counts that it was left out.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        self.bucket.spend(now, self.most, self.interval).map_err(|wait| {
            self.left_out += 1;
            now + wait
        })
    }

    /// Whether there is one, without taking it.
    pub(super) fn has_one(&self, now: Instant) -> bool {
        self.bucket.wait(now, self.most).is_none()
    }

    /// How many were left out since this was asked last.
    pub(super) fn take_left_out(&mut self) -> u64 {
        std::mem::take(&mut self.left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_becomes_a_sample() {
        let (mut pace, start) = (Pace::new(100, 100), Instant::now());
        let mut taken = 0;
        // 10,000 in each of ten seconds.
        for millis in 0..10_000 {
            let now = start + Duration::from_millis(millis);
            taken += (0..10).filter(|_| pace.take(now).is_ok()).count();
        }
        assert_eq!(taken, 100 + 999);
        assert_eq!(pace.take_left_out(), 100_000 - 1099);
        assert_eq!(pace.take_left_out(), 0);
    }

    #[test]
    fn it_says_when_there_is_one() {
        let (mut pace, now) = (Pace::new(10, 1), Instant::now());
        assert!(pace.has_one(now));
        assert_eq!(pace.take(now), Ok(()));
        assert!(!pace.has_one(now) && pace.has_one(now + Duration::from_millis(100)));
        assert_eq!(pace.take(now), Err(now + Duration::from_millis(100)));
        assert_eq!(pace.take(now + Duration::from_millis(100)), Ok(()));
    }
}
