//! So many a second.

use std::time::{Duration, Instant};

use hub::Bucket;

/// What happens to what is over a limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Over {
    /// It counts, and its sender is not read until it is within the limit again: nothing is lost.
    #[default]
    Slow,
    /// It goes nowhere, and its sender is told if it asked for an acknowledgement.
    Refuse,
    /// It goes nowhere, and nobody is told.
    Drop,
    /// It goes nowhere, and its sender's connection ends.
    Close,
}

/// So many a second, and a number at once; the two are never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    per_s: u32,
    burst: u32,
}

impl Rate {
    /// A rate; `None` if it would let nothing pass. Without `burst`, twice what comes in a second.
    pub const fn new(per_s: u32, burst: Option<u32>) -> Option<Self> {
        let burst = match burst {
            Some(burst) => burst,
            None => per_s.saturating_mul(2),
        };
        if per_s == 0 || burst == 0 { None } else { Some(Self { per_s, burst }) }
    }

    /// How many a second.
    pub const fn per_s(&self) -> u32 {
        self.per_s
    }

    /// How many at once.
    pub const fn burst(&self) -> u32 {
        self.burst
    }

    /// Takes `count` from `bucket` if a whole one is there, more than is there too.
    ///
    /// # Errors
    /// How long until one is there, if none is; then nothing is taken.
    pub fn take(&self, bucket: &mut Bucket, now: Instant, count: usize) -> Result<(), Duration> {
        bucket.spend(now, self.all_but_one(), self.time_of(count))
    }

    /// Takes `count` from `bucket`, whatever is there, and says until when none is there any more, if so.
    pub fn charge(&self, bucket: &mut Bucket, now: Instant, count: usize) -> Option<Instant> {
        bucket.charge(now, self.time_of(count));
        self.held_until(bucket, now)
    }

    /// Until when none is there, if none is.
    pub(crate) fn held_until(&self, bucket: &Bucket, now: Instant) -> Option<Instant> {
        now.checked_add(bucket.wait(now, self.all_but_one())?)
    }

    /// A bucket that was filled at another rate: as many are missing, but no more than it may have.
    pub(crate) fn in_place_of(&self, other: Self, bucket: &Bucket, now: Instant) -> Bucket {
        let mut kept = Bucket::default();
        if let Some(missing) = bucket.wait(now, Duration::ZERO) {
            let missing = missing.as_nanos() * u128::from(other.per_s) / u128::from(self.per_s);
            let missing = Duration::from_nanos(u64::try_from(missing).unwrap_or(u64::MAX));
            kept.charge(now, missing.min(self.time_of(self.burst as usize)));
        }
        kept
    }

    /// That of so many together.
    pub(super) const fn times(self, count: u32) -> Self {
        Self { per_s: self.per_s.saturating_mul(count), burst: self.burst.saturating_mul(count) }
    }

    /// In what time a burst passes but for its last.
    fn all_but_one(&self) -> Duration {
        self.time_of(self.burst as usize - 1)
    }

    /// In what time so many pass.
    fn time_of(&self, count: usize) -> Duration {
        // As many as nobody has at once are as many as that: the division by 64 bits is the cheap one.
        let nanos = (count as u64).saturating_mul(1_000_000_000) / u64::from(self.per_s);
        Duration::from_nanos(nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_lets_a_burst_pass_and_then_what_time_brings() {
        let (rate, mut bucket, now) = (Rate::new(10, None).unwrap(), Bucket::default(), Instant::now());
        let passed = |bucket: &mut Bucket, now| (0..1_000).take_while(|_| rate.take(bucket, now, 1).is_ok()).count();
        assert_eq!(passed(&mut bucket, now), 20);
        assert_eq!(rate.take(&mut bucket, now, 1), Err(Duration::from_millis(100)));
        assert_eq!(passed(&mut bucket, now + Duration::from_secs(1)), 10);
    }

    #[test]
    fn who_is_slowed_down_passes_and_is_told_until_when() {
        let (rate, mut bucket, now) = (Rate::new(100, Some(100)).unwrap(), Bucket::default(), Instant::now());
        assert_eq!(rate.charge(&mut bucket, now, 99), None);
        assert_eq!(rate.charge(&mut bucket, now, 301), Some(now + Duration::from_millis(3010)));
    }

    #[test]
    fn a_rate_of_nothing_is_none() {
        assert_eq!(Rate::new(0, Some(1)), None);
        assert_eq!(Rate::new(1, Some(0)), None);
    }
}
