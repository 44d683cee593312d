//! The parts of an answer that each lane has some of.

use std::sync::{Mutex, PoisonError};

/// Collects what the lanes found and hands it over when the last share of the question is gone: nothing, if it got larger
/// than whoever asks wants it to be.
pub(crate) struct Gather<T: Send>(Mutex<State<T>>);

struct State<T> {
    found: Vec<T>,
    /// How much more it may be, in bytes.
    room: usize,
    is_too_large: bool,
    complete: Option<Complete<T>>,
}

type Complete<T> = Box<dyn FnOnce(Option<Vec<T>>) + Send>;

impl<T: Send> Gather<T> {
    /// Whatever it will be.
    pub(crate) fn new(complete: impl FnOnce(Vec<T>) + Send + 'static) -> Self {
        Self::within(usize::MAX, |found| complete(found.unwrap_or_default()))
    }

    /// No more than so many bytes.
    pub(crate) fn within(bytes_max: usize, complete: impl FnOnce(Option<Vec<T>>) + Send + 'static) -> Self {
        let complete: Complete<T> = Box::new(complete);
        Self(Mutex::new(State { found: Vec::new(), room: bytes_max, is_too_large: false, complete: Some(complete) }))
    }

    /// Adds some of one lane's part, which take so many bytes. Says whether more is wanted.
    pub(crate) fn add(&self, found: impl IntoIterator<Item = T>, bytes: usize) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_too_large || bytes > state.room {
            state.is_too_large = true;
            let found = std::mem::take(&mut state.found);
            // Not while the other lanes wait for it.
            drop(state);
            drop(found);
            return false;
        }
        state.room -= bytes;
        state.found.extend(found);
        true
    }
}

impl<T: Send> Drop for Gather<T> {
    fn drop(&mut self) {
        let state = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(complete) = state.complete.take() {
            let found = std::mem::take(&mut state.found);
            complete((!state.is_too_large).then_some(found));
        }
    }
}
