//! What waits for a lane.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::congestion::Congestion;
use super::op::Op;

/// The ops that wait for one lane, in the order in which they came.
///
/// The [`Hub`](crate::Hub) fills it, from any task; the one task that drives the [`Lane`](crate::Lane) empties it.
/// It never refuses an op: a disconnect must not be lost. What is bounded is what makes ops, see
/// [`Hub::is_congested`](crate::Hub::is_congested).
pub struct Mailbox {
    limits: MailboxConfig,
    congestion: Arc<Congestion>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    ops: Vec<Op>,
    bytes: usize,
    is_over: bool,
    driver: Option<Waker>,
}

/// How much may wait for one lane before sessions should stop reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MailboxConfig {
    /// Ops. 1,024: with 1,000 recipients that is about half a second of a lane's work.
    pub ops_max: usize,
    /// Bytes. 4 MiB: a few messages of the largest size (`maxPayload` 1 MB) for each lane.
    pub bytes_max: usize,
}

impl Default for MailboxConfig {
    fn default() -> Self {
        Self { ops_max: 1024, bytes_max: 4 * 1024 * 1024 }
    }
}

impl Mailbox {
    pub(crate) fn new(limits: MailboxConfig, congestion: Arc<Congestion>) -> Self {
        Self { limits, congestion, waiting: Mutex::default() }
    }

    /// Puts all waiting ops into `turn`, or asks to be woken when there are any.
    ///
    /// `turn` is empty; its memory is what the mailbox fills next, so the same two vectors go back and forth.
    pub fn poll_drain(&self, cx: &mut Context<'_>, turn: &mut Vec<Op>) -> Poll<()> {
        debug_assert!(turn.is_empty(), "ops that were not handled would be put back, out of order");
        let mut waiting = self.lock();
        if waiting.ops.is_empty() {
            match &mut waiting.driver {
                Some(driver) => driver.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        }
        turn.shrink_to(KEPT_CAPACITY);
        std::mem::swap(&mut waiting.ops, turn);
        waiting.bytes = 0;
        let was_over = std::mem::take(&mut waiting.is_over);
        drop(waiting);
        if was_over {
            self.congestion.leave();
        }
        Poll::Ready(())
    }

    pub(crate) fn push(&self, op: Op) {
        let mut waiting = self.lock();
        waiting.bytes += op.weight();
        waiting.ops.push(op);
        let is_over = waiting.ops.len() > self.limits.ops_max || waiting.bytes > self.limits.bytes_max;
        if is_over && !std::mem::replace(&mut waiting.is_over, true) {
            self.congestion.enter();
        }
        let driver = waiting.driver.take();
        drop(waiting);
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ops for which a drained vector keeps its memory: enough for any ordinary turn, small beside a lane's sockets.
const KEPT_CAPACITY: usize = 1024;
