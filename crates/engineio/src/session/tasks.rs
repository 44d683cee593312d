//! Counting tasks, to wait for their end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// How many tasks run.
#[derive(Debug, Default)]
pub(crate) struct Tasks(Arc<Count>);

#[derive(Debug, Default)]
struct Count {
    running: AtomicUsize,
    idle: Notify,
}

/// One running task; dropped, it no longer is.
#[derive(Debug)]
pub(crate) struct Running(Arc<Count>);

impl Tasks {
    pub(crate) fn begin(&self) -> Running {
        self.0.running.fetch_add(1, Ordering::SeqCst);
        Running(Arc::clone(&self.0))
    }

    /// Waits until none runs.
    pub(crate) async fn idle(&self) {
        loop {
            // Registered before the look, so that an end in between is not missed.
            let notified = self.0.idle.notified();
            if self.0.running.load(Ordering::SeqCst) == 0 {
                return;
            }
            notified.await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn idle_waits_for_the_last_one() {
        let tasks = Tasks::default();
        tasks.idle().await;
        let (first, second) = (tasks.begin(), tasks.begin());
        let ended = tokio::spawn(async move {
            tokio::task::yield_now().await;
            drop(first);
            drop(second);
        });
        tasks.idle().await;
        ended.await.unwrap();
    }
}
