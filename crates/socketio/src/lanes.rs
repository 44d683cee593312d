//! The tasks that deliver.

use std::future::poll_fn;
use std::sync::Arc;

use hub::{Hub, Lane, LaneConfig};

/// Drives lane number `index` of the hub, for ever.
///
/// One turn takes all that waits, queues it on every recipient, and then sends to each recipient once: what piles
/// up while a lane works leaves in one system call per client. Between two turns the sessions on this thread get
/// theirs, which is what lets load pile up in the first place.
pub(crate) async fn run(hub: Arc<Hub>, index: usize) {
    let mut lane = Lane::new(LaneConfig::default());
    let mut turn = Vec::new();
    let Some(mailbox) = hub.mailboxes().get(index) else {
        return;
    };
    loop {
        poll_fn(|cx| mailbox.poll_drain(cx, &mut turn)).await;
        for op in turn.drain(..) {
            lane.handle(op);
        }
        lane.flush();
        tokio::task::yield_now().await;
    }
}
