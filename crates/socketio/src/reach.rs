//! What sockets, broadcasts and connections need of the server, and nothing more.

use std::sync::Arc;

use hub::{Allowance, Command, Hub};

use crate::acks::AckTable;

/// The way to all sockets: those that are here, and those of other nodes.
///
/// Whoever keeps a [`Socket`](crate::Socket) keeps this, and not the server: that ends with its last clone and its last
/// session, and what is asked for from then on reaches nobody.
pub(crate) struct Reach {
    pub(crate) hub: Arc<Hub>,
    pub(crate) acks: Arc<AckTable>,
    peers: Box<dyn Peers>,
}

/// The other nodes.
pub(crate) trait Peers: Send + Sync {
    /// Passes on what is to be done to sockets wherever they are. It must not block: what is asked for here is done
    /// whether or not anybody else hears of it. Answers are for clients of this node only.
    fn publish(&self, command: &Command<'_>);
}

/// There are none.
pub(crate) struct NoPeers;

impl Reach {
    pub(crate) fn new(hub: Arc<Hub>, acks: Arc<AckTable>, peers: Box<dyn Peers>) -> Self {
        Self { hub, acks, peers }
    }

    /// Does it here, and lets it be done elsewhere; on the account of a connection, if that asked for it.
    pub(crate) fn tell(&self, command: Command<'_>, by: Option<&Arc<Allowance>>) {
        self.peers.publish(&command);
        self.hub.apply(command, by);
    }
}

impl Peers for NoPeers {
    fn publish(&self, _: &Command<'_>) {}
}
