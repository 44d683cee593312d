//! Why connections ended, counted.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use engineio::proto::CloseReason;

/// How many connections have ended, by cause. Touched once for each connection.
#[derive(Default)]
pub(crate) struct Closes(Mutex<BTreeMap<&'static str, u64>>);

impl Closes {
    pub(crate) fn count(&self, reason: CloseReason) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(reason.cause()).or_default() += 1;
    }

    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
