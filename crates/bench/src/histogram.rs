//! Latencies, counted to within one per cent.

/// Counts of microseconds: exact below 128, then 128 steps for each doubling.
#[derive(Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; STEPS * (DOUBLINGS + 1)], total: 0 }
    }
}

impl Histogram {
    /// Counts one latency. One beyond an hour counts as the longest there is.
    pub(crate) fn record(&mut self, us: u64) {
        let last = self.counts.len() - 1;
        if let Some(count) = self.counts.get_mut(index_of(us).min(last)) {
            *count += 1;
            self.total += 1;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.counts.fill(0);
        self.total = 0;
    }

    /// The latency that `share` (0 to 1) of all do not exceed, in milliseconds; 0 if there is none.
    pub(crate) fn quantile_ms(&self, share: f64) -> f64 {
        let wanted = (self.total as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted.max(1) {
                return lowest_of(index) as f64 / 1000.0;
            }
        }
        0.0
    }
}

fn index_of(us: u64) -> usize {
    // How often it has to be halved to be below twice the number of steps.
    let halvings = (u64::BITS - us.leading_zeros()).saturating_sub(STEPS.ilog2() + 1) as usize;
    halvings * STEPS + (us >> halvings) as usize
}

fn lowest_of(index: usize) -> u64 {
    let halvings = (index / STEPS).saturating_sub(1);
    ((index - halvings * STEPS) as u64) << halvings
}

const STEPS: usize = 128;
const DOUBLINGS: usize = 25;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_latency_falls_into_a_step_of_its_own_size() {
        for us in (0..5_000).chain([70_000, 1_000_000, 123_456_789, 3_600_000_000]) {
            let low = lowest_of(index_of(us));
            assert!(low <= us, "{us} fell to {low}");
            assert!((us - low) as f64 <= us as f64 / 127.0, "{us} fell to {low}");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_list() {
        let mut histogram = Histogram::default();
        (1..=100).for_each(|us| histogram.record(us));
        assert_eq!(histogram.quantile_ms(0.5), 0.050);
        assert_eq!(histogram.quantile_ms(0.99), 0.099);
        assert_eq!(Histogram::default().quantile_ms(0.99), 0.0);
    }
}
