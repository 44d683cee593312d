//! What the supervisor is told.

use std::sync::Arc;

use bytes::Bytes;
use cluster_proto::connection::{Command, Connection};
use cluster_proto::outgoing::Publication;
use cluster_proto::question::{Awaits, Question};
use cluster_proto::wire::Response;
use socketio::Nodes;
use std::time::Duration;
use tokio::sync::oneshot;

use super::place::Place;
use crate::link::{Heard, Published, Servers};

/// What happened elsewhere.
pub(crate) enum News {
    Connected(Connection, Result<Servers, String>),
    /// A connection ended by itself.
    Closed(Connection),
    Replied(Command, Heard),
    Published {
        connection: Connection,
        queue: Queue,
        number: u64,
        /// Those that go elsewhere if nobody listens, and which of the pipeline they are.
        otherwise: Vec<(usize, Publication)>,
        published: Option<Published>,
    },
    /// So many listen to a question's channel.
    Counted(Question, Option<u64>),
    /// Redis says that a sharded channel is not subscribed to any more.
    Unsubscribed(Connection, Bytes),
    /// These namespaces are served from now on, and those no longer.
    Served {
        added: Vec<Arc<Place>>,
        removed: Vec<Arc<Place>>,
        /// How often that was said.
        turn: u64,
    },
    Ask(Ask),
    /// Whoever asked does not want to know any more.
    Forget(u64),
    Answered {
        from: Option<String>,
        response: Response,
        bytes: usize,
    },
    /// Leave the fleet, then say so.
    Leave(Option<oneshot::Sender<()>>),
}

/// In which queue something waited for Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queue {
    Events,
    Replies,
}

/// A question to the fleet.
pub(crate) struct Ask {
    /// Of whoever asks, to forget it by.
    pub(crate) number: u64,
    pub(crate) place: Arc<Place>,
    /// As it stands on the wire.
    pub(crate) id: String,
    pub(crate) request: Publication,
    pub(crate) kind: Kind,
    pub(crate) timeout: Duration,
    pub(crate) reply: oneshot::Sender<Reply>,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Nodes,
    Applications,
    Clients,
}

/// What came of it.
#[derive(Default)]
pub(crate) struct Reply {
    pub(crate) answers: Vec<cluster_proto::wire::Answer>,
    /// How many clients were asked, as far as their nodes said so.
    pub(crate) reached: u64,
    pub(crate) nodes: Nodes,
}

impl Kind {
    pub(crate) fn awaits(self) -> Awaits {
        match self {
            Self::Nodes => Awaits::EveryNode,
            Self::Applications => Awaits::EveryApplication,
            Self::Clients => Awaits::EveryClient,
        }
    }
}
