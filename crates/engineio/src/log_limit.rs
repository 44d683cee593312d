//! What anybody can bring about is not logged each time.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::session::clock;

/// Lets one line through in [`INTERVAL`], and counts those that it did not.
#[derive(Debug, Default)]
pub(crate) struct LogLimit(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    left_out: u64,
}

impl LogLimit {
    /// Whether a line may be written now; then how many were left out since the last.
    pub(crate) fn pass(&self) -> Option<u64> {
        let now = clock::now();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last.is_some_and(|last| now.saturating_duration_since(last) < INTERVAL) {
            state.left_out += 1;
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.left_out))
    }
}

/// Often enough to be seen while somebody tries things out.
const INTERVAL: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_line_in_a_while_says_how_many_were_left_out() {
        let limit = LogLimit::default();
        assert_eq!(limit.pass(), Some(0));
        assert_eq!((limit.pass(), limit.pass()), (None, None));
        tokio::time::advance(INTERVAL).await;
        assert_eq!(limit.pass(), Some(2));
        tokio::time::advance(INTERVAL).await;
        assert_eq!(limit.pass(), Some(0));
    }
}
