//! The table of awaited acknowledgements, with its lock and its clock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use engineio::proto::grace;
use hub::{Acks, AcksConfig, AcksFull, Answers, Progress, SocketId};
use socketio_codec::{AckId, Arguments, Namespace};
use tokio::sync::Notify;

use crate::lanes::now;

/// Shared by all who emit and all sessions.
pub(crate) struct AckTable {
    table: Mutex<Acks>,
    /// There is a deadline earlier than the one being waited for.
    sooner: Notify,
}

impl AckTable {
    pub(crate) fn new(config: AcksConfig) -> Self {
        Self { table: Mutex::new(Acks::new(config)), sooner: Notify::new() }
    }

    pub(crate) fn open(
        &self,
        namespace: &Namespace,
        within: Duration,
        complete: impl FnOnce(Answers) + Send + 'static,
    ) -> Result<AckId, AcksFull> {
        self.open_by(|table| table.open(namespace, deadline(within), complete))
    }

    /// The same for who wants each answer as it comes.
    pub(crate) fn follow(
        &self,
        namespace: &Namespace,
        within: Duration,
        follow: impl Fn(Progress) + Send + Sync + 'static,
    ) -> Result<AckId, AcksFull> {
        self.open_by(|table| table.follow(namespace, deadline(within), follow))
    }

    fn open_by(&self, open: impl FnOnce(&mut Acks) -> Result<AckId, AcksFull>) -> Result<AckId, AcksFull> {
        let mut table = self.lock();
        let before = table.poll_timeout();
        let id = open(&mut table)?;
        let is_sooner = table.poll_timeout() != before;
        drop(table);
        if is_sooner {
            self.sooner.notify_one();
        }
        Ok(id)
    }

    pub(crate) fn sent(&self, namespace: &Namespace, id: AckId, sockets: Vec<SocketId>) {
        self.update(|table| table.sent(namespace, id, sockets));
    }

    /// Whoever asked waits no more.
    pub(crate) fn cancel(&self, namespace: &Namespace, id: AckId) {
        // What is kept for it is dropped by the table, which calls nobody.
        self.lock().cancel(namespace, id);
    }

    pub(crate) fn handle_ack(&self, namespace: &Namespace, id: AckId, socket: SocketId, arguments: Arguments) -> bool {
        self.update(|table| table.handle_ack(namespace, id, socket, arguments))
    }

    pub(crate) fn handle_disconnect(&self, socket: SocketId) {
        self.update(|table| table.handle_disconnect(socket));
    }

    /// Lets acknowledgements expire, for ever.
    pub(crate) async fn run(self: Arc<Self>) {
        loop {
            let Some(deadline) = self.lock().poll_timeout() else {
                self.sooner.notified().await;
                continue;
            };
            tokio::select! {
                () = self.sooner.notified() => continue,
                () = tokio::time::sleep_until(deadline.into()) => {}
            }
            // If it is we who are late, answers that came in time are still to be read.
            let grace = grace(deadline, now());
            if !grace.is_zero() {
                tokio::time::sleep(grace).await;
            }
            self.update(|table| table.handle_timeout(now()));
        }
    }

    /// Changes the table, and completes what that settled once the lock is gone: whoever is told may ask again.
    fn update<T>(&self, change: impl FnOnce(&mut Acks) -> T) -> T {
        let mut table = self.lock();
        let result = change(&mut table);
        let mut next = table.poll_resolved();
        drop(table);
        while let Some(resolved) = next {
            resolved.complete();
            next = self.lock().poll_resolved();
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, Acks> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `Duration::MAX` is how a program says that it waits for ever; what it gets is a month.
fn deadline(within: Duration) -> Instant {
    now() + within.min(WITHIN_MAX)
}

const WITHIN_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);
