//! What all connections of a server have in common.

use std::sync::Arc;

use hub::ClientConfig;

use crate::closes::Closes;
use crate::directory::Directory;
use crate::reach::Reach;

/// What a connection needs of its server.
pub(crate) struct Shared {
    pub(crate) reach: Arc<Reach>,
    pub(crate) directory: Directory,
    pub(crate) client: Arc<ClientConfig>,
    pub(crate) closes: Closes,
}
