//! For how long a client is held of which nothing can be said now.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// A random time, so that those who came together do not come back together. In it, attempts are made.
#[derive(Debug)]
pub(crate) struct Hold {
    until: Instant,
    pauses: u32,
}

impl Hold {
    pub(crate) fn begin() -> Self {
        Self { until: Instant::now() + Duration::from_millis(rand::random_range(HOLD_MS)), pauses: 0 }
    }

    pub(crate) fn until(&self) -> Instant {
        self.until
    }

    /// Waits before the next attempt, which takes `attempt` at most; `false` at the end of the time, if that is too long.
    pub(crate) async fn pause(&mut self, attempt: Duration) -> bool {
        let end = Instant::now() + pause(self.pauses);
        self.pauses += 1;
        let is_time_left = end + attempt < self.until;
        sleep_until(if is_time_left { end } else { self.until }).await;
        is_time_left
    }
}

/// The time between one failure and the next attempt, after so many others.
pub(crate) fn pause(others: u32) -> Duration {
    let whole = Duration::from_millis(500 << others.min(2));
    whole.mul_f64(rand::random_range(0.75..1.25))
}

/// What the documentation says of it.
const HOLD_MS: std::ops::Range<u64> = 5_000..10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_ends_after_five_to_ten_seconds_with_some_attempts_inside() {
        for _ in 0..20 {
            let (begun, mut hold, mut attempts) = (Instant::now(), Hold::begin(), 1);
            while hold.pause(Duration::ZERO).await {
                attempts += 1;
            }
            let took = begun.elapsed();
            assert!((4_999..10_002).contains(&took.as_millis()), "{took:?}");
            assert!((3..=8).contains(&attempts), "{attempts}");
        }
    }
}
