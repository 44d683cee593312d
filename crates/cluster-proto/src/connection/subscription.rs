//! What a node listens to.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

/// A channel or pattern, as Redis is to be told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subscription {
    /// By which command.
    pub kind: SubscriptionKind,
    /// The channel's name, or the pattern with what is no wildcard escaped.
    pub channel: Bytes,
}

/// By which command one subscribes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubscriptionKind {
    /// `SUBSCRIBE`
    Channel,
    /// `PSUBSCRIBE`
    Pattern,
    /// `SSUBSCRIBE`
    Sharded,
}

/// A subscription that is wanted, and what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// What to subscribe to.
    pub subscription: Subscription,
    /// What it belongs to: a namespace's name, or empty for what belongs to none.
    pub group: Arc<str>,
    /// Whether the fleet counts its subscribers (`NUMSUB`) to know how many answers it may expect: the request channel.
    /// It is subscribed last in its group, when what is needed to answer is confirmed, and left first: whoever is
    /// counted and does not answer makes the questions of all others fail.
    pub is_counted: bool,
}

impl Subscription {
    /// A subscription by `kind`.
    pub fn new(kind: SubscriptionKind, channel: impl Into<Bytes>) -> Self {
        Self { kind, channel: channel.into() }
    }
}

impl SubscriptionKind {
    /// Redis' name for the command.
    pub fn command(self) -> &'static str {
        match self {
            Self::Channel => "SUBSCRIBE",
            Self::Pattern => "PSUBSCRIBE",
            Self::Sharded => "SSUBSCRIBE",
        }
    }
}

/// As one would type it, for a log: what is no plain text is escaped.
impl fmt::Display for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.command(), String::from_utf8_lossy(&self.channel).escape_debug())
    }
}
