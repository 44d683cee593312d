//! What an operator can set.

use std::time::Duration;

use engineio_proto::{SessionConfig, Transport};

use crate::http::{CookieConfig, CorsConfig};

/// The settings of an [`Engine`](crate::Engine). [`Default`] is what the reference server uses, where it has
/// the setting.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Where it is mounted; a request belongs to the engine when its path starts with this.
    pub path: String,
    /// The times and sizes of a session.
    pub session: SessionConfig,
    /// The transports on offer.
    pub transports: Vec<Transport>,
    /// Whether a polling session may change over to WebSocket.
    pub allow_upgrades: bool,
    /// The cookie that a new session's answer sets, if any.
    pub cookie: Option<CookieConfig>,
    /// Who may read answers from another origin. `None`: no header is sent, and browsers allow nobody.
    pub cors: Option<CorsConfig>,
    /// From how many bytes on an answer to a poll is compressed, if the client accepts that. `None`: never.
    pub compression_threshold_bytes: Option<usize>,
    /// How many bytes may wait for one client before it is closed as a slow consumer.
    pub outbox_bytes_max: usize,
    /// For how long bytes may wait for one client without any leaving before it is closed as a slow consumer.
    pub outbox_stall_max: Duration,
    /// How long the body of a post may take to arrive.
    pub body_timeout: Duration,
    /// How many sessions there may be at once; further ones are answered 503.
    pub sessions_max: usize,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            path: "/engine.io/".into(),
            session: SessionConfig::default(),
            transports: vec![Transport::Polling, Transport::WebSocket],
            allow_upgrades: true,
            cookie: None,
            cors: None,
            compression_threshold_bytes: Some(1024),
            // More than the largest Socket.IO packet (10 attachments of 1 MB). What waits is shared between all who
            // wait for it, so a hundred stalled clients do not hold a hundred times as much.
            outbox_bytes_max: 16 << 20,
            // As long as a ping may take: a client that is slower than that is gone anyway.
            outbox_stall_max: Duration::from_secs(20),
            body_timeout: Duration::from_secs(20),
            sessions_max: 1_000_000,
        }
    }
}
