//! One of the link's two connections.

use std::collections::BTreeMap;
use std::time::Instant;

use super::action::{Command, Connection};
use super::subscription::Subscription;

/// One connection's life, over and over.
///
/// ```text
///     Resting ──► Connecting ──► Open
///        ▲            │           │
///        └── failed, ─┴── lost ───┘          any ──left──► Over
/// ```
#[derive(Debug)]
pub(super) enum Side {
    Resting { until: Instant },
    Connecting { connection: Connection, until: Instant },
    Open(Open),
    Over,
}

#[derive(Debug)]
pub(super) struct Open {
    pub(super) connection: Connection,
    /// What has no reply yet. Commands are numbered as they are sent, so the first is the oldest.
    pub(super) pending: BTreeMap<Command, Pending>,
    /// It spoke lately: until when it is not silent, whatever has no reply.
    pub(super) speaks_until: Option<Instant>,
    /// When a PING is due; `None` while one has no PONG.
    pub(super) ping: Option<Instant>,
    /// The publisher was part of a joined link, so that it is known to be where the subscriber is.
    pub(super) was_joined: bool,
}

#[derive(Debug)]
pub(super) struct Pending {
    pub(super) what: What,
    pub(super) until: Instant,
}

#[derive(Debug)]
pub(super) enum What {
    Subscribe(Subscription),
    Unsubscribe(Subscription),
    Ping,
    Count(Subscription),
}

impl Side {
    pub(super) fn connection(&self) -> Option<Connection> {
        match self {
            Self::Connecting { connection, .. } => Some(*connection),
            Self::Open(open) => Some(open.connection),
            Self::Resting { .. } | Self::Over => None,
        }
    }

    pub(super) fn open(&self) -> Option<&Open> {
        match self {
            Self::Open(open) => Some(open),
            _ => None,
        }
    }

    pub(super) fn open_mut(&mut self) -> Option<&mut Open> {
        match self {
            Self::Open(open) => Some(open),
            _ => None,
        }
    }

    /// When something is due here.
    pub(super) fn timeout(&self) -> Option<Instant> {
        match self {
            Self::Resting { until } | Self::Connecting { until, .. } => Some(*until),
            Self::Open(open) => open.silent_at().into_iter().chain(open.ping).min(),
            Self::Over => None,
        }
    }
}

impl Open {
    pub(super) fn oldest(&self) -> Option<&Pending> {
        self.pending.first_key_value().map(|(_, pending)| pending)
    }

    /// When it is of no use any more. What is heard stands before the reply, so who speaks without end answers late.
    pub(super) fn silent_at(&self) -> Option<Instant> {
        self.oldest().map(|pending| self.speaks_until.map_or(pending.until, |until| until.max(pending.until)))
    }
}

impl What {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Subscribe(subscription) => subscription.kind.command(),
            Self::Unsubscribe(_) => "UNSUBSCRIBE",
            Self::Ping => "PING",
            Self::Count(_) => "PUBSUB NUMSUB",
        }
    }
}
