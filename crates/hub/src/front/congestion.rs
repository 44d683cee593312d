//! Whether lanes are behind, and who waits for them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// How far behind lanes are, by the two bounds of [`MailboxConfig`](crate::MailboxConfig).
#[derive(Default)]
pub(crate) struct Congestion {
    /// Mailboxes over the bound: who has something on its way waits for that.
    pub(crate) over: Level,
    /// Mailboxes over the bound several times: everybody waits.
    pub(crate) full: Level,
}

/// Counts the mailboxes that are over a bound; wakes those who wait when none is.
#[derive(Default)]
pub(crate) struct Level {
    mailboxes: AtomicUsize,
    queue: Mutex<Queue>,
}

/// Those who wait for relief.
#[derive(Default)]
struct Queue {
    /// Which congestion this is, counted from 0.
    round: u64,
    wakers: Vec<Waker>,
}

/// The place of one task among those who wait for [`Hub::poll_relieved`](crate::Hub::poll_relieved).
///
/// Each task keeps one, made by `default()`. It may be dropped at any time.
#[derive(Debug, Default)]
pub struct Waiter {
    /// The round, and the index in it. Places of former rounds are gone.
    place: Option<(u64, usize)>,
}

impl Level {
    /// A mailbox is over the bound.
    pub(crate) fn enter(&self) {
        self.mailboxes.fetch_add(1, Ordering::SeqCst);
    }

    /// A mailbox was emptied that was over the bound.
    pub(crate) fn leave(&self) {
        if self.mailboxes.fetch_sub(1, Ordering::SeqCst) > 1 {
            return;
        }
        let mut queue = self.lock();
        queue.round += 1;
        let wakers = std::mem::take(&mut queue.wakers);
        drop(queue);
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn is_reached(&self) -> bool {
        self.mailboxes.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn poll_relieved(&self, cx: &mut Context<'_>, waiter: &mut Waiter) -> Poll<()> {
        if !self.is_reached() {
            return Poll::Ready(());
        }
        let mut queue = self.lock();
        // Once more under the lock: whoever relieves takes the lock after counting, so either the count is seen
        // here, or the waker there.
        if self.mailboxes.load(Ordering::SeqCst) == 0 {
            return Poll::Ready(());
        }
        let place = waiter.place.filter(|(round, _)| *round == queue.round);
        match place.and_then(|(_, index)| queue.wakers.get_mut(index)) {
            Some(waker) => waker.clone_from(cx.waker()),
            None => {
                waiter.place = Some((queue.round, queue.wakers.len()));
                queue.wakers.push(cx.waker().clone());
            }
        }
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
