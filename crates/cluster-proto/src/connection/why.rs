//! Why a link is not joined.

use std::fmt;

use super::role::Role;
use super::subscription::Subscription;

/// Why a link was lost, or is not joined yet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// A connection could not be made: a wrong name, password or certificate, or nobody there.
    ConnectFailed {
        /// Which connection.
        role: Role,
        /// What the driver says of it.
        error: String,
    },
    /// A connection was not ready in time.
    ConnectTimedOut {
        /// Which connection.
        role: Role,
    },
    /// A connection ended.
    Closed {
        /// Which connection.
        role: Role,
        /// What the driver says of it.
        error: String,
    },
    /// A reply did not come in time.
    Silent {
        /// Which connection.
        role: Role,
        /// The command that has no reply.
        command: &'static str,
    },
    /// Redis refuses a subscription.
    Refused {
        /// Which one.
        subscription: Subscription,
        /// Redis' words.
        error: String,
    },
    /// Redis ended a subscription by itself, as when a slot moves.
    Unsubscribed {
        /// Which one.
        subscription: Subscription,
    },
    /// Where the publisher is connected, nobody knows of the subscriber: they are at two servers.
    NotCounted {
        /// The channel asked about.
        subscription: Subscription,
    },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConnectFailed { role, error } => write!(f, "the {role} cannot connect: {error}"),
            Self::ConnectTimedOut { role } => write!(f, "the {role} was not connected in time"),
            Self::Closed { role, error } => write!(f, "the {role}'s connection ended: {error}"),
            Self::Silent { role, command } => write!(f, "no reply to {command} on the {role}'s connection"),
            Self::Refused { subscription, error } => write!(f, "{subscription} is refused: {error}"),
            Self::Unsubscribed { subscription } => write!(f, "the server ended {subscription}"),
            Self::NotCounted { subscription } => {
                write!(f, "the publisher's server does not know of the subscriber's {subscription}")
            }
        }
    }
}
