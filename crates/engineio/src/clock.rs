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
            if deadline <= now.into() {
                return Poll::Ready(());
            }
            self.0.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}
