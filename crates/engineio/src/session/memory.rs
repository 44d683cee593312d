//! What waits for all clients together, and who has to go when it is too much.

use std::sync::Arc;

use engineio_proto::Ledger;
use tokio::sync::Notify;

/// The account of what waits, and the bell for when that is more than may.
#[derive(Debug)]
pub(crate) struct Memory {
    ledger: Arc<Ledger>,
    over: Notify,
}

impl Memory {
    pub(crate) fn new(ledger: Arc<Ledger>) -> Self {
        Self { ledger, over: Notify::new() }
    }

    pub(crate) fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Rings if more waits than may. Cheap: asked for each message that has to wait.
    pub(crate) fn check(&self) {
        if self.ledger().is_over() {
            self.over.notify_one();
        }
    }

    /// Rings in any case: there is nothing left to look after.
    pub(crate) fn wake_up(&self) {
        self.over.notify_one();
    }

    /// Ready once more waits than may.
    pub(crate) async fn is_over(&self) {
        self.over.notified().await;
    }
}
