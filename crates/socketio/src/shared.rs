//! What all connections of a server have in common.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use hub::ClientConfig;
use socketio_codec::Namespace as NamespaceName;

use crate::closes::Closes;
use crate::directory::Directory;
use crate::namespace::Namespace;
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

    /// Adds a namespace. The peers hear of it before anybody can be in it: what is emitted there is for them, too.
    pub(crate) fn add(&self, name: NamespaceName, namespace: Arc<dyn Namespace>) {
        // Dropped at the end, behind the lock: it is the program's, and may do anything then.
        let _replaced;
        let _turn = self.announcing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(peers) = self.reach.peers_in(Scope::Cluster) {
            let mut names = self.directory.names();
            if !names.contains(&name) {
                names.push(name.clone());
                peers.serve(&names);
            }
        }
        _replaced = self.directory.add(name, namespace);
    }

    /// A socket is about to join a namespace that is named by a pattern. Also who is second there waits until the peers know of
    /// it.
    pub(crate) fn entered(&self, name: &NamespaceName) {
        let peers = self.reach.peers_in(Scope::Cluster);
        let _turn = peers.map(|_| self.announcing.lock().unwrap_or_else(PoisonError::into_inner));
        let is_first = self.directory.patterned.enter(name);
        if let Some(peers) = peers.filter(|_| is_first) {
            peers.serve(&self.directory.names());
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
