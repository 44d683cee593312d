//! Reading the configuration anew, and having it hold, while clients are connected.
//!
//! [`Reloader`] has it done, one at a time, and says how it went; [`Replacing`] is what is done: everything is read and built
//! first, and takes the place of what held in one step, or nothing changes.

mod replacing;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde::Serialize;
use tokio::task::spawn_blocking;

pub(crate) use replacing::{Parts, Replacing};

use crate::notify;

/// Has the configuration read anew whenever somebody asks.
pub(crate) struct Reloader {
    /// Locked while it is done: who asks meanwhile waits, and then it is done again.
    attempt: Mutex<Box<dyn FnMut() -> Result<Report, Refused> + Send>>,
    last: Mutex<LastReload>,
    /// The process ends, and nothing is to change any more.
    is_ending: AtomicBool,
}

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
        let is_ending = AtomicBool::new(false);
        Arc::new(Self { attempt: Mutex::new(Box::new(attempt)), last: Mutex::new(last), is_ending })
    }

    /// Has no more done from now on, but for one that is under way.
    pub(crate) fn end(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
    }

    /// Reads everything anew, and has it hold; or says why not. It is done to its end also if nobody waits for that any more.
    ///
    /// # Errors
    /// What is wrong. Then everything is as before.
    pub(crate) async fn reload(self: &Arc<Self>) -> Result<Report, Refused> {
        let this = Arc::clone(self);
        // Files are read, and one that hangs is not to hold up clients.
        let done = spawn_blocking(move || this.reload_now()).await;
        done.unwrap_or_else(|_| {
            self.note(false);
            Err(Refused { why: Why::Failed, problems: vec!["the relay is at fault".to_owned()] })
        })
    }

    pub(crate) fn last_reload(&self) -> LastReload {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reload_now(&self) -> Result<Report, Refused> {
        let mut attempt = self.attempt.lock().unwrap_or_else(PoisonError::into_inner);
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

#[cfg(test)]
mod tests;
