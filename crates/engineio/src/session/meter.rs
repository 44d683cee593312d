//! What a session has sent and received, for whoever wants to know.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use engineio_proto::Backlog;

/// Beside the lock of a link, and readable without it. One of its numbers has one writer at a time, the holder of that lock
/// or the session's task, so that a load and a store will do.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    sent: AtomicU64,
    /// What was sent before the session moved to its present transport.
    sent_before: AtomicU64,
    waiting: AtomicUsize,
    received: AtomicU64,
}

/// Bytes by one transport.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

impl Meter {
    /// By whoever has the link's lock.
    pub(crate) fn set(&self, queued: Backlog) {
        self.sent.store(queued.sent, Ordering::Relaxed);
        self.waiting.store(queued.bytes, Ordering::Relaxed);
    }

    /// By the session's task.
    pub(crate) fn receive(&self, bytes: usize) {
        let received = self.received.load(Ordering::Relaxed);
        self.received.store(received + bytes as u64, Ordering::Relaxed);
    }

    /// All bytes that ever left.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// The bytes that wait, but for those of answers under way.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// By the present transport so far.
    pub(crate) fn traffic(&self) -> Traffic {
        let sent = self.sent().saturating_sub(self.sent_before.load(Ordering::Relaxed));
        Traffic { sent, received: self.received.load(Ordering::Relaxed) }
    }

    /// Whether the session has moved to another transport: its handshake, at least, was sent before.
    pub(crate) fn has_moved(&self) -> bool {
        self.sent_before.load(Ordering::Relaxed) > 0
    }

    /// Begins anew for another transport, by the session's task: up to `sent` it was the one before, whose traffic is given
    /// back.
    pub(crate) fn begin_transport(&self, sent: u64) -> Traffic {
        let before = self.sent_before.swap(sent, Ordering::Relaxed);
        Traffic { sent: sent.saturating_sub(before), received: self.received.swap(0, Ordering::Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_by_one_transport_does_not_count_for_the_next() {
        let meter = Meter::default();
        meter.set(Backlog { bytes: 5, sent: 10 });
        meter.receive(3);
        assert_eq!(meter.traffic(), Traffic { sent: 10, received: 3 });
        meter.set(Backlog { bytes: 0, sent: 14 });
        assert!(!meter.has_moved());
        assert_eq!(meter.begin_transport(10), Traffic { sent: 10, received: 3 });
        assert_eq!((meter.traffic(), meter.waiting()), (Traffic { sent: 4, received: 0 }, 0));
        assert!(meter.has_moved());
    }
}
