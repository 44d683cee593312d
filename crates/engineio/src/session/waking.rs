//! Sessions whose tasks are woken some at a time.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use crate::session::link::Link;
use crate::shared::Shared;

/// Wakes the task of every session once, evenly over `spread`, part of the registry by part: so no list of all of them is
/// kept meanwhile, and nothing of those that end. Ends early when there is no engine any more.
///
/// Who begins meanwhile is woken or is not.
pub(crate) async fn wake_all(shared: Weak<Shared>, spread: Duration) {
    let mut pace = Pace { begun: Instant::now(), spread: spread.min(SPREAD_MAX), woken: 0 };
    let parts = shared.upgrade().map_or(0, |shared| shared.registry.part_count());
    for part in 0..parts {
        let Some(links) = links(&shared, part) else { return };
        for (number, link) in links.iter().enumerate() {
            pace.wait((part as f64 + number as f64 / links.len() as f64) / parts as f64).await;
            if shared.strong_count() == 0 {
                return;
            }
            if let Some(link) = link.upgrade() {
                link.wake();
            }
        }
    }
}

/// Those of one part of the registry, whom this does not keep.
fn links(shared: &Weak<Shared>, part: usize) -> Option<Vec<Weak<Link>>> {
    Some(shared.upgrade()?.registry.links_of(part).iter().map(Arc::downgrade).collect())
}

/// When the next one is woken.
struct Pace {
    begun: Instant,
    spread: Duration,
    woken: u32,
}

impl Pace {
    /// Waits until so much of the time is over, from 0 to 1; or just lets others in, now and then.
    async fn wait(&mut self, share: f64) {
        let due = self.begun + self.spread.mul_f64(share);
        self.woken += 1;
        if due > Instant::now() {
            sleep_until(due).await;
        } else if self.woken.is_multiple_of(WOKEN_AT_ONCE) {
            yield_now().await;
        }
    }
}

/// A millisecond's work for those who are woken, on one thread.
const WOKEN_AT_ONCE: u32 = 64;
/// Nobody waits for longer than that; and a time can be so far away that there is no name for it.
const SPREAD_MAX: Duration = Duration::from_secs(24 * 60 * 60);
