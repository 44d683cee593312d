//! The parts of an answer that each lane has some of.

use std::sync::{Mutex, PoisonError};

/// Collects what the lanes found and hands it over when the last share of the question is gone.
pub(crate) struct Gather<T: Send>(Mutex<State<T>>);

struct State<T> {
    found: Vec<T>,
    complete: Option<Box<dyn FnOnce(Vec<T>) + Send>>,
}

impl<T: Send> Gather<T> {
    pub(crate) fn new(complete: impl FnOnce(Vec<T>) + Send + 'static) -> Self {
        Self(Mutex::new(State { found: Vec::new(), complete: Some(Box::new(complete)) }))
    }

    /// Adds one lane's part.
    pub(crate) fn add(&self, found: impl IntoIterator<Item = T>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).found.extend(found);
    }
}

impl<T: Send> Drop for Gather<T> {
    fn drop(&mut self) {
        let state = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(complete) = state.complete.take() {
            complete(std::mem::take(&mut state.found));
        }
    }
}
