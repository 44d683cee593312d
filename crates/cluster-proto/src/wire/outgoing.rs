//! What goes to Redis.

use bytes::Bytes;

/// A message to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Where to.
    pub channel: String,
    /// What.
    pub body: Bytes,
    /// How many members named `__proto__` it has not.
    pub left_out: usize,
}
