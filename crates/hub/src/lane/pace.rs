//! Whether one member keeps up with those who send to it.

/// Whether a member is in the [`Crowd`](super::crowd::Crowd), and whether others wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// It keeps up.
    Free,
    /// It does not, and reads: others wait for it.
    Holds,
    /// It does not, and does not read: nobody waits for it.
    Stuck,
}
