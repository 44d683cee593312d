//! Closing the slowest when too much waits for all together.

use std::sync::{Arc, Weak};
use std::time::Duration;

use engineio_proto::{CloseReason, Recipient};

use crate::session::memory::Memory;
use crate::shared::Shared;

/// Waits for the bell, and closes those who cost most until seven eighths of the bound are left. For ever, or until
/// there is no engine any more.
pub(crate) async fn run(shared: Weak<Shared>, memory: Arc<Memory>) {
    loop {
        memory.is_over().await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        let closed = relieve(&shared).await;
        drop(shared);
        if closed > 0 {
            let (bytes, bytes_max) = (memory.ledger().bytes(), memory.ledger().bytes_max());
            tracing::warn!(closed, bytes, bytes_max, "too much waited for slow clients: the slowest were closed");
            tokio::task::yield_now().await;
        } else {
            // It is not what waits for sessions. To look again and again does not make it less.
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Says how many it closed: first whoever costs most, which is not whoever waits for what many others do, too.
///
/// What is kept elsewhere (by sessions that are going, by connections that write) is not to be made good by those who read:
/// who costs less than everybody may is left alone, and all of them together cost less than the bound.
async fn relieve(shared: &Shared) -> usize {
    let ledger = shared.memory.ledger();
    let wanted = ledger.bytes_max() / 8 * 7;
    let links = shared.registry.links();
    let fair = wanted / links.len().max(1);
    let mut slow = Vec::new();
    for (number, link) in links.into_iter().enumerate() {
        let cost = link.cost();
        if cost > fair {
            slow.push((cost, link));
        }
        if number % LOOKED_AT_ONCE == 0 {
            // There may be a thousand messages in each.
            tokio::task::yield_now().await;
        }
    }
    slow.sort_unstable_by_key(|(cost, _)| std::cmp::Reverse(*cost));
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

/// Sessions whose outboxes are gone through in one turn.
const LOOKED_AT_ONCE: usize = 32;
/// Before it is looked again where nobody could be closed.
const PAUSE: Duration = Duration::from_millis(20);
