//! What waits for a lane.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::congestion::Congestion;
use super::op::Op;
use crate::lane::{Board, Census, Lane, LaneConfig};

/// The ops that wait for one lane, in the order in which they came.
///
/// The [`Hub`](crate::Hub) fills it, from any task; the one task that drives the [`Lane`] empties it. It refuses no op
/// while it is open: a disconnect must not be lost. What is bounded is what makes ops, see
/// [`Allowance`](crate::Allowance).
pub struct Mailbox {
    limits: MailboxConfig,
    congestion: Arc<Congestion>,
    board: Arc<Board>,
    clock: Option<Clock>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    ops: Vec<Op>,
    bytes: usize,
    is_over: bool,
    is_full: bool,
    is_closed: bool,
    driver: Option<Waker>,
    /// When the first of these ops came.
    since: Option<Instant>,
    /// When the first of those came that the driver has taken, and is not done with.
    taken_since: Option<Instant>,
}

/// Says what time it is. The hub has no clock of its own.
pub(crate) type Clock = fn() -> Instant;

/// How much may wait for the lanes before sessions should stop reading.
///
/// As much again as these bounds let wait may be in the hands of a lane that works on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MailboxConfig {
    /// What one session may have on its way, in work as [`Allowance`](crate::Allowance) counts it. 20,480: enough for
    /// sixteen small events to a thousand sockets, so that a fast sender's leave together; and some milliseconds of a
    /// lane, which is what others wait for it. One op is always allowed.
    pub session_work_max: usize,
    /// Ops for one lane. 1,024: over it, only sessions that have nothing on its way are read.
    pub ops_max: usize,
    /// Bytes for one lane. 4 MiB, a few messages of the largest size (`maxPayload` 1 MB): over it, only sessions that
    /// have nothing on its way are read.
    pub bytes_max: usize,
    /// How many times `ops_max` or `bytes_max` may wait before no session at all is read. 4.
    pub full_factor: usize,
}

impl Default for MailboxConfig {
    fn default() -> Self {
        Self { session_work_max: 20_480, ops_max: 1024, bytes_max: 4 * 1024 * 1024, full_factor: 4 }
    }
}

impl Mailbox {
    pub(crate) fn new(limits: MailboxConfig, congestion: Arc<Congestion>, census: Option<Arc<Census>>) -> Self {
        Self { limits, congestion, board: Arc::new(Board::new(census)), clock: None, waiting: Mutex::default() }
    }

    pub(crate) fn set_clock(&mut self, clock: Clock) {
        self.clock = Some(clock);
    }

    /// The lane that is to be driven with what comes here. There is one.
    pub fn lane(&self, config: LaneConfig) -> Lane {
        Lane::with_board(config, Arc::clone(&self.board))
    }

    pub(crate) fn board(&self) -> &Board {
        &self.board
    }

    /// Puts all waiting ops into `turn`, and says when the first of them came if there is a [clock](crate::Hub::with_clock);
    /// or asks to be woken when there are any. Whoever calls is done with what came out the last time.
    ///
    /// `turn` is empty; its memory is what the mailbox fills next, so the same two vectors go back and forth.
    pub fn poll_drain(&self, cx: &mut Context<'_>, turn: &mut Vec<Op>) -> Poll<Option<Instant>> {
        debug_assert!(turn.is_empty(), "ops that were not handled would be put back, out of order");
        let mut waiting = self.lock();
        waiting.taken_since = None;
        if waiting.ops.is_empty() {
            match &mut waiting.driver {
                Some(driver) => driver.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        }
        turn.shrink_to(KEPT_CAPACITY);
        std::mem::swap(&mut waiting.ops, turn);
        let since = waiting.since.take();
        waiting.taken_since = since;
        self.relieve(waiting);
        Poll::Ready(since)
    }

    /// How long the oldest op that is not done has waited by now; nothing where there is none, or the hub has no
    /// [clock](crate::Hub::with_clock). That a lane has stopped is seen here, too.
    pub fn lag(&self, now: Instant) -> Duration {
        let waiting = self.lock();
        let oldest = waiting.taken_since.or(waiting.since);
        oldest.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// Nobody drives the lane any more: what waits is dropped, and so is what comes. Receipts and questions are answered
    /// as if nobody had been there, and nobody is held back for ever.
    pub fn close(&self) {
        let mut waiting = self.lock();
        waiting.is_closed = true;
        waiting.since = None;
        waiting.taken_since = None;
        let dropped = std::mem::take(&mut waiting.ops);
        self.relieve(waiting);
        // Not under the lock: it calls whoever wants to know.
        drop(dropped);
    }

    pub(crate) fn push(&self, op: Op) {
        let mut waiting = self.lock();
        if waiting.is_closed {
            drop(waiting);
            return drop(op);
        }
        if waiting.ops.is_empty() {
            waiting.since = self.clock.map(|clock| clock());
        }
        waiting.bytes += op.weight();
        waiting.ops.push(op);
        let MailboxConfig { ops_max, bytes_max, full_factor, .. } = self.limits;
        let is_beyond = |factor: usize| {
            waiting.ops.len() > ops_max.saturating_mul(factor) || waiting.bytes > bytes_max.saturating_mul(factor)
        };
        let (is_over, is_full) = (is_beyond(1), is_beyond(full_factor));
        if is_over && !std::mem::replace(&mut waiting.is_over, true) {
            self.congestion.over.enter();
        }
        if is_full && !std::mem::replace(&mut waiting.is_full, true) {
            self.congestion.full.enter();
        }
        let driver = waiting.driver.take();
        drop(waiting);
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// Nothing waits any more.
    fn relieve(&self, mut waiting: MutexGuard<'_, Waiting>) {
        waiting.bytes = 0;
        let was_over = std::mem::take(&mut waiting.is_over);
        let was_full = std::mem::take(&mut waiting.is_full);
        drop(waiting);
        if was_over {
            self.congestion.over.leave();
        }
        if was_full {
            self.congestion.full.leave();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ops for which a drained vector keeps its memory: enough for any ordinary turn, small beside a lane's sockets.
const KEPT_CAPACITY: usize = 1024;
