//! What is logged now.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use crate::config::LogFilter;

/// What is logged now. Clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct FilterNow(Arc<RwLock<LogFilter>>);

impl FilterNow {
    pub(super) fn new(filter: LogFilter) -> Self {
        Self(Arc::new(RwLock::new(filter)))
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, LogFilter> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has something else logged from now on.
    pub(crate) fn set(&self, filter: LogFilter) {
        if *self.read() == filter {
            return;
        }
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = filter;
        // Each place in the program asked once whether it is to say anything.
        tracing_core::callsite::rebuild_interest_cache();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_hear_of_another_filter() {
        let one = FilterNow::new(LogFilter::default());
        let other = one.clone();
        one.set(LogFilter::parse("debug").unwrap());
        assert_eq!(*other.read(), LogFilter::parse("debug").unwrap());
    }
}
