//! How much waits for all clients together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes that wait in all outboxes together, and in the answers to polls that are under way, and their bound.
///
/// What waits for several clients is shared between them, so it is counted once: from the moment it first has to wait
/// ([`Encoded::enter`](crate::Encoded::enter)) until nobody keeps it any more, with what a message takes beside its
/// frames. The form that pollers get of binary messages (base64) comes on top of it, by a third more. What is copied for
/// a client is a [`Loan`].
#[derive(Debug)]
pub struct Ledger {
    bytes: AtomicUsize,
    bytes_max: AtomicUsize,
}

impl Ledger {
    /// An account of nothing yet. Over `bytes_max` somebody has to go; nothing here enforces it.
    pub const fn new(bytes_max: usize) -> Self {
        Self { bytes: AtomicUsize::new(0), bytes_max: AtomicUsize::new(bytes_max) }
    }

    /// What waits, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// What may wait.
    pub fn bytes_max(&self) -> usize {
        self.bytes_max.load(Ordering::Relaxed)
    }

    /// From now on so many may wait.
    pub fn set_bytes_max(&self, bytes_max: usize) {
        self.bytes_max.store(bytes_max, Ordering::Relaxed);
    }

    /// Whether more waits than may.
    pub fn is_over(&self) -> bool {
        self.bytes() > self.bytes_max()
    }

    /// Counts a copy of so many bytes until the loan is dropped.
    pub fn lend(ledger: &Arc<Self>, bytes: usize) -> Loan {
        ledger.add(bytes);
        Loan { ledger: Arc::clone(ledger), bytes }
    }

    pub(crate) fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn remove(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Bytes that are in memory for somebody who is yet to get them.
#[derive(Debug)]
pub struct Loan {
    ledger: Arc<Ledger>,
    bytes: usize,
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.ledger.remove(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoded::MESSAGE_BYTES;
    use crate::{Encoded, Outbox};

    #[test]
    fn what_several_wait_for_counts_once_and_until_the_last_has_it() {
        let ledger = Arc::new(Ledger::new(10));
        let encoded = Encoded::text("twelve bytes");
        let mut outboxes = [Outbox::default(), Outbox::default()];
        for outbox in &mut outboxes {
            encoded.enter(&ledger);
            outbox.push(encoded.clone(), usize::MAX).unwrap();
        }
        let (len, counted) = (encoded.len(), encoded.len() + MESSAGE_BYTES);
        drop(encoded);
        assert_eq!(ledger.bytes(), counted);
        assert!(ledger.is_over());
        ledger.set_bytes_max(counted);
        assert!(!ledger.is_over(), "it may wait now");
        let [mut first, second] = outboxes;
        first.advance(len);
        assert_eq!(ledger.bytes(), counted);
        drop(second);
        assert_eq!(ledger.bytes(), 0);
        assert!(!ledger.is_over());
    }
}
