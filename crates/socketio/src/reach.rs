//! What reaches sockets.

use std::num::NonZeroUsize;
use std::sync::Arc;

use hub::{AcksConfig, Hub, MailboxConfig};

use crate::acks::AckTable;
use crate::lanes;
use crate::supervisor::{Supervisor, Tasks};

/// All that is needed to send to sockets, and to be answered: a kept [`Socket`](crate::Socket) keeps this, and so
/// the hub with its lanes, but not the server.
pub(crate) struct Reach {
    pub(crate) hub: Arc<Hub>,
    pub(crate) acks: Arc<AckTable>,
    pub(crate) supervisor: Supervisor,
}

impl Reach {
    /// Starts the tasks that deliver, which live as long as this.
    pub(crate) fn start(lanes: NonZeroUsize, mailbox: MailboxConfig, acks: AcksConfig) -> Self {
        let hub = Arc::new(Hub::new(lanes, mailbox));
        let acks = Arc::new(AckTable::new(acks));
        let mut tasks = Tasks::default();
        for index in 0..lanes.get() {
            tasks.spawn("delivers events", lanes::run(Arc::clone(&hub), index));
        }
        tasks.spawn("lets acknowledgements expire", Arc::clone(&acks).run());
        Self { hub, acks, supervisor: Supervisor::new(tasks) }
    }
}
