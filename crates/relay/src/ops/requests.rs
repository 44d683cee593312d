//! The requests of operators, counted.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// How many requests there were, by the route that answered and the status.
#[derive(Debug, Default)]
pub(crate) struct Requests(Mutex<BTreeMap<(String, u16), u64>>);

impl Requests {
    /// `route` is one of the router's own, not what somebody asked for.
    pub(crate) fn count(&self, route: &str, status: u16) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((route.to_owned(), status)).or_default() += 1;
    }

    pub(crate) fn counts(&self) -> BTreeMap<(String, u16), u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
