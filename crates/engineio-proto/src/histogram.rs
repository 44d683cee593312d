//! Durations, counted by how long they are.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How many durations were how long, in all. Written and read by anybody at any time, without a lock.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [Duration],
    /// One for each bound, and one for what is beyond the last.
    counts: Box<[AtomicU64]>,
    /// In nanoseconds they would not fit for more than some weeks of a busy server.
    sum_us: AtomicU64,
}

/// What a [`Histogram`] had counted at one time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistogramCounts {
    /// How many were no longer than this, and longer than the bound before.
    pub buckets: Vec<(Duration, u64)>,
    /// How many were longer than all bounds.
    pub beyond: u64,
    /// All together.
    pub sum: Duration,
}

impl Histogram {
    /// One that divides durations at `bounds`, which increase.
    pub fn new(bounds: &'static [Duration]) -> Self {
        let counts = std::iter::repeat_with(AtomicU64::default).take(bounds.len() + 1).collect();
        Self { bounds, counts, sum_us: AtomicU64::new(0) }
    }

    /// Counts a duration so many times.
    pub fn record(&self, duration: Duration, times: u64) {
        let number = self.bounds.partition_point(|bound| *bound < duration);
        if let Some(count) = self.counts.get(number) {
            count.fetch_add(times, Ordering::Relaxed);
        }
        let sum = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).saturating_mul(times);
        self.sum_us.fetch_add(sum, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub fn counts(&self) -> HistogramCounts {
        let count = |number: usize| self.counts.get(number).map_or(0, |count| count.load(Ordering::Relaxed));
        HistogramCounts {
            buckets: self.bounds.iter().enumerate().map(|(number, bound)| (*bound, count(number))).collect(),
            beyond: count(self.bounds.len()),
            sum: Duration::from_micros(self.sum_us.load(Ordering::Relaxed)),
        }
    }
}

impl HistogramCounts {
    /// How many there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum::<u64>() + self.beyond
    }

    /// Adds what another one with the same bounds has counted.
    pub fn add(&mut self, other: Self) {
        if self.buckets.is_empty() {
            self.buckets = other.buckets;
        } else {
            self.buckets.iter_mut().zip(other.buckets).for_each(|((_, count), (_, more))| *count += more);
        }
        self.beyond += other.beyond;
        self.sum += other.sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: &[Duration] = &[Duration::from_millis(1), Duration::from_millis(10)];

    #[test]
    fn a_duration_counts_where_it_is_not_longer_than_the_bound() {
        let histogram = Histogram::new(BOUNDS);
        for (micros, times) in [(0, 1), (1_000, 2), (1_001, 4), (10_000, 8), (10_001, 16)] {
            histogram.record(Duration::from_micros(micros), times);
        }
        let mut counts = histogram.counts();
        assert_eq!(counts.buckets, [(BOUNDS[0], 3), (BOUNDS[1], 12)]);
        assert_eq!((counts.beyond, counts.count()), (16, 31));
        assert_eq!(counts.sum, Duration::from_micros(2_000 + 4_004 + 80_000 + 160_016));
        counts.add(histogram.counts());
        assert_eq!(counts.count(), 62);
        let mut none = HistogramCounts::default();
        none.add(histogram.counts());
        assert_eq!(none, histogram.counts());
    }
}
