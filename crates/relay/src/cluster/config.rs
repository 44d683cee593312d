//! The section `[cluster]`.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use cluster::{Adapter, AtStart, Cluster, ConfigError, Format, Mode, OnGap, Pem};
use socketio::codec::Limits;

/// What is said of the cluster. It is one where a Redis is named; the rest waits for that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ClusterConfig {
    pub(crate) redis: Vec<RedisAddress>,
    pub(crate) sentinel_username: Option<String>,
    pub(crate) sentinel_password: Option<Password>,
    pub(crate) adapter: Fleet,
    pub(crate) mode: Mode,
    pub(crate) prefix: String,
    pub(crate) parser: Format,
    pub(crate) request_timeout: Duration,
    pub(crate) at_start: AtStart,
    pub(crate) outgoing_bytes_max: usize,
    pub(crate) outgoing_age_max: Duration,
    pub(crate) incoming_bytes_max: usize,
    /// In lower case.
    pub(crate) handshake_headers: Vec<String>,
    pub(crate) on_gap: OnGap,
    pub(crate) reset_spread: Duration,
    pub(crate) name: Option<String>,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) client_certificate: Option<PathBuf>,
    pub(crate) client_key: Option<PathBuf>,
}

/// What the fleet's servers have for an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fleet {
    Classic,
    Sharded,
}

/// A password by itself.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Password(pub(crate) String);

/// Where a Redis is, perhaps with a password in it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RedisAddress(pub(crate) String);

impl ClusterConfig {
    /// Whether there is a cluster at all.
    pub(crate) fn is_on(&self) -> bool {
        !self.redis.is_empty()
    }

    /// Whether any of it is by TLS.
    pub(crate) fn has_tls(&self) -> bool {
        self.library().has_tls()
    }

    /// Whether its master is asked for.
    pub(crate) fn has_sentinels(&self) -> bool {
        self.library().has_sentinels()
    }

    /// A node of it, not connected yet, if there is a cluster. Files are read. `limits` are those of a client's packets, and
    /// `rooms_max` is in how many rooms a client may be.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn node(&self, limits: Limits, rooms_max: usize) -> Result<Option<Cluster>, ConfigError> {
        if !self.is_on() {
            return Ok(None);
        }
        let mut config = self.library();
        config.limits = limits;
        config.rooms_max = rooms_max;
        Cluster::new(config).map(Some)
    }

    /// The same in the library's words.
    fn library(&self) -> cluster::ClusterConfig {
        let mut config = cluster::ClusterConfig::default();
        config.redis = self.redis.iter().map(|address| address.0.clone()).collect();
        config.sentinel_username.clone_from(&self.sentinel_username);
        config.sentinel_password = self.sentinel_password.as_ref().map(|password| password.0.clone());
        config.adapter = match self.adapter {
            Fleet::Classic => Adapter::Classic,
            Fleet::Sharded => Adapter::Sharded(self.mode),
        };
        config.prefix.clone_from(&self.prefix);
        config.parser = self.parser;
        config.request_timeout = self.request_timeout;
        config.at_start = self.at_start;
        config.outgoing_bytes_max = self.outgoing_bytes_max;
        config.outgoing_age_max = self.outgoing_age_max;
        config.incoming_bytes_max = self.incoming_bytes_max;
        config.handshake_headers.clone_from(&self.handshake_headers);
        config.on_gap = self.on_gap;
        config.reset_spread = self.reset_spread;
        config.name.clone_from(&self.name);
        let file = |path: &PathBuf| Pem::File(path.clone());
        config.ca = self.ca.as_ref().map(file);
        config.client_certificate =
            self.client_certificate.as_ref().zip(self.client_key.as_ref()).map(|(one, key)| (file(one), file(key)));
        config
    }
}

impl Default for ClusterConfig {
    fn default() -> Self {
        let library = cluster::ClusterConfig::default();
        Self {
            redis: Vec::new(),
            sentinel_username: None,
            sentinel_password: None,
            adapter: Fleet::Classic,
            mode: Mode::default(),
            prefix: library.prefix,
            parser: library.parser,
            request_timeout: library.request_timeout,
            at_start: library.at_start,
            outgoing_bytes_max: library.outgoing_bytes_max,
            outgoing_age_max: library.outgoing_age_max,
            incoming_bytes_max: library.incoming_bytes_max,
            handshake_headers: library.handshake_headers,
            on_gap: library.on_gap,
            reset_spread: library.reset_spread,
            name: None,
            ca: None,
            client_certificate: None,
            client_key: None,
        }
    }
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// No log and no message has it.
impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// No log and no message has it.
impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisAddress(…)")
    }
}
