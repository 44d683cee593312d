//! What an operator can set.

use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

use engineio_proto::{SessionConfig, Transport};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::extensions_kept::ExtensionsKept;
use crate::http::{CookieConfig, CorsConfig, OriginConfig, TrustedProxies};

/// The settings of an [`Engine`](crate::Engine). [`Default`] is what the reference server uses, where it has
/// the setting.
///
/// [`Engine::reconfigure`](crate::Engine::reconfigure) changes them while there are sessions. If nothing else is said of a
/// setting, a change of it counts for the requests that come from then on, of sessions there are as of others.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineConfig {
    /// Where it is mounted; a request belongs to the engine when its path starts with this. It cannot
    /// change.
    pub path: String,
    /// The times and sizes of a session. A change counts for sessions that begin: the others keep what their clients were
    /// told. (For how long a connection may take to become a WebSocket is a matter of the request.)
    pub session: SessionConfig,
    /// The transports on offer. A session there is goes on by its own, whatever they change to.
    pub transports: Vec<Transport>,
    /// Whether a polling session may change over to WebSocket.
    pub allow_upgrades: bool,
    /// The cookie that a new session's answer sets, if any.
    pub cookie: Option<CookieConfig>,
    /// Who may read answers from another origin. `None`: no header is sent, and browsers allow nobody.
    pub cors: Option<CorsConfig>,
    /// Which pages may use it at all. Polls are asked like any request: a page that may not any more loses its session.
    pub origin: OriginConfig,
    /// Proxies in front of the server. Of whom they pass on, `X-Forwarded-For` (or else `Forwarded`) is the address, and
    /// `X-Forwarded-Host` the host that was asked for. They must not pass on the one of the former that they do not write.
    pub trusted_proxies: TrustedProxies,
    /// From how many bytes on an answer to a poll is compressed, if the client accepts that. `None`: never.
    pub compression_threshold_bytes: Option<usize>,
    /// How many large answers are compressed at once; beyond that they go as they are. It cannot change.
    pub compressions_max: NonZeroUsize,
    /// How many bytes may wait for one client before it is closed as a slow consumer. A change counts for
    /// sessions that begin.
    pub outbox_bytes_max: usize,
    /// How many bytes may wait for all clients together; what several wait for counts once. Over it the slowest are
    /// closed; which a change may lead to at once.
    pub outbox_bytes_total_max: usize,
    /// For how long bytes may wait for one client without any leaving before it is closed as a slow consumer. A
    /// change counts for all sessions; one that stalls already is judged by it when its task next runs, which is at the
    /// latest when the former time is over.
    pub outbox_stall_max: Duration,
    /// How long the layer above may take to decide about a handshake; then it is answered 503.
    pub handshake_timeout: Duration,
    /// How long nothing may come of the body of a post.
    pub body_stall_max: Duration,
    /// How long the body of a post may take to arrive, however steadily it comes.
    pub body_timeout: Duration,
    /// Which of the opening request's headers a session keeps for the application. A change counts for sessions that begin.
    pub headers_kept: HeadersKept,
    /// Whether a session keeps the opening request's path and query for the application: up to 64 KiB of them. If not,
    /// they are there while it is decided upon, and `/` after that. A change counts for sessions that begin.
    pub is_uri_kept: bool,
    /// Which of the opening request's extensions a session keeps for the application. A change counts for sessions that begin.
    pub extensions_kept: ExtensionsKept,
    /// How many sessions there may be at once; further ones are answered 503. Nobody is closed when it becomes less
    /// than there are.
    pub sessions_max: usize,
}

/// Headers that outlive their request, in memory of their own: as they came, they would keep hyper's whole buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
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
            origin: OriginConfig::default(),
            trusted_proxies: TrustedProxies::default(),
            compression_threshold_bytes: Some(1024),
            // The others' part of the machine is never less than a core, if it has two.
            compressions_max: thread::available_parallelism()
                .ok()
                .and_then(|cores| NonZeroUsize::new(cores.get() - 1))
                .unwrap_or(NonZeroUsize::MIN),
            // More than the largest Socket.IO packet (10 attachments of 1 MB). What waits is shared between all who
            // wait for it, so a hundred stalled clients do not hold a hundred times as much.
            outbox_bytes_max: 16 << 20,
            // A program that knows its machine says how much of it.
            outbox_bytes_total_max: 1 << 30,
            // As long as a ping may take: a client that is slower than that is gone anyway.
            outbox_stall_max: Duration::from_secs(20),
            // Below the 20 s after which official clients give up a connection attempt.
            handshake_timeout: Duration::from_secs(15),
            // The tail of a mobile network's silence; a client that is pinged meanwhile is as patient.
            body_stall_max: Duration::from_secs(20),
            // As the reference. A megabyte in that time is 27 kbit/s.
            body_timeout: Duration::from_secs(300),
            headers_kept: HeadersKept::All,
            is_uri_kept: true,
            extensions_kept: ExtensionsKept::All,
            sessions_max: 1_000_000,
        }
    }
}
