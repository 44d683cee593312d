//! When to try again.

use std::time::Duration;

/// How a client comes back. [`Default`] is what the official client does, but for the first attempt: who cannot be
/// reached at all is said at once.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Reconnect {
    /// How long to wait before the first attempt after a connection was lost; it doubles with each attempt that fails.
    /// The official `reconnectionDelay`.
    pub delay: Duration,
    /// The longest wait. The official `reconnectionDelayMax`.
    pub delay_max: Duration,
    /// How much of a wait is left to chance, so that not all clients of a server come back at once: at 0.5 a wait of 1 s
    /// takes from 0.5 s to 1.5 s. The official `randomizationFactor`.
    pub jitter: f64,
    /// How many attempts may fail before the client was ever connected. `None`: any number.
    pub first_attempts_max: Option<u32>,
    /// How many attempts in a row may fail after it was; 0: a lost connection is the end. `None`: any number. The
    /// official `reconnectionAttempts`.
    pub attempts_max: Option<u32>,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(1),
            delay_max: Duration::from_secs(5),
            jitter: 0.5,
            first_attempts_max: Some(1),
            attempts_max: None,
        }
    }
}

impl Reconnect {
    /// As the default, without any second attempt.
    pub fn never() -> Self {
        Self { attempts_max: Some(0), ..Self::default() }
    }

    /// The wait after so many others in a row. `chance` is from 0 to 1.
    pub(crate) fn wait(&self, waits: u32, chance: f64) -> Duration {
        let doubled = self.delay.saturating_mul(2_u32.saturating_pow(waits.min(31))).min(self.delay_max).min(WAIT_MAX);
        let spread = 1.0 + self.jitter.clamp(0.0, 1.0) * (2.0 * chance.clamp(0.0, 1.0) - 1.0);
        doubled.mul_f64(spread).min(self.delay_max)
    }
}

/// An `Instant` has an end.
const WAIT_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Chance, repeatable: a machine draws no random numbers of its own. (Steele, Lea and Flood, "SplitMix".)
#[derive(Debug)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    /// From 0 to 1.
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // The upper half is enough, and a double has it exactly.
        f64::from((mixed >> 32) as u32) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_their_bound_and_differ_by_half() {
        let reconnect = Reconnect::default();
        let waits = |chance| (0..5).map(|waits| reconnect.wait(waits, chance).as_millis()).collect::<Vec<_>>();
        assert_eq!(waits(0.5), [1000, 2000, 4000, 5000, 5000]);
        assert_eq!(waits(0.0), [500, 1000, 2000, 2500, 2500]);
        assert_eq!(waits(1.0), [1500, 3000, 5000, 5000, 5000]);
        assert_eq!(reconnect.wait(u32::MAX, 0.5), reconnect.delay_max);
    }

    #[test]
    fn chance_is_spread_and_repeatable() {
        let drawn = |seed| {
            let mut chance = Chance(seed);
            (0..1000).map(|_| chance.next()).collect::<Vec<_>>()
        };
        let one = drawn(1);
        assert!(one.iter().all(|chance| (0.0..=1.0).contains(chance)));
        let mean = one.iter().sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
        assert_eq!(one, drawn(1));
        assert_ne!(one, drawn(2));
    }
}
