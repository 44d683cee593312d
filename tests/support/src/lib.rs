//! Clients that do what a test says and nothing else: no library's kindness hides what the server sends.
//!
//! A dev-dependency of the crates that listen on a socket. It knows the wire and none of them, so that a change of
//! theirs does not change what their tests say. Everything panics when it does not go as a test expects.

// An `unwrap` here is a test's.
#![allow(clippy::unwrap_used)]

mod http;
mod poller;
mod websocket;

pub use http::{Answer, Http};
pub use poller::Poller;
pub use websocket::{
    Ws, bytes_until_end, connect, connect_over, connect_slow, is_ended, next, send, text, upgrade_request,
};

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The result of `future`, which is there long before this gives up.
pub async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}

/// Waits until something becomes true that nobody tells.
pub async fn eventually(what: &str, mut is_true: impl FnMut() -> bool) {
    let waiting = async {
        while !is_true() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "never happened: {what}");
}

/// The packets of a polling payload.
pub fn packets(payload: &str) -> Vec<&str> {
    payload.split('\u{1e}').collect()
}

/// Something that is waited for, and counts as long as it is there.
pub struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    /// One more.
    pub fn counted(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Pseudo-random numbers from a seed: for timings that can be had again.
pub struct Dice(u64);

impl Dice {
    /// The same seed throws the same numbers.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number from 0, and less than `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Long beside anything a test waits for, short beside the patience of whoever runs it.
const PATIENCE: Duration = Duration::from_secs(20);
