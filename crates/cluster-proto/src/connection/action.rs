//! What the link has its driver do, and hears of it.

use std::sync::Arc;
use std::time::Duration;

use super::role::Role;
use super::subscription::Subscription;
use super::why::Why;

/// One connection, or the attempt to make it. No other one is ever equal to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Connection {
    pub(super) role: Role,
    pub(super) number: u64,
}

/// A command whose reply is waited for. No other one is ever equal to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Command {
    pub(super) connection: Connection,
    pub(super) number: u64,
}

/// What the driver is to do next, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Make a connection, ready for commands; then [`handle_connected`](super::Link::handle_connected) or
    /// [`handle_connect_failed`](super::Link::handle_connect_failed). A Sentinel is asked for the master each time.
    Connect(Connection),
    /// Drop the connection, or stop making it.
    Close(Connection),
    /// Subscribe: one command for one channel, so that a refusal is about that one.
    Subscribe {
        /// What to reply to.
        command: Command,
        /// To what.
        subscription: Subscription,
    },
    /// End a subscription.
    Unsubscribe {
        /// What to reply to.
        command: Command,
        /// Which one.
        subscription: Subscription,
    },
    /// Send a PING.
    Ping {
        /// What to reply to.
        command: Command,
    },
    /// Count the subscribers of a channel: `PUBSUB NUMSUB` or `SHARDNUMSUB`, of a Redis Cluster added over its nodes.
    Count {
        /// What to reply to.
        command: Command,
        /// Of which channel.
        subscription: Subscription,
    },
    /// Something an operator wants to know. Each is said once, not at every try.
    Log(Notice),
    /// The node is not to start ([`AtStart::Fail`](super::AtStart::Fail)). Nothing comes after it but what closes.
    Fail(Why),
}

/// What an operator wants to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Joined, after so long; `deaf`: for how long of it nothing was heard since it was joined before.
    Joined {
        /// Since the start, or since it was lost.
        after: Duration,
        /// How long the subscriptions were gone. What other nodes said meanwhile is missed. `None`: they never were, or
        /// there were none before.
        deaf: Option<Duration>,
    },
    /// It was joined, and is not any more.
    Lost(Why),
    /// It is not joined, and this is the reason by now.
    Waiting(Why),
    /// A subscription that came while joined is refused. The rest goes on.
    Refused {
        /// Which one.
        subscription: Subscription,
        /// Redis' words.
        error: String,
    },
    /// Joined, but for what a part of Redis has that is away: such subscriptions are not there. The rest goes on.
    Partly {
        /// The first of them.
        subscription: Subscription,
        /// What the driver says of it.
        error: String,
    },
    /// All subscriptions are there again.
    Whole {
        /// Since the first of them was not. What other nodes said on these meanwhile is missed.
        after: Duration,
        /// What those that were away belong to.
        groups: Vec<Arc<str>>,
    },
    /// The server does not count subscribers: questions cannot know how many answers there are to be.
    CannotCount {
        /// Redis' words.
        error: String,
    },
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It is done.
    Done,
    /// So many subscribers.
    Count(u64),
    /// Redis' words for why not.
    Error(String),
    /// The part of Redis that it is for is away, as the driver says. It is asked for again by itself.
    Away(String),
}

impl Connection {
    /// What it is for.
    pub fn role(self) -> Role {
        self.role
    }
}

impl Command {
    /// Where to send it.
    pub fn connection(self) -> Connection {
        self.connection
    }
}

impl Action {
    /// The connection it is about.
    pub fn connection(&self) -> Option<Connection> {
        match self {
            Self::Connect(connection) | Self::Close(connection) => Some(*connection),
            Self::Subscribe { command, .. }
            | Self::Unsubscribe { command, .. }
            | Self::Ping { command }
            | Self::Count { command, .. } => Some(command.connection),
            Self::Log(_) | Self::Fail(_) => None,
        }
    }
}
