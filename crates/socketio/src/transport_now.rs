//! By which transport a client is connected.

use std::fmt;
use std::sync::Arc;

use engineio::Link;
use engineio::proto::Transport;

/// By which transport a client's connection is spoken now: most begin by polling, and upgrade. Cheap to clone, and to ask.
#[derive(Clone)]
pub struct TransportNow {
    opened_on: Transport,
    link: Arc<Link>,
}

impl TransportNow {
    pub(crate) fn new(opened_on: Transport, link: Arc<Link>) -> Self {
        Self { opened_on, link }
    }

    /// The transport; of a connection that is over, its last.
    pub fn get(&self) -> Transport {
        if self.link.has_upgraded() { Transport::WebSocket } else { self.opened_on }
    }
}

impl fmt::Debug for TransportNow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TransportNow").field(&self.get()).finish()
    }
}
