//! The seam between what fans out and what writes.

use crate::{CloseReason, Encoded};

/// One connected session, as those see it who send to many.
///
/// Queue on every recipient first, then [`flush`](Recipient::flush) each one that answered [`Queued::Fresh`]:
/// what was queued in between then leaves in one system call. What comes last, or alone, can be [sent](Recipient::send).
pub trait Recipient: Send + Sync {
    /// Puts `encoded` behind what already waits. Never blocks, never allocates per call once the queue has grown.
    ///
    /// A reliable message that does not fit closes the session ([`CloseReason::SlowConsumer`]).
    fn queue(&self, encoded: &Encoded, delivery: Delivery) -> Queued;

    /// Sends what waits as far as the connection takes it, or wakes the task that will.
    fn flush(&self);

    /// Both in one, for a message behind which nothing is coming soon: no flush is owed, whatever the answer.
    ///
    /// Where a message can be written at once it need not be queued.
    fn send(&self, encoded: &Encoded, delivery: Delivery) -> Queued {
        let queued = self.queue(encoded, delivery);
        if queued.is_queued() {
            self.flush();
        }
        queued
    }

    /// What waits for it now, and how much ever left: whether it moves, seen at two times, tells a client that reads
    /// slowly from one that does not read.
    fn backlog(&self) -> Backlog {
        Backlog::default()
    }

    /// Ends the session. What was queued before is still sent when [`CloseReason::flushes`] says so.
    fn close(&self, reason: CloseReason);
}

/// What waits for a recipient, see [`Recipient::backlog`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// The bytes that wait.
    pub bytes: usize,
    /// The bytes that ever left.
    pub sent: u64,
}

/// What to do with a message that cannot leave at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Keep it until it is sent, or the session closes.
    Reliable,
    /// Drop it if the connection does not take it now.
    Volatile,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queued {
    /// Queued on an empty outbox: the caller owes a [`Recipient::flush`].
    Fresh,
    /// Queued behind others: whoever queued first, or the session's task, sends it.
    Behind,
    /// Queued behind others, and more than half of what may wait for this recipient does: whoever sends faster than it
    /// reads should wait for it.
    Crowded,
    /// The connection took it whole ([`Recipient::send`] only).
    Sent,
    /// Dropped: it was volatile, and the connection is not ready for more.
    Dropped,
    /// Not queued: the session is closed, perhaps by this very message, for which it had no room.
    Closed,
}

impl Queued {
    /// Whether the message has been sent, or will be if the connection lives.
    pub const fn is_queued(self) -> bool {
        matches!(self, Self::Fresh | Self::Behind | Self::Crowded | Self::Sent)
    }
}
