//! What all connections of a server have in common.

use std::sync::{Arc, PoisonError, RwLock};

use hub::ClientConfig;

use crate::closes::Closes;
use crate::directory::Directory;
use crate::reach::Reach;
use crate::removal::Removals;
use crate::supervisor::Supervisor;

/// What a connection needs of its server.
pub(crate) struct Shared {
    pub(crate) reach: Arc<Reach>,
    /// Of the tasks that deliver. A kept socket does not keep them: there is nobody left to deliver to.
    pub(crate) supervisor: Supervisor,
    pub(crate) directory: Directory,
    pub(crate) removals: Removals,
    /// Of the clients that connect from now on.
    pub(crate) client: RwLock<Arc<ClientConfig>>,
    pub(crate) closes: Closes,
}

impl Shared {
    /// The bounds of a client that connects now. It keeps them.
    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.client.read().unwrap_or_else(PoisonError::into_inner))
    }
}
