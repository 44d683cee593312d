//! What was asked of the API, counted.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::problem::CODES;

/// How many requests there were, and what was refused.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// By the route that answered, one of the router's own, and the status.
    requests: Mutex<BTreeMap<(String, u16), u64>>,
    refusals: Mutex<BTreeMap<&'static str, u64>>,
}

impl Counts {
    pub(crate) fn request(&self, route: &str, status: u16) {
        *locked(&self.requests).entry((route.to_owned(), status)).or_default() += 1;
    }

    pub(crate) fn refused(&self, code: &'static str) {
        *locked(&self.refusals).entry(code).or_default() += 1;
    }

    pub(crate) fn requests(&self) -> BTreeMap<(String, u16), u64> {
        locked(&self.requests).clone()
    }

    /// By code, those too that never came.
    pub(crate) fn refusals(&self) -> BTreeMap<&'static str, u64> {
        let mut all: BTreeMap<_, _> = CODES.into_iter().map(|code| (code, 0)).collect();
        all.extend(locked(&self.refusals).iter());
        all
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
