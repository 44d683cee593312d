//! Reading the configuration anew, and having it hold, while clients are connected.
//!
//! [`Reloader`] has it done, one at a time, and says how it went; [`Replacing`] is what is done: everything is read and built
//! first, and takes the place of what held in one step, or nothing changes.

mod replacing;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::Serialize;
use tokio::sync;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

pub(crate) use replacing::{Parts, Replacing};

use crate::notify;

/// Has the configuration read anew whenever somebody asks.
pub(crate) struct Reloader {
    /// Locked while it is done: who asks meanwhile waits, and then it is done again. Not on a thread: of those that may block
    /// there are only so many, and clients need them.
    attempt: Arc<sync::Mutex<Attempt>>,
    last: Mutex<LastReload>,
    /// The process ends, and nothing is to change any more.
    is_ending: AtomicBool,
}

type Attempt = Box<dyn FnMut() -> Result<Report, Refused> + Send>;

/// How the last one went. Before the first: how the start did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LastReload {
    pub(crate) succeeded: bool,
    pub(crate) at: SystemTime,
}

/// What is other by now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    /// Each key, old → new; no secret.
    pub(crate) changes: Vec<String>,
    /// What its author may not have meant, and what a reload cannot do for those who are connected.
    pub(crate) warnings: Vec<String>,
}

/// Why nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Refused {
    #[serde(skip)]
    pub(crate) why: Why,
    /// One at least, each by its name.
    pub(crate) problems: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Something in it is wrong.
    Wrong,
    /// It is right, and would need a restart.
    NeedsRestart,
    /// The relay ends, and whoever is still here is sent elsewhere, where the configuration may be another.
    Ending,
    /// A fault of ours.
    Failed,
}

impl Reloader {
    pub(crate) fn new(attempt: impl FnMut() -> Result<Report, Refused> + Send + 'static) -> Arc<Self> {
        let last = LastReload { succeeded: true, at: SystemTime::now() };
        let attempt: Attempt = Box::new(attempt);
        let is_ending = AtomicBool::new(false);
        Arc::new(Self { attempt: Arc::new(sync::Mutex::new(attempt)), last: Mutex::new(last), is_ending })
    }

    /// Has no more done from now on, but for one that is under way.
    pub(crate) fn end(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
    }

    /// Reads everything anew, and has it hold; or says why not. Once begun it is done to its end, also if nobody waits for that
    /// any more.
    ///
    /// # Errors
    /// What is wrong. Then everything is as before; unless it takes too long, since then it may still be done.
    pub(crate) async fn reload(self: &Arc<Self>) -> Result<Report, Refused> {
        let done = async {
            let attempt = Arc::clone(&self.attempt).lock_owned().await;
            let this = Arc::clone(self);
            // Files are read, and one that hangs is not to hold up clients.
            spawn_blocking(move || this.reload_now(attempt)).await
        };
        match timeout(TIME_MAX, done).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(self.failed("the relay is at fault")),
            Err(_) => {
                tracing::warn!(problem = TOO_LONG, "reload");
                Err(self.failed(TOO_LONG))
            }
        }
    }

    pub(crate) fn last_reload(&self) -> LastReload {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reload_now(&self, mut attempt: sync::OwnedMutexGuard<Attempt>) -> Result<Report, Refused> {
        let outcome = if self.is_ending.load(Ordering::Relaxed) {
            // Its supervisor is not told that all is as ever, nor anybody that something is wrong.
            Err(Refused::new(Why::Ending, ["the relay is ending"]))
        } else {
            let _telling = Telling::begin();
            let outcome = attempt();
            self.note(outcome.is_ok());
            outcome
        };
        match &outcome {
            Ok(Report { changes, warnings }) => {
                warnings.iter().for_each(|problem| tracing::warn!(problem, "reload"));
                changes.iter().for_each(|change| tracing::info!(change, "reload"));
                tracing::info!(changes = changes.len(), "reloaded: the configuration as it is now holds");
            }
            Err(Refused { problems, .. }) => {
                problems.iter().for_each(|problem| tracing::warn!(problem, "reload"));
                tracing::warn!("reload refused: everything holds as before");
            }
        }
        outcome
    }

    fn failed(&self, problem: &str) -> Refused {
        self.note(false);
        Refused { why: Why::Failed, problems: vec![problem.to_owned()] }
    }

    fn note(&self, succeeded: bool) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = LastReload { succeeded, at: SystemTime::now() };
    }
}

/// The supervisor is told that it is under way, and that it is over, however it ends.
struct Telling;

impl Telling {
    fn begin() -> Self {
        notify::reloading();
        Self
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        notify::reloaded();
    }
}

impl Refused {
    fn wrong(problems: impl IntoIterator<Item = impl fmt::Display>) -> Self {
        Self::new(Why::Wrong, problems)
    }

    fn new(why: Why, problems: impl IntoIterator<Item = impl fmt::Display>) -> Self {
        Self { why, problems: problems.into_iter().map(|problem| problem.to_string()).collect() }
    }
}

impl fmt::Debug for Reloader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloader").field("last", &self.last_reload()).finish_non_exhaustive()
    }
}

/// Whoever asks is told by then. Reading some files and building what they say takes milliseconds.
const TIME_MAX: Duration = Duration::from_secs(30);

const TOO_LONG: &str = "not done within 30 s, perhaps for a file that cannot be read to its end, such as a pipe or one of a server \
                        that does not answer; it goes on, and so others have to wait";

#[cfg(test)]
mod tests;
