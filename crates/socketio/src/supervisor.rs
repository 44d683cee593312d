//! Tasks that must not end.

use std::fmt;
use std::future::Future;

use tokio::sync::watch;
use tokio::task::{AbortHandle, Id, JoinSet};

/// Runs the tasks without which a server does not deliver, until it is dropped.
///
/// None of them ends by itself. One that panics has lost its part of the server's state, and what is sent through it
/// from then on is lost too: there is nothing to heal, so it is reported, once, and whoever runs the server ends it.
pub(crate) struct Supervisor {
    task: AbortHandle,
    failure: watch::Receiver<Option<Failure>>,
}

/// Why a server cannot go on: one of its own tasks has panicked.
///
/// Its clients would get no events, or no acknowledgements, and would not notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    work: &'static str,
}

impl Failure {
    /// A failure of the task that does this `work`: for a program with such a task of its own, or that wants to see what it does
    /// then.
    pub const fn new(work: &'static str) -> Self {
        Self { work }
    }
}

/// The tasks to be run.
#[derive(Default)]
pub(crate) struct Tasks {
    running: JoinSet<()>,
    works: Vec<(Id, &'static str)>,
}

impl Tasks {
    /// Starts a task. `work` says what it does, as in "the task that … has failed".
    pub(crate) fn spawn(&mut self, work: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        let id = self.running.spawn(task).id();
        self.works.push((id, work));
    }

    /// Waits for a task that ends.
    async fn failure(&mut self) -> Option<Failure> {
        let (id, outcome) = match self.running.join_next_with_id().await? {
            Ok((id, ())) => (id, Ok(())),
            Err(error) => (error.id(), Err(error)),
        };
        // The runtime is going away.
        if outcome.is_err_and(|error| error.is_cancelled()) {
            return None;
        }
        let work = self.works.iter().find(|(task, _)| *task == id).map_or("runs the server", |(_, work)| work);
        Some(Failure { work })
    }
}

impl Supervisor {
    pub(crate) fn new(mut tasks: Tasks) -> Self {
        let (report, failure) = watch::channel(None);
        let supervising = async move {
            // The others go on: until the process ends, they serve whom they can.
            while let Some(failure) = tasks.failure().await {
                tracing::error!(%failure, "this server must be restarted");
                let _ = report.send(Some(failure));
            }
        };
        Self { task: tokio::spawn(supervising).abort_handle(), failure }
    }

    /// What has failed, if anything has.
    pub(crate) fn failure(&self) -> Option<Failure> {
        *self.failure.borrow()
    }

    /// Waits for a failure, perhaps for ever.
    pub(crate) fn failed(&self) -> impl Future<Output = Failure> + Send + use<> {
        let mut failure = self.failure.clone();
        async move {
            let found = failure.wait_for(Option::is_some).await.ok().and_then(|failure| *failure);
            match found {
                Some(failure) => failure,
                // The server was dropped.
                None => std::future::pending().await,
            }
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // Takes the tasks with it.
        self.task.abort();
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the task that {} has failed", self.work)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::Duration;

    use super::*;

    fn alive() -> usize {
        tokio::runtime::Handle::current().metrics().num_alive_tasks()
    }

    #[tokio::test]
    async fn a_task_that_panics_or_ends_is_reported_and_the_others_go_on() {
        for does_panic in [true, false] {
            let mut tasks = Tasks::default();
            tasks.spawn("waits", pending());
            tasks.spawn("ends", async move { assert!(!does_panic, "as asked") });
            let supervisor = Supervisor::new(tasks);
            let failed = tokio::time::timeout(Duration::from_secs(10), supervisor.failed()).await.unwrap();
            assert_eq!(failed.to_string(), "the task that ends has failed");
            assert_eq!(supervisor.failure(), Some(failed));
            assert_eq!(alive(), 2, "the supervisor and the one that waits");
            drop(supervisor);
            while alive() > 0 {
                tokio::task::yield_now().await;
            }
        }
    }
}
