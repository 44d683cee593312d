//! What a program can set.

use std::num::NonZeroUsize;

use engineio::EngineConfig;
use hub::{AcksConfig, ClientConfig, LaneConfig, MailboxConfig};

/// The settings of a [`Server`](crate::Server). [`Server::reconfigure`](crate::Server::reconfigure) changes the first two while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerConfig {
    /// Those of the connections underneath. The path is `/socket.io/` unless changed.
    pub engine: EngineConfig,
    /// The bounds of one client, from when it connects until it goes: others count for those that connect from then on.
    pub client: ClientConfig,
    /// How much may wait for a lane before clients are read more slowly.
    pub mailbox: MailboxConfig,
    /// How much a lane does at a time, and how long fast senders wait for slow readers.
    pub lane: LaneConfig,
    /// How many acknowledgements may be waited for.
    pub acks: AcksConfig,
    /// How many tasks share the work of delivering. `None`: as many as the runtime has threads, which is what
    /// delivers most; more only divides what can be sent at once.
    pub lanes: Option<NonZeroUsize>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        let mut engine = EngineConfig::default();
        engine.path = "/socket.io/".into();
        Self {
            engine,
            client: ClientConfig::default(),
            mailbox: MailboxConfig::default(),
            lane: LaneConfig::default(),
            acks: AcksConfig::default(),
            lanes: None,
        }
    }
}
