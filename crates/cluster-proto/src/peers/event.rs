//! What is to be done or known about the others.

use std::collections::VecDeque;
use std::sync::Arc;

/// What is to be done, or to be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Another node is there.
    Appeared {
        /// As whom it sends.
        uid: String,
        /// What its operator calls it.
        name: Option<String>,
    },
    /// Nothing was heard of it for some heartbeats.
    Late {
        /// Of whom.
        uid: String,
    },
    /// It is heard again.
    Back {
        /// Who.
        uid: String,
    },
    /// It is there no more.
    Gone {
        /// Who.
        uid: String,
        /// What its operator called it.
        name: Option<String>,
        /// How.
        how: Gone,
    },
    /// It sent what was not heard here, or lost what it had to send.
    Missed {
        /// Who.
        uid: String,
        /// In which namespace.
        namespace: Arc<str>,
        /// How many messages.
        count: u64,
    },
    /// Somebody else sends as this node: they do not hear each other.
    SameUid,
    /// Close this node's sockets of the namespace, spread over a while.
    Reset {
        /// Which one.
        namespace: Arc<str>,
    },
}

/// How a peer went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// It said so.
    Left,
    /// It said nothing more.
    Silent,
    /// It is there anew.
    Restarted,
}

/// Events that wait to be asked for. Whoever may publish makes as many as they like, so there are only so many to be known;
/// what is to be done is never left out.
#[derive(Debug, Default)]
pub(super) struct Events(VecDeque<Event>);

impl Events {
    pub(super) fn push(&mut self, event: Event) {
        if self.0.len() < WAITING_MAX || matches!(event, Event::Reset { .. }) {
            self.0.push_back(event);
        }
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        self.0.pop_front()
    }
}

/// As many as appear at once in the largest fleet, and then some.
const WAITING_MAX: usize = 4096;
