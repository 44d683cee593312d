//! What is still being done for sockets that have left.

use std::sync::Arc;

use tokio::sync::watch;

/// How many handlers go on though their client has gone: for who waits until nothing is left to be done.
#[derive(Default)]
pub(crate) struct Unfinished(Arc<watch::Sender<usize>>);

/// One of them, until it is dropped.
pub(crate) struct One(Arc<watch::Sender<usize>>);

impl Unfinished {
    pub(crate) fn one(&self) -> One {
        self.0.send_modify(|count| *count += 1);
        One(Arc::clone(&self.0))
    }

    /// Waits until there is none.
    pub(crate) async fn none(&self) {
        // The sender is here: it does not go away.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
