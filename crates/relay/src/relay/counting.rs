//! How often the whole cluster is counted for one client at a time.

use std::sync::Arc;

/// The events of one client for which the whole cluster is being counted: each of them keeps a share of this.
#[derive(Default)]
pub(super) struct Counting(Option<Arc<()>>);

impl Counting {
    /// For one more; `None` if they are as many as may be.
    pub(super) fn begin(&mut self) -> Option<Arc<()>> {
        let shares = self.0.get_or_insert_default();
        (Arc::strong_count(shares) <= COUNTING_MAX).then(|| Arc::clone(shares))
    }
}

/// Each waits until the slowest node has answered.
const COUNTING_MAX: usize = 8;
