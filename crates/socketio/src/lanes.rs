//! The tasks that deliver.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Instant;

use hub::{Hub, Lane, LaneConfig, Mailbox, Op, Turn};

/// Drives lane number `index` of the hub, for ever.
///
/// One turn takes all that waits, queues it on every recipient, and then sends to each recipient once: what piles
/// up while a lane works leaves in one system call per client. Between two turns, and when the budget of one is spent,
/// the sessions on this thread get theirs, which is what lets load pile up in the first place.
pub(crate) async fn run(hub: Arc<Hub>, index: usize, config: LaneConfig) {
    let Some(mailbox) = hub.mailboxes().get(index) else {
        return;
    };
    let open = Open(mailbox);
    let mut lane = open.0.lane(config);
    let mut ops = Vec::new();
    loop {
        let since = wait(open.0, &mut lane, &mut ops).await;
        let mut turn = ops.drain(..);
        while lane.turn(&mut turn, now()) == Turn::Spent {
            lane.note_delivered(since, now);
            tokio::task::yield_now().await;
        }
        lane.note_delivered(since, now);
        drop(turn);
        tokio::task::yield_now().await;
    }
}

/// Until there is something to do, since when is given back. Meanwhile those may be waiting who send faster than others read.
async fn wait(mailbox: &Mailbox, lane: &mut Lane, ops: &mut Vec<Op>) -> Option<Instant> {
    loop {
        let drained = poll_fn(|cx| mailbox.poll_drain(cx, ops));
        let Some(deadline) = lane.poll_timeout() else {
            return drained.await;
        };
        match tokio::time::timeout_at(deadline.into(), drained).await {
            Ok(since) => return since,
            Err(_) => lane.handle_timeout(now()),
        }
    }
}

/// Closes the mailbox when nobody drives its lane any more, however that came: what is put there then would never be
/// taken out.
struct Open<'a>(&'a Mailbox);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
