//! What a node's operator says.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use cluster_proto::connection::AtStart;
use cluster_proto::peers::OnGap;
use cluster_proto::wire::{Format, Mode};
use socketio::codec::Limits;

use crate::config_error::ConfigError;
use crate::link::{Access, Topology};

/// Where Redis is, what the fleet speaks, and what may wait.
///
/// ```
/// use fanfare_cluster::{Adapter, ClusterConfig};
///
/// let mut config = ClusterConfig::at("redis://127.0.0.1:6379");
/// config.adapter = Adapter::Classic;
/// config.prefix = "my-app".to_owned();
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct ClusterConfig {
    /// Where Redis or Valkey is:
    ///
    /// - `redis://user:password@host:port`, `rediss://…` with TLS, `unix:///path/to/socket`;
    /// - `redis+sentinel://host:port,host2:port/service`, `rediss+sentinel://…`: the master is asked for at each connection;
    /// - `redis+cluster://host:port,host2:port`, `rediss+cluster://…`, or several of the first kind: a Redis Cluster.
    ///
    /// What has a meaning in a URL is written `%40` and so on, in a user and password too. A host's name is ASCII: what has other
    /// letters is written in punycode. A number of a database may stand there, and means nothing: messages have no database.
    pub redis: Vec<String>,
    /// As whom sentinels are come to, where `redis` has some that ask: user and password in the URL are the master's. The user may
    /// be left out; an empty password is none.
    pub sentinel_username: Option<String>,
    /// The password for the sentinels.
    pub sentinel_password: Option<String>,
    /// What the fleet's servers have for an adapter.
    pub adapter: Adapter,
    /// With what all channels begin: Node's `key`, or `channelPrefix`.
    pub prefix: String,
    /// How this node writes events; it reads both. For the classic adapter only.
    pub parser: Format,
    /// How long a question may take: `requestsTimeout`.
    pub request_timeout: Duration,
    /// What an unreachable Redis means while the node starts.
    pub at_start: AtStart,
    /// How much may wait for Redis, in bytes; an answer to another node may be as large, and waits in a place of its own.
    pub outgoing_bytes_max: usize,
    /// And how long. What comes later is a flood of what was.
    pub outgoing_age_max: Duration,
    /// How much of what others say may wait to be done here, in bytes, and as much again of their answers. More is dropped and
    /// counted.
    pub incoming_bytes_max: usize,
    /// Which headers of a client's handshake `fetchSockets` shows to whoever may read that Redis, of those that
    /// [`EngineConfig::headers_kept`](socketio::engineio::EngineConfig::headers_kept) keeps.
    pub handshake_headers: Vec<String>,
    /// What is done where something was missed.
    pub on_gap: OnGap,
    /// Over how long sockets are closed by [`OnGap::Reset`].
    pub reset_spread: Duration,
    /// What the operator calls this node. Other Fanfare nodes know it by that over a restart.
    pub name: Option<String>,
    /// Whom to trust, instead of the system's certificates: those of a PEM file.
    pub ca: Option<Pem>,
    /// As whom to introduce ourselves: a certificate and its key.
    pub client_certificate: Option<(Pem, Pem)>,
    /// In how many rooms others may have a socket of this node be. What they want beyond that is refused and counted.
    pub rooms_max: usize,
    /// What values of others may hold: the bounds of a client's packet, since it is clients who get them.
    pub limits: Limits,
}

/// What the fleet's servers have for an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Adapter {
    /// `createAdapter` of `@socket.io/redis-adapter`, and every emitter.
    #[default]
    Classic,
    /// `createShardedAdapter`, for Redis 7. Emitters do not reach it.
    Sharded(Mode),
}

impl Adapter {
    /// Whether it is the sharded one, in whichever mode.
    pub(crate) const fn is_sharded(self) -> bool {
        matches!(self, Self::Sharded(_))
    }
}

/// Certificates or a key.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pem {
    /// The file they are in.
    File(PathBuf),
    /// The text itself.
    Text(Vec<u8>),
}

impl ClusterConfig {
    /// Whether a connection to Redis is encrypted, as its addresses say; not so where one is wrong.
    pub fn has_tls(&self) -> bool {
        Topology::parse(&self.redis).is_ok_and(|topology| topology.has_tls())
    }

    /// Whether the master is asked for, as the addresses say; not so where one is wrong.
    pub fn has_sentinels(&self) -> bool {
        matches!(Topology::parse(&self.redis), Ok(Topology::Sentinel { .. }))
    }

    pub(crate) fn sentinel_access(&self) -> Result<Access, ConfigError> {
        let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let access = Access { user: some(&self.sentinel_username), password: some(&self.sentinel_password) };
        match access {
            Access { user: Some(_), password: None } => Err(ConfigError::SentinelPassword),
            _ => Ok(access),
        }
    }

    /// All as it is by default, with the Redis that is there.
    pub fn at(redis: impl Into<String>) -> Self {
        Self { redis: vec![redis.into()], ..Self::default() }
    }
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            redis: Vec::new(),
            sentinel_username: None,
            sentinel_password: None,
            adapter: Adapter::Classic,
            prefix: "socket.io".to_owned(),
            parser: Format::Msgpack,
            request_timeout: Duration::from_secs(5),
            at_start: AtStart::Wait,
            outgoing_bytes_max: 8 << 20,
            outgoing_age_max: Duration::from_secs(2),
            incoming_bytes_max: 32 << 20,
            handshake_headers: Vec::new(),
            on_gap: OnGap::Count,
            reset_spread: Duration::from_secs(10),
            rooms_max: 1000,
            name: None,
            ca: None,
            client_certificate: None,
            limits: Limits::default(),
        }
    }
}

/// Without the addresses, the sentinels' password and the key: they have passwords in them, and are one.
impl fmt::Debug for ClusterConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterConfig")
            .field("redis", &self.redis.len())
            .field("adapter", &self.adapter)
            .field("prefix", &self.prefix)
            .field("parser", &self.parser)
            .field("at_start", &self.at_start)
            .field("name", &self.name)
            .field("ca", &self.ca)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Text(_) => f.write_str("Text(..)"),
        }
    }
}
