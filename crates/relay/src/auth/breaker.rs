//! When not to ask somebody who does not answer.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Closed until five attempts in a row have failed; then open for five seconds, after which one attempt decides.
///
/// ```text
///            5 failures                5 s
///  Closed ───────────────▶ Open{until} ───▶ Open, one attempt under way
///     ▲                       ▲                  │ failed   │ succeeded
///     │                       └──────────────────┘          │
///     └─────────────────────────────────────────────────────┘
/// ```
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant, is_trying: bool },
}

impl Breaker {
    /// Whether to ask now. The attempt says what became of it; one that is dropped has said nothing.
    pub(crate) fn attempt(&self, now: Instant) -> Option<Attempt<'_>> {
        match &mut *self.state() {
            State::Closed { .. } => {}
            State::Open { until, is_trying } if now >= *until && !*is_trying => *is_trying = true,
            State::Open { .. } => return None,
        }
        Some(Attempt { breaker: self, is_told: false })
    }

    /// For how long nobody is asked; `None` if an attempt may be made.
    pub(crate) fn open_for(&self, now: Instant) -> Option<Duration> {
        match &*self.state() {
            State::Open { until, .. } if now < *until => Some(*until - now),
            State::Open { is_trying: true, .. } => Some(Duration::from_secs(1)),
            State::Open { .. } | State::Closed { .. } => None,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

/// Somebody is being asked.
#[derive(Debug)]
pub(crate) struct Attempt<'a> {
    breaker: &'a Breaker,
    is_told: bool,
}

impl Attempt<'_> {
    pub(crate) fn succeeded(mut self) {
        self.is_told = true;
        *self.breaker.state() = State::default();
    }

    pub(crate) fn failed(mut self, now: Instant) {
        self.is_told = true;
        let mut state = self.breaker.state();
        match &mut *state {
            State::Closed { failures } if *failures + 1 < FAILURES_MAX => *failures += 1,
            // Of those that were under way when it opened, the last to fail decides.
            State::Closed { .. } | State::Open { .. } => {
                *state = State::Open { until: now + OPEN, is_trying: false };
            }
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !mem::replace(&mut self.is_told, true)
            && let State::Open { is_trying, .. } = &mut *self.breaker.state()
        {
            *is_trying = false;
        }
    }
}

/// How many failures in a row it takes.
pub(crate) const FAILURES_MAX: u32 = 5;

/// For how long nobody is asked then.
pub(crate) const OPEN: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_open_it_and_then_one_attempt_decides() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        let fail = |now| breaker.attempt(now).unwrap().failed(now);
        (0..4).for_each(|_| fail(now));
        breaker.attempt(now).unwrap().succeeded();
        (0..4).for_each(|_| fail(now));
        assert_eq!(breaker.open_for(now), None);
        fail(now);
        assert_eq!(breaker.open_for(now), Some(OPEN));
        assert!(breaker.attempt(now).is_none());

        let later = now + OPEN;
        assert_eq!(breaker.open_for(later), None);
        let attempt = breaker.attempt(later).unwrap();
        assert!(breaker.attempt(later).is_none());
        assert!(breaker.open_for(later).is_some());
        attempt.failed(later);
        assert_eq!(breaker.open_for(later), Some(OPEN));

        breaker.attempt(later + OPEN).unwrap().succeeded();
        assert_eq!(breaker.open_for(later + OPEN), None);
    }

    #[test]
    fn an_attempt_that_was_given_up_lets_the_next_try() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        (0..5).for_each(|_| breaker.attempt(now).unwrap().failed(now));
        drop(breaker.attempt(now + OPEN).unwrap());
        assert!(breaker.attempt(now + OPEN).is_some());
    }
}
