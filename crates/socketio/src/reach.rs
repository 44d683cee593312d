//! What sockets, broadcasts and connections need of the server, and nothing more.

use std::any::Any;
use std::sync::{Arc, OnceLock, Weak};

use hub::{Command, Hub};

use crate::acks::AckTable;
use crate::peers::{Peers, Published};
use crate::unfinished::Unfinished;

/// The way to all sockets: those that are here, and those of other nodes.
///
/// Whoever keeps a [`Socket`](crate::Socket) keeps this, and not the server: that ends with its last clone and its last
/// session, and what is asked for from then on reaches nobody.
pub(crate) struct Reach {
    pub(crate) hub: Arc<Hub>,
    pub(crate) acks: Arc<AckTable>,
    /// `None` for a node that is alone.
    peers: Option<Box<dyn Peers>>,
    /// The server that this is the way of, as only that itself knows it.
    server: OnceLock<Weak<dyn Any + Send + Sync>>,
    /// Work for sockets that have left.
    pub(crate) unfinished: Unfinished,
}

/// How far something goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// To the sockets of all nodes.
    Cluster,
    /// To those that are here.
    Node,
}

impl Reach {
    pub(crate) fn new(hub: Arc<Hub>, acks: Arc<AckTable>, peers: Option<Box<dyn Peers>>) -> Self {
        Self { hub, acks, peers, server: OnceLock::new(), unfinished: Unfinished::default() }
    }

    /// Says whose way it is: once.
    pub(crate) fn belong_to<T: Any + Send + Sync>(&self, server: &Arc<T>) {
        let server: Weak<T> = Arc::downgrade(server);
        let _ = self.server.set(server);
    }

    /// That which it [belongs to](Self::belong_to), if it is still there.
    pub(crate) fn server<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.server.get()?.upgrade()?.downcast().ok()
    }

    /// Lets the others do it; it is still to be done here.
    pub(crate) fn publish(&self, command: &Command<'_>, scope: Scope) -> Published {
        self.peers_in(scope).map_or(Published::Nowhere, |peers| peers.publish(command))
    }

    /// The others, where it goes so far.
    pub(crate) fn peers_in(&self, scope: Scope) -> Option<&dyn Peers> {
        match scope {
            Scope::Cluster => self.peers.as_deref(),
            Scope::Node => None,
        }
    }
}
