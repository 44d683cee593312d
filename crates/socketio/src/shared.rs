//! What all connections of a server have in common.

use std::sync::Arc;

use hub::ClientConfig;

use crate::closes::Closes;
use crate::directory::Directory;
use crate::reach::Reach;
use crate::supervisor::Supervisor;

/// What a connection needs of its server.
pub(crate) struct Shared {
    pub(crate) reach: Arc<Reach>,
    /// Of the tasks that deliver. A kept socket does not keep them: there is nobody left to deliver to.
    pub(crate) supervisor: Supervisor,
    pub(crate) directory: Directory,
    pub(crate) client: Arc<ClientConfig>,
    pub(crate) closes: Closes,
}
