//! Memory that a burst has left behind.

use std::thread;
use std::time::{Duration, Instant};

/// Gives freed memory back to the system from here on, every few seconds and on a thread of its own.
pub(crate) fn give_back_freed() {
    let giving = thread::Builder::new().name("memory".into()).spawn(|| {
        let mut pause = PAUSE;
        loop {
            thread::sleep(pause);
            let from = Instant::now();
            fanfare_system::memory::give_back();
            // Meanwhile others may wait to allocate: where there is much to give back, less often.
            pause = PAUSE.max(from.elapsed() * REST);
        }
    });
    if let Err(error) = giving {
        tracing::warn!(%error, "no thread that gives freed memory back");
    }
}

const PAUSE: Duration = Duration::from_secs(2);
/// How many times as long as it gives back does it rest: it takes at most half a percent of a core.
const REST: u32 = 200;
