//! What an operator can set.

use std::time::Duration;

use engineio_proto::{SessionConfig, Transport};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::http::{CookieConfig, CorsConfig};

/// The settings of an [`Engine`](crate::Engine). [`Default`] is what the reference server uses, where it has
/// the setting.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Which of the opening request's headers a session keeps for the application.
    pub headers_kept: HeadersKept,
    /// How many sessions there may be at once; further ones are answered 503.
    pub sessions_max: usize,
}

/// Headers that outlive their request, in memory of their own: as they came, they would keep hyper's whole buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeadersKept {
    /// All of them: a kilobyte or two for a browser.
    All,
    /// These.
    Only(Vec<HeaderName>),
    /// None.
    None,
}

impl HeadersKept {
    pub(crate) fn pick(&self, headers: &HeaderMap) -> HeaderMap {
        let is_kept = |name: &HeaderName| match self {
            Self::All => true,
            Self::Only(names) => names.contains(name),
            Self::None => false,
        };
        let mut picked = HeaderMap::new();
        for (name, value) in headers.iter().filter(|(name, _)| is_kept(name)) {
            if let Ok(mut copy) = HeaderValue::from_bytes(value.as_bytes()) {
                copy.set_sensitive(value.is_sensitive());
                picked.append(name.clone(), copy);
            }
        }
        picked
    }
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
            headers_kept: HeadersKept::All,
            sessions_max: 1_000_000,
        }
    }
}
