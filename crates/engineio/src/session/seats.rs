//! How many sessions there may be.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::verdict::Guard;

/// Places for sessions: one is taken before a session is opened, and kept until the session's task has ended, so that
/// handshakes under way at once do not overshoot the bound.
#[derive(Debug)]
pub(crate) struct Seats {
    taken: AtomicUsize,
    max: AtomicUsize,
    /// Whether the log knows that there is none.
    is_told_full: AtomicBool,
}

/// One place; dropped, it is free.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    /// What the application wants to be kept as long.
    guard: Option<Guard>,
}

impl Seats {
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { taken: AtomicUsize::new(0), max: AtomicUsize::new(max), is_told_full: AtomicBool::new(false) })
    }

    /// From now on there are so many. Where more are taken, they stay so, and there is none until enough of them are free.
    pub(crate) fn set_max(&self, max: usize) {
        self.max.store(max, Ordering::Relaxed);
    }

    /// A place, if there is one. The log hears once that there is none, until there is again: who is refused tries again,
    /// and again.
    pub(crate) fn take(self: &Arc<Self>) -> Option<Seat> {
        let taken = self.taken.fetch_add(1, Ordering::Relaxed);
        // Given back, if it is one too many, when it is dropped.
        let seat = Seat { seats: Arc::clone(self), guard: None };
        let max = self.max.load(Ordering::Relaxed);
        let is_full = taken >= max;
        if is_full != self.is_told_full.swap(is_full, Ordering::Relaxed) && is_full {
            tracing::warn!(sessions = max, "full: more sessions are refused");
        }
        (!is_full).then_some(seat)
    }
}

impl Seat {
    /// The same, and `guard` is dropped with it.
    pub(crate) fn with(mut self, guard: Option<Guard>) -> Self {
        self.guard = guard;
        self
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.taken.fetch_sub(1, Ordering::Relaxed);
        // The application's: out of a destructor, a panic of it could abort the process.
        if let Some(guard) = self.guard.take()
            && catch_unwind(AssertUnwindSafe(|| drop(guard))).is_err()
        {
            tracing::error!("the application panicked when a session's guard was dropped");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;

    #[test]
    fn there_are_no_more_places_than_said_and_each_comes_back() {
        let seats = Seats::new(2);
        let [first, second] = [seats.take().unwrap(), seats.take().unwrap()];
        assert!(seats.take().is_none());
        assert!(seats.take().is_none(), "a refusal takes none for good");
        drop(first);
        let third = seats.take().unwrap();
        assert!(seats.take().is_none());
        drop((second, third));
        assert_eq!(seats.taken.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn there_are_more_or_fewer_places_when_it_is_said_and_who_has_one_keeps_it() {
        let seats = Seats::new(2);
        let [first, second] = [seats.take().unwrap(), seats.take().unwrap()];
        seats.set_max(3);
        let third = seats.take().unwrap();
        seats.set_max(1);
        drop(first);
        drop(second);
        assert!(seats.take().is_none(), "the third is one");
        drop(third);
        assert!(seats.take().is_some());
    }

    struct Fragile;

    impl Drop for Fragile {
        fn drop(&mut self) {
            panic!("as asked");
        }
    }

    #[test]
    fn a_guard_that_panics_leaves_no_place_taken() {
        let seats = Seats::new(1);
        let Verdict::Accept { guard, .. } = Verdict::accept().guarded_by(Fragile) else {
            panic!("it was accepted");
        };
        drop(seats.take().unwrap().with(guard));
        assert!(seats.take().is_some());
    }
}
