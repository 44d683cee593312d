//! What all connections of a server have in common.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use hub::ClientConfig;
use socketio_codec::Namespace as NamespaceName;

use crate::closes::Closes;
use crate::directory::Directory;
use crate::reach::{Reach, Scope};
use crate::supervisor::Supervisor;

/// What a connection needs of its server.
pub(crate) struct Shared {
    pub(crate) reach: Arc<Reach>,
    /// Of the tasks that deliver. A kept socket does not keep them: there is nobody left to deliver to.
    pub(crate) supervisor: Supervisor,
    pub(crate) directory: Directory,
    /// Of the clients that connect from now on.
    pub(crate) client: RwLock<Arc<ClientConfig>>,
    pub(crate) closes: Closes,
    /// So that the peers hear of namespaces in the order of their changes.
    pub(crate) announcing: Mutex<()>,
}

impl Shared {
    /// The bounds of a client that connects now. It keeps them.
    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.client.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells the peers which namespaces there are.
    pub(crate) fn announce(&self) {
        if let Some(peers) = self.reach.peers_in(Scope::Cluster) {
            let _turn = self.announcing.lock().unwrap_or_else(PoisonError::into_inner);
            peers.serve(&self.directory.names());
        }
    }

    /// A socket has joined a namespace that is named by a pattern.
    pub(crate) fn entered(&self, name: &NamespaceName) {
        if self.directory.patterned.enter(name) {
            self.announce();
        }
    }

    /// A socket has left one.
    pub(crate) fn left(&self, name: &NamespaceName) {
        if self.directory.patterned.leave(name) {
            self.announce();
        }
        self.directory.patterned.forget(|name| self.reach.hub.forget_counts(name));
    }
}
