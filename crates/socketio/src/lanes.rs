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
        let mut bytes = 0;
        for op in turn.drain(..) {
            bytes += op.weight();
            lane.handle(op);
            if bytes > TURN_BYTES_MAX {
                bytes = 0;
                lane.flush();
                tokio::task::yield_now().await;
            }
        }
        lane.flush();
        tokio::task::yield_now().await;
    }
}

/// Queued on one recipient before it is sent: a fraction of an outbox, so that a burst of large events reaches those
/// who do read. Beyond a few dozen small ones there is nothing more to save either.
const TURN_BYTES_MAX: usize = 1 << 20;
