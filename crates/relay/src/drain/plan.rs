//! How many are sent away when. Without a clock of its own.

use std::time::{Duration, Instant};

/// The section `[drain]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DrainConfig {
    /// How long everything goes on but readiness: what sends clients here has to notice.
    pub(crate) wait: Duration,
    /// How long it takes then to send all clients away. Zero: all at once.
    pub(crate) spread: Duration,
    /// How many are sent away in a second at most, even if that takes longer.
    pub(crate) max_per_s: u32,
    /// When, after its beginning, whoever is left is left. Not before the spread is over.
    pub(crate) deadline: Duration,
}

impl Default for DrainConfig {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(5),
            spread: Duration::from_secs(25),
            max_per_s: 1000,
            deadline: Duration::from_secs(35),
        }
    }
}

/// Sends everybody away evenly until a moment.
///
/// It goes by who is still there, so that those who leave by themselves and those who slip in change nothing of that.
#[derive(Debug)]
pub(super) struct Plan {
    max_per_s: f64,
    end: Instant,
    last: Instant,
    /// What is left of a whole one.
    part: f64,
}

impl Plan {
    pub(super) fn new(config: &DrainConfig, now: Instant) -> Self {
        Self { max_per_s: config.max_per_s.into(), end: now + config.spread, last: now, part: 0.0 }
    }

    /// How many of the `open` are to be sent away now. Asked every [`TICK`].
    pub(super) fn due(&mut self, open: usize, now: Instant) -> usize {
        // Who asks late does not make up for all of it at once.
        let passed = now.saturating_duration_since(self.last).min(LATE_MAX).as_secs_f64();
        let left = self.end.saturating_duration_since(self.last).as_secs_f64();
        self.last = now;
        let share = if left > passed { passed / left } else { 1.0 };
        // One that is almost due is due: the parts of a second do not add up exactly.
        let wanted = (open as f64 * share).min(self.max_per_s * passed) + self.part + 1e-9;
        let due = (wanted as usize).min(open);
        self.part = (wanted - due as f64).clamp(0.0, 1.0);
        due
    }
}

/// How often somebody is sent away: a crowd of 5,000 goes by four at a time.
pub(super) const TICK: Duration = Duration::from_millis(20);

const LATE_MAX: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    fn config(spread_s: u64, max_per_s: u32) -> DrainConfig {
        DrainConfig { spread: Duration::from_secs(spread_s), max_per_s, ..DrainConfig::default() }
    }

    /// How many go in each second, until nobody is left; `change` comes and goes by itself each second.
    fn seconds(config: &DrainConfig, mut open: usize, change: impl Fn(usize, &mut usize)) -> Vec<usize> {
        let begun = Instant::now();
        let (mut plan, mut now) = (Plan::new(config, begun), begun);
        let mut all = Vec::new();
        while open > 0 && all.len() < 1000 {
            let mut gone = 0;
            for _ in 0..50 {
                now += TICK;
                let due = plan.due(open, now);
                open -= due;
                gone += due;
            }
            change(all.len(), &mut open);
            all.push(gone);
        }
        all
    }

    fn nothing(_: usize, _: &mut usize) {}

    #[test]
    fn all_go_evenly_and_are_gone_in_time() {
        for (clients, spread) in [(5000, 25), (20_000, 25), (300, 10), (1000, 1)] {
            let gone = seconds(&config(spread, 1000), clients, nothing);
            assert_eq!((gone.iter().sum::<usize>(), gone.len() as u64), (clients, spread), "{gone:?}");
            let mean = clients / spread as usize;
            assert!(gone.iter().all(|gone| gone.abs_diff(mean) <= 1 + mean / 50), "{clients} in {spread} s: {gone:?}");
        }
    }

    #[test]
    fn a_few_go_as_far_apart() {
        let gone = seconds(&config(25, 1000), 5, nothing);
        assert_eq!(gone.iter().sum::<usize>(), 5);
        assert!(gone.iter().all(|gone| *gone <= 1), "{gone:?}");
        assert!((20..=25).contains(&gone.len()), "{gone:?}");
    }

    #[test]
    fn no_more_go_in_a_second_than_may_even_if_it_takes_longer() {
        let gone = seconds(&config(5, 100), 2000, nothing);
        assert_eq!(gone.len(), 20, "{gone:?}");
        assert!(gone.iter().all(|gone| (99..=101).contains(gone)), "{gone:?}");
    }

    #[test]
    fn who_leaves_or_comes_by_itself_makes_it_neither_longer_nor_uneven() {
        let halves = seconds(&config(20, 1000), 4000, |second, open| {
            if second == 9 {
                *open /= 2;
            }
        });
        assert_eq!((halves[8], halves[12], halves.len()), (200, 100, 20), "{halves:?}");
        let late = seconds(&config(10, 1000), 1000, |second, open| *open += usize::from(second == 8) * 50);
        assert_eq!((late.iter().sum::<usize>(), late.len()), (1050, 10), "{late:?}");
        let behind = seconds(&config(2, 1000), 100, |second, open| *open += usize::from(second == 1) * 7);
        assert_eq!(behind.iter().sum::<usize>(), 107, "who slips in behind the end goes at once: {behind:?}");
    }

    #[test]
    fn a_pause_of_the_machine_is_not_made_up_for_at_once() {
        let begun = Instant::now();
        let mut plan = Plan::new(&config(10, 1000), begun);
        assert_eq!(plan.due(1000, begun + TICK), 2);
        assert!(plan.due(998, begun + Duration::from_secs(5)) <= 100);
    }
}
