//! Closing the slowest when too much waits for all together.

use std::sync::{Arc, Weak};

use engineio_proto::{CloseReason, Recipient};

use crate::session::memory::Memory;
use crate::shared::Shared;

/// Waits for the bell, and closes those for whom most waits until seven eighths of the bound are left. For ever, or until
/// there is no engine any more.
pub(crate) async fn run(shared: Weak<Shared>, memory: Arc<Memory>) {
    loop {
        memory.is_over().await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        let closed = relieve(&shared);
        if closed > 0 {
            let (bytes, bytes_max) = (memory.ledger().bytes(), memory.ledger().bytes_max());
            tracing::warn!(closed, bytes, bytes_max, "too much waited for slow clients: the slowest were closed");
        }
        drop(shared);
        tokio::task::yield_now().await;
    }
}

/// Says how many it closed. Who has most waiting is furthest behind; what waits for others too is freed with the last.
fn relieve(shared: &Shared) -> usize {
    let ledger = shared.memory.ledger();
    let wanted = ledger.bytes_max() / 8 * 7;
    let backlogs = shared.registry.links().into_iter().map(|link| (link.backlog().bytes, link));
    let mut slow: Vec<_> = backlogs.filter(|(bytes, _)| *bytes > 0).collect();
    slow.sort_unstable_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    let mut closed = 0;
    for (_, link) in slow {
        if ledger.bytes() <= wanted {
            break;
        }
        link.close(CloseReason::SlowConsumer);
        closed += 1;
    }
    closed
}
