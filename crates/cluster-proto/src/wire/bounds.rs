//! The bounds of a message.

use socketio_codec::Limits;

/// What a message may hold. Redis has its own bound for how long it may be (512 MB), which is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bounds {
    /// What values may hold: the bounds of a client's packet, since it is clients who get them.
    pub values: Limits,
    /// Rooms in one list: those that something is for, or that are joined or left. 10,000: each is looked up, whoever
    /// is in it.
    pub rooms_max: usize,
    /// Sockets or rooms in one answer. 100,000: a node that has more would write answers of the size that Redis cuts
    /// subscribers off for.
    pub answers_max: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { values: Limits::default(), rooms_max: 10_000, answers_max: 100_000 }
    }
}
