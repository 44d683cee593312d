//! What became of an emit.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use engineio_proto::Queued;

use crate::SocketId;

/// Adds up what the lanes did with one emit, and reports it once, when the last of them is done.
///
/// The report is made when the last share of the emit is gone, so it is made exactly once whatever happens: also if
/// nobody was reached, or if a lane goes away with the emit unread (its recipients are then not counted).
pub struct Receipt {
    collects: bool,
    state: Mutex<State>,
}

struct State {
    outcome: Outcome,
    complete: Option<Complete>,
}

type Complete = Box<dyn FnOnce(Outcome) + Send>;

/// What became of an emit: each socket that was meant is in exactly one of the counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// Sockets it was queued to: sent if their connection lives.
    pub queued: usize,
    /// Sockets it was dropped for, being volatile.
    pub dropped: usize,
    /// Sockets whose session is closed, perhaps by this very event, for which there was no room.
    pub closed: usize,
    /// The sockets it was queued to, in no order; only of a receipt made by [`Receipt::collecting`].
    pub reached: Vec<SocketId>,
}

impl Receipt {
    /// A receipt that counts. `complete` is called on the last lane that is done: it must not block, nor panic.
    pub fn counting(complete: impl FnOnce(Outcome) + Send + 'static) -> Self {
        Self::new(false, Box::new(complete))
    }

    /// A receipt that also names the sockets reached, as an event that asks for acknowledgements needs it.
    pub fn collecting(complete: impl FnOnce(Outcome) + Send + 'static) -> Self {
        Self::new(true, Box::new(complete))
    }

    fn new(collects: bool, complete: Complete) -> Self {
        Self { collects, state: Mutex::new(State { outcome: Outcome::default(), complete: Some(complete) }) }
    }

    pub(crate) fn collects(&self) -> bool {
        self.collects
    }

    /// Adds one lane's part: one short lock per lane, none per recipient.
    pub(crate) fn add(&self, tally: Tally, reached: &[SocketId]) {
        let outcome = &mut self.state.lock().unwrap_or_else(PoisonError::into_inner).outcome;
        outcome.queued += tally.queued;
        outcome.dropped += tally.dropped;
        outcome.closed += tally.closed;
        outcome.reached.extend_from_slice(reached);
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(complete) = state.complete.take() {
            complete(std::mem::take(&mut state.outcome));
        }
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt").finish_non_exhaustive()
    }
}

/// One lane's part of an [`Outcome`].
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) queued: usize,
    pub(crate) dropped: usize,
    pub(crate) closed: usize,
}

impl Tally {
    pub(crate) fn count(&mut self, queued: Queued) {
        match queued {
            Queued::Fresh | Queued::Behind | Queued::Crowded | Queued::Sent => self.queued += 1,
            Queued::Dropped => self.dropped += 1,
            Queued::Closed => self.closed += 1,
        }
    }

    /// All who were meant.
    pub(crate) fn meant(&self) -> usize {
        self.queued + self.dropped + self.closed
    }
}
