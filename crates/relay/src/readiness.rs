//! Whether the relay wants clients.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// What stands against it that clients are sent here, if anything does. What says so from the start: the relay starts.
#[derive(Debug)]
pub(crate) struct Readiness(Mutex<BTreeSet<Unready>>);

/// Why clients are not to be sent here now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unready {
    /// It does not listen yet.
    Starting,
    /// It is not one of its cluster yet.
    Cluster,
    /// It is to end.
    Draining,
}

impl Default for Readiness {
    fn default() -> Self {
        Self(Mutex::new([Unready::Starting].into()))
    }
}

impl Readiness {
    /// Says that something stands against it, or no more.
    pub(crate) fn set(&self, why: Unready, stands: bool) {
        let mut reasons = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if stands {
            reasons.insert(why);
        } else {
            reasons.remove(&why);
        }
    }

    /// What stands against it: of several, what lasts longest.
    pub(crate) fn why_not(&self) -> Option<Unready> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).last().copied()
    }
}

impl fmt::Display for Unready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "starting",
            Self::Cluster => "cluster",
            Self::Draining => "draining",
        })
    }
}
