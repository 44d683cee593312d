//! The end of a socket, for those who wait for it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering, fence};

use tokio::sync::Notify;

/// Whether a socket has left. Few wait for it: what they need is made for the first who does.
#[derive(Default)]
pub(crate) struct Ended {
    is_ended: AtomicBool,
    waiting: OnceLock<Box<Notify>>,
}

impl Ended {
    pub(crate) fn end(&self) {
        self.is_ended.store(true, Ordering::Release);
        // Of this and the other fence one is first: then either the end is seen there, or who waits for it is seen here.
        fence(Ordering::SeqCst);
        if let Some(waiting) = self.waiting.get() {
            waiting.notify_waiters();
        }
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.is_ended.load(Ordering::Acquire)
    }

    pub(crate) async fn ended(&self) {
        let notified = self.waiting.get_or_init(Box::default).notified();
        fence(Ordering::SeqCst);
        // It counts from when it was made, so nothing is missed between this look and the wait.
        if !self.is_ended() {
            notified.await;
        }
    }
}
