//! The time, as tokio sees it, so that a paused runtime pauses sessions too.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::Sleep;

pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// One timer that follows a deadline which mostly moves later.
///
/// It is moved only to be earlier. When it fires before the deadline, which has moved on in the meantime, it is set
/// again: a heartbeat so costs two touches of tokio's timer wheel in 25 s, however much is received.
#[derive(Debug)]
pub(crate) struct Timer(Pin<Box<Sleep>>);

impl Timer {
    pub(crate) fn new(deadline: Instant) -> Self {
        Self(Box::pin(tokio::time::sleep_until(deadline.into())))
    }

    /// Ready once `deadline` has come.
    pub(crate) fn poll(&mut self, deadline: Instant, now: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = tokio::time::Instant::from_std(deadline);
        if deadline <= now.into() {
            return Poll::Ready(());
        }
        if deadline < self.0.deadline() {
            self.0.as_mut().reset(deadline);
        }
        while self.0.as_mut().poll(cx).is_ready() {
            // Not `now`: another thread may have turned the wheel past the deadline since it was read, and the timer
            // would be set and fire again and again.
            if deadline <= tokio::time::Instant::now() {
                return Poll::Ready(());
            }
            self.0.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_passes_while_it_is_looked_at_is_seen_at_once() {
        let start = now();
        let deadline = |ms| start + Duration::from_millis(ms);
        let mut timer = Timer::new(deadline(10));
        tokio::time::advance(Duration::from_millis(20)).await;
        let is_ready = poll_fn(|cx| Poll::Ready(timer.poll(deadline(15), start, cx).is_ready())).await;
        assert!(is_ready, "the clock was read too early, but it has gone on");
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_moves_either_way_is_kept() {
        let start = now();
        let deadline = |ms| start + Duration::from_millis(ms);
        let mut timer = Timer::new(deadline(1_000));
        poll_fn(|cx| timer.poll(deadline(100), now(), cx)).await;
        assert_eq!(now(), deadline(100));
        poll_fn(|cx| timer.poll(deadline(2_000), now(), cx)).await;
        assert_eq!(now(), deadline(2_000));
    }
}
