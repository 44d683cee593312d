//! How long to wait before the next try.

use std::time::Duration;

/// Waits that double up to a cap, each between half and all of its length.
///
/// A fleet that lost the same Redis at the same moment is not to come back at one moment.
#[derive(Debug)]
pub(super) struct Backoff {
    min: Duration,
    max: Duration,
    tries: u32,
    dice: u64,
}

impl Backoff {
    /// `jitter` is any number that other nodes do not have.
    pub(super) fn new(min: Duration, max: Duration, jitter: u64) -> Self {
        Self { min, max, tries: 0, dice: jitter }
    }

    /// What is tried worked for a while.
    pub(super) fn reset(&mut self) {
        self.tries = 0;
    }

    pub(super) fn next(&mut self) -> Duration {
        let longest = self.min.saturating_mul(1 << self.tries.min(16)).min(self.max);
        self.tries = self.tries.saturating_add(1);
        longest / 2 + longest.mul_f64(self.roll() / 2.0)
    }

    /// From 0 to 1, by SplitMix64.
    fn roll(&mut self) -> f64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.dice ^ self.dice >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from((word >> 32) as u32) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_differ() {
        let (min, max) = (Duration::from_millis(100), Duration::from_secs(2));
        let waits = |jitter| {
            let mut backoff = Backoff::new(min, max, jitter);
            (0..40).map(|_| backoff.next()).collect::<Vec<_>>()
        };
        let mut longest = min;
        for wait in waits(7) {
            assert!(wait >= longest / 2 && wait <= longest, "{wait:?} of {longest:?}");
            longest = (longest * 2).min(max);
        }
        assert_ne!(waits(1), waits(2));
    }
}
