//! What one session may have on its way.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use super::congestion::{Congestion, Waiter};

/// What a session has asked of the lanes and they have not done yet: over its share, the session is not read.
///
/// Who floods so holds back itself. Made by [`Hub::allowance`](crate::Hub::allowance), one for each connection; handed
/// in with everything the connection asks for. The unit is *work*:
///
/// ```text
///   an op               128, whatever it is
///   a delivery            1, and 1 for each 256 bytes, for each socket it will probably reach
///   eight bytes           1, of what it keeps in memory
/// ```
///
/// How many an event will reach is not known before the lanes have looked: what the last ones of this session for the
/// same kind of target reached is taken instead, and before the first, all sockets.
pub struct Allowance {
    work_max: usize,
    congestion: Arc<Congestion>,
    outstanding: AtomicUsize,
    /// How many ops that is.
    ops: AtomicUsize,
    /// For everyone, and for rooms; [`UNKNOWN`] before the first.
    reach: [AtomicUsize; 2],
    /// Whether a task waits. Only then is anybody who gives back interested in the lock.
    is_waiting: AtomicBool,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    task: Option<Waker>,
    waiter: Waiter,
}

/// Whom an op is for, as far as its price goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    One,
    Everyone,
    Rooms,
}

/// A part of an allowance that is in use: given back when this is dropped, by the last lane that had it.
pub(crate) struct Charge {
    allowance: Arc<Allowance>,
    work: usize,
    scope: Scope,
    /// How many sockets the lanes have found for it so far.
    reached: AtomicUsize,
}

impl Allowance {
    pub(crate) fn new(work_max: usize, congestion: Arc<Congestion>) -> Self {
        Self {
            work_max,
            congestion,
            outstanding: AtomicUsize::new(0),
            ops: AtomicUsize::new(0),
            reach: [AtomicUsize::new(UNKNOWN), AtomicUsize::new(UNKNOWN)],
            is_waiting: AtomicBool::new(false),
            waiting: Mutex::default(),
        }
    }

    /// Whether the session may be read. Ask before each packet; until it is ready, the task is woken when that is so.
    ///
    /// Ready while less than the share is on its way (three times as much, of less than four ops); once it was not, when
    /// half of it has been done. While lanes are
    /// behind, ready when nothing is on its way; and while they are far behind ([`MailboxConfig`](crate::MailboxConfig)),
    /// not at all.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let is_waiting = self.is_waiting.load(Ordering::Relaxed);
        let outstanding = self.outstanding.load(Ordering::SeqCst);
        if self.is_ready(outstanding, is_waiting) && !self.congestion.full.is_reached() {
            if is_waiting {
                self.is_waiting.store(false, Ordering::SeqCst);
            }
            return Poll::Ready(());
        }
        self.poll_wait(cx)
    }

    /// The work that is on its way.
    pub fn outstanding(&self) -> usize {
        self.outstanding.load(Ordering::Relaxed)
    }

    /// Takes what an op costs that keeps so many bytes in memory, and sends so many to each socket of `scope`.
    pub(crate) fn charge(
        self: &Arc<Self>,
        (kept, sent): (usize, usize),
        scope: Scope,
        sockets: impl FnOnce() -> usize,
    ) -> Charge {
        let reach = match self.reach_of(scope).map_or(1, |reach| reach.load(Ordering::Relaxed)) {
            UNKNOWN => sockets(),
            known => known,
        };
        self.take(OP_WORK + reach * (1 + sent / BYTES_A_DELIVERY) + kept / BYTES_A_WORK, scope)
    }

    fn take(self: &Arc<Self>, work: usize, scope: Scope) -> Charge {
        self.ops.fetch_add(1, Ordering::Relaxed);
        self.outstanding.fetch_add(work, Ordering::SeqCst);
        Charge { allowance: Arc::clone(self), work, scope, reached: AtomicUsize::new(0) }
    }

    fn give_back(&self, work: usize) {
        self.ops.fetch_sub(1, Ordering::Relaxed);
        let left = self.outstanding.fetch_sub(work, Ordering::SeqCst).saturating_sub(work);
        // Whoever waits has said so before it looked at the count for the last time: either it saw this, or this
        // sees it.
        if self.is_waiting.load(Ordering::SeqCst) && self.is_ready(left, true) {
            let task = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).task.take();
            if let Some(task) = task {
                task.wake();
            }
        }
    }

    fn is_ready(&self, outstanding: usize, is_waiting: bool) -> bool {
        let work_max = match is_waiting {
            // Events that are dear, but few: with one at a time nothing of them would be written together.
            _ if self.ops.load(Ordering::Relaxed) < FEW_OPS => self.work_max.saturating_mul(FEW_FACTOR),
            true => self.work_max / 2,
            false => self.work_max,
        };
        outstanding == 0 || (outstanding < work_max.max(1) && !self.congestion.over.is_reached())
    }

    fn poll_wait(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut waiting.task {
            Some(task) => task.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        self.is_waiting.store(true, Ordering::SeqCst);
        if !self.is_ready(self.outstanding.load(Ordering::SeqCst), true) {
            return Poll::Pending;
        }
        // Nothing of this session's is in the way: it waits with all the others, if there is something to wait for.
        let relieved = self.congestion.full.poll_relieved(cx, &mut waiting.waiter);
        if relieved.is_ready() {
            self.is_waiting.store(false, Ordering::SeqCst);
            waiting.task = None;
        }
        relieved
    }

    /// One event has reached so many. What has reached more is forgotten slowly, so that a few for a small room between
    /// those for a large one do not make it look cheap.
    fn learn(&self, scope: Scope, reached: usize) {
        let Some(reach) = self.reach_of(scope) else {
            return;
        };
        let known = match reach.load(Ordering::Relaxed) {
            UNKNOWN => 0,
            known => known,
        };
        reach.store(reached.max(known - known.div_ceil(FORGOTTEN)), Ordering::Relaxed);
    }

    fn reach_of(&self, scope: Scope) -> Option<&AtomicUsize> {
        match scope {
            Scope::One => None,
            Scope::Everyone => self.reach.first(),
            Scope::Rooms => self.reach.last(),
        }
    }
}

impl Charge {
    /// One lane found so many sockets.
    pub(crate) fn reached(&self, sockets: usize) {
        self.reached.fetch_add(sockets, Ordering::Relaxed);
    }

    /// The same once more, which stays in use when this is given back.
    pub(crate) fn again(&self) -> Charge {
        self.allowance.take(self.work, Scope::One)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.allowance.learn(self.scope, *self.reached.get_mut());
        self.allowance.give_back(self.work);
    }
}

impl fmt::Debug for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Allowance").field("outstanding", &self.outstanding()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Charge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Charge").field(&self.work).finish()
    }
}

/// What an op costs beside its deliveries and bytes: with [`MailboxConfig::session_work_max`] of 20,480, some 150 are on
/// their way at most, more than a turn joins.
///
/// [`MailboxConfig::session_work_max`]: crate::MailboxConfig::session_work_max
const OP_WORK: usize = 128;

/// So many ops may be on their way for more than the share, up to [`FEW_FACTOR`] of it: four events of 16 KiB to two hundred
/// sockets, six milliseconds.
const FEW_OPS: usize = 4;
const FEW_FACTOR: usize = 3;

/// So many bytes cost a recipient as much as one more small event that is queued with others: a tenth of a microsecond.
const BYTES_A_DELIVERY: usize = 256;

/// What waits is kept in memory, whomever it is for: with 20,480, 160 KiB a session.
const BYTES_A_WORK: usize = 8;

/// How slowly a large reach is forgotten: a 64th with each event that reaches fewer.
const FORGOTTEN: usize = 64;

const UNKNOWN: usize = usize::MAX;
