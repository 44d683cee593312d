//! Where a connection stands between two requests, and how long it may stand there.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

use crate::session::clock;

/// What a connection is at. Its stream and its service tell; whoever keeps the time asks. All are of one task.
///
/// ```text
///            received                called
///   idle ───────────────► head ───────────────► busy
///    ▲                                           │
///    └───────────── answered, written ◄──────────┘
/// ```
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    /// The stage in the lowest two bits, above them how often it has changed.
    state: AtomicU32,
}

/// A stage of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing has come since the last answer.
    Idle,
    /// A head has begun.
    Head,
    /// The request is being answered.
    Busy,
}

impl Exchange {
    /// Something was read.
    pub(crate) fn received(&self) {
        if self.stage() == Stage::Idle {
            self.enter(Stage::Head);
        }
    }

    /// Something was written: whatever was read before is no slow head.
    pub(crate) fn written(&self) {
        if self.stage() != Stage::Busy {
            self.enter(Stage::Idle);
        }
    }

    /// A request's head is complete.
    pub(crate) fn called(&self) {
        self.enter(Stage::Busy);
    }

    /// Its answer is there.
    pub(crate) fn answered(&self) {
        self.enter(Stage::Idle);
    }

    /// Whether a request is being answered: its head is there, and the answer is not, or not yet.
    pub(crate) fn is_busy(&self) -> bool {
        self.stage() == Stage::Busy
    }

    fn stage(&self) -> Stage {
        match self.state.load(Ordering::Relaxed) & 3 {
            0 => Stage::Idle,
            1 => Stage::Head,
            _ => Stage::Busy,
        }
    }

    fn enter(&self, stage: Stage) {
        let state = self.state.load(Ordering::Relaxed);
        self.state.store((state & !3).wrapping_add(4) | stage as u32, Ordering::Relaxed);
    }
}

/// How long a connection is waited for.
#[derive(Debug)]
pub(crate) struct Patience {
    keep_alive: Duration,
    head_timeout: Duration,
    /// The state that was seen last, and since when.
    seen: u32,
    since: Instant,
    /// Moved only to be earlier; when it fires too early, it is set again.
    timer: Pin<Box<Sleep>>,
}

/// Why patience ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// No request has begun.
    Idle,
    /// One has, and does not end.
    Head,
}

impl Patience {
    pub(crate) fn new(keep_alive: Duration, head_timeout: Duration) -> Self {
        let since = clock::now();
        let timer = Box::pin(tokio::time::sleep_until(clock::after(since, head_timeout.min(keep_alive)).into()));
        Self { keep_alive, head_timeout, seen: 0, since, timer }
    }

    /// Ready when the connection has been waited for long enough. To be asked whenever it was polled.
    pub(crate) fn poll_overdue(&mut self, exchange: &Exchange, cx: &mut Context<'_>) -> Poll<Overdue> {
        let state = exchange.state.load(Ordering::Relaxed);
        let (patience, overdue) = match exchange.stage() {
            Stage::Busy => return Poll::Pending,
            // A new connection is opened to be used.
            Stage::Idle if state == 0 => (self.head_timeout, Overdue::Idle),
            Stage::Idle => (self.keep_alive, Overdue::Idle),
            Stage::Head => (self.head_timeout, Overdue::Head),
        };
        if state != self.seen {
            self.seen = state;
            self.since = clock::now();
        }
        let due = tokio::time::Instant::from_std(clock::after(self.since, patience));
        if self.timer.deadline() > due {
            self.timer.as_mut().reset(due);
        }
        loop {
            ready!(self.timer.as_mut().poll(cx));
            if clock::now() >= due.into_std() {
                return Poll::Ready(overdue);
            }
            self.timer.as_mut().reset(due);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    const KEEP_ALIVE: Duration = Duration::from_secs(75);
    const HEAD: Duration = Duration::from_secs(30);

    /// How long until patience ends, in seconds, and why.
    async fn ends(patience: &mut Patience, exchange: &Exchange) -> (u64, Overdue) {
        let started = clock::now();
        let overdue = poll_fn(|cx| patience.poll_overdue(exchange, cx)).await;
        ((clock::now() - started).as_secs(), overdue)
    }

    #[tokio::test(start_paused = true)]
    async fn each_stage_has_its_own_patience() {
        let exchange = Exchange::default();
        let mut patience = Patience::new(KEEP_ALIVE, HEAD);
        assert_eq!(ends(&mut patience, &exchange).await, (30, Overdue::Idle));
        exchange.received();
        assert_eq!(ends(&mut patience, &exchange).await, (30, Overdue::Head));
        exchange.called();
        let busy = tokio::time::timeout(Duration::from_secs(1000), ends(&mut patience, &exchange)).await;
        assert!(busy.is_err());
        exchange.answered();
        assert_eq!(ends(&mut patience, &exchange).await, (75, Overdue::Idle));
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_drips_is_not_waited_for_longer() {
        let exchange = Exchange::default();
        let mut patience = Patience::new(KEEP_ALIVE, HEAD);
        exchange.answered();
        for _ in 0..29 {
            exchange.received();
            let dripping = tokio::time::timeout(Duration::from_secs(1), ends(&mut patience, &exchange)).await;
            assert!(dripping.is_err());
        }
        assert_eq!(ends(&mut patience, &exchange).await, (1, Overdue::Head));
    }

    #[tokio::test(start_paused = true)]
    async fn each_answer_begins_anew() {
        let exchange = Exchange::default();
        let mut patience = Patience::new(KEEP_ALIVE, HEAD);
        for _ in 0..5 {
            // All between two questions, as when request and answer are one turn of the connection's task.
            exchange.received();
            exchange.called();
            exchange.answered();
            exchange.written();
            let waiting =
                tokio::time::timeout(KEEP_ALIVE - Duration::from_secs(1), ends(&mut patience, &exchange)).await;
            assert!(waiting.is_err());
        }
    }
}
