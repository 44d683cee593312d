//! What waits for all clients together, and who has to go when it is too much.

use std::sync::Arc;

use engineio_proto::{Ledger, OutletBounds};
use tokio::sync::Notify;

/// The bounds of what waits, and the bell for when all of it together is over them.
#[derive(Debug)]
pub(crate) struct Memory {
    bounds: Arc<OutletBounds>,
    over: Notify,
}

impl Memory {
    pub(crate) fn new(bounds: OutletBounds) -> Self {
        Self { bounds: Arc::new(bounds), over: Notify::new() }
    }

    pub(crate) fn bounds(&self) -> &Arc<OutletBounds> {
        &self.bounds
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.bounds.ledger
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
