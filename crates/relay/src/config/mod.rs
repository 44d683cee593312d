//! The configuration: flags over environment over file over default.
//!
//! One table, `settings::SETTINGS`, says for each setting what it is called in each of the three and how it is
//! read. `file` and `environment` only find what was `written`; the table's readers turn it into types that
//! cannot be wrong, in a `draft`; and what only shows when all is read (rules for a namespace that has none,
//! credentials for every origin) is checked when the draft becomes a [`Config`]. Nothing is checked again later.

mod cookie;
mod draft;
mod engine_path;
mod environment;
mod file;
mod log_filter;
mod namespaces;
mod origin;
mod problem;
mod rule_text;
mod settings;
mod suggest;
mod written;

use std::collections::HashMap;
use std::ffi::OsString;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use cookie::{Cookie, SameSite};
pub(crate) use engine_path::EnginePath;
pub(crate) use log_filter::LogFilter;
pub(crate) use origin::Origin;
pub(crate) use problem::{Place, Problem};
#[cfg(test)]
pub(crate) use settings::SETTINGS;

use crate::names::NamespaceName;
use crate::rules::Rules;
use draft::Draft;
use written::Written;

/// Everything an operator can say. [`Default`] is what holds when nothing is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// Where to listen: at least one address, none twice.
    pub(crate) listen: Vec<SocketAddr>,
    /// The path under which Socket.IO is served.
    pub(crate) path: EnginePath,
    /// The folder of the client bundle, which existed when it was read.
    pub(crate) client_dir: Option<PathBuf>,
    /// How long a shutdown may take.
    pub(crate) shutdown_deadline: Duration,
    /// How many threads run the relay; `None` for one per core.
    pub(crate) worker_threads: Option<NonZeroUsize>,
    /// How a connection works.
    pub(crate) engine: EngineConfig,
    /// Which pages may connect.
    pub(crate) cors: Cors,
    /// What clients may cost.
    pub(crate) limits: Limits,
    /// What is logged, and how.
    pub(crate) log: LogConfig,
    /// The namespaces that exist (any other is refused), each with what its events mean. At least one.
    pub(crate) namespaces: HashMap<NamespaceName, Rules>,
}

/// How a connection works; the defaults are the reference's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EngineConfig {
    pub(crate) ping_interval: Duration,
    pub(crate) ping_timeout: Duration,
    /// How long a WebSocket may take to complete an upgrade.
    pub(crate) upgrade_timeout: Duration,
    /// How long a client may take to connect to its first namespace.
    pub(crate) connect_timeout: Duration,
    /// The largest message, and the largest body of a post, in bytes.
    pub(crate) max_payload_bytes: usize,
    pub(crate) transports: Transports,
    /// Whether a polling client is offered the WebSocket. Says nothing unless both transports are allowed.
    pub(crate) allow_upgrades: bool,
    /// Whether polling answers from `http_compression_threshold_bytes` on are compressed for clients that accept it.
    pub(crate) http_compression: bool,
    pub(crate) http_compression_threshold_bytes: usize,
    /// The cookie that carries the session's id; `None` sets none.
    pub(crate) cookie: Option<Cookie>,
}

/// The transports that clients may use: at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transports {
    Both,
    PollingOnly,
    WebSocketOnly,
}

/// Which pages of other origins may connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cors {
    /// None: no CORS header is ever sent.
    Off,
    /// All, without credentials (browsers refuse the combination): `Access-Control-Allow-Origin: *`.
    Any,
    /// These, at least one, none twice: the matching one is answered, with `Vary: Origin`.
    Listed { origins: Vec<Origin>, credentials: bool },
}

/// What clients may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limits {
    /// How many sessions there may be at once.
    pub(crate) sessions_max: usize,
    /// How many bytes may wait for one client before it is closed as a slow consumer.
    pub(crate) outbox_bytes_max: usize,
    /// How long a client may take nothing of what waits for it before it is closed as a slow consumer.
    pub(crate) outbox_stall_max: Duration,
    /// How many attachments one event may have.
    pub(crate) attachments_max: usize,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogConfig {
    pub(crate) filter: LogFilter,
    pub(crate) format: LogFormat,
    /// How many bytes of lines may wait to be written before further ones are dropped.
    pub(crate) queue_bytes_max: usize,
}

/// How a line of the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// A configuration, and what its author may not have meant.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    pub(crate) warnings: Vec<Problem>,
}

/// Reads the file (the one given, else the one that `FANFARE_CONFIG` names, else none), the environment's
/// `variables` and the `flags`, each with its values.
///
/// # Errors
/// All that is wrong, in the order in which it is read. What only shows when everything is read is reported once
/// each part is right by itself.
pub(crate) fn load(
    file: Option<&Path>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    flags: &[(&'static str, Vec<String>)],
) -> Result<Loaded, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut draft = Draft::default();
    let variables = environment::ours(variables, &mut problems);
    let named = variables.get(environment::CONFIG).map(Path::new);
    if let Some(path) = file.or(named) {
        problems.extend(file::read(path, &mut draft));
    }
    environment::apply(&variables, &mut draft, &mut problems);
    for (flag, values) in flags {
        let setting = settings::by_flag(flag);
        let place = Place::Flag(flag);
        if let Err(wrong) = draft.set(setting, place.clone(), Written::Texts(values)) {
            problems.push(Problem { place, message: wrong.message });
        }
    }
    if problems.is_empty() { draft.finish() } else { Err(problems) }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            // Both, since clients say `localhost` and resolve it to either.
            listen: vec![(Ipv4Addr::LOCALHOST, 3000).into(), (Ipv6Addr::LOCALHOST, 3000).into()],
            path: EnginePath::default(),
            client_dir: None,
            shutdown_deadline: Duration::from_secs(10),
            worker_threads: None,
            engine: EngineConfig::default(),
            cors: Cors::Off,
            limits: Limits::default(),
            log: LogConfig::default(),
            namespaces: HashMap::from([(NamespaceName::root(), Rules::open())]),
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        // Some 5,000 lines: enough for a crowd that leaves at once, while somebody else has the disk.
        Self { filter: LogFilter::default(), format: LogFormat::Text, queue_bytes_max: 1024 * 1024 }
    }
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            upgrade_timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(45),
            max_payload_bytes: 1_000_000,
            transports: Transports::Both,
            allow_upgrades: true,
            http_compression: true,
            http_compression_threshold_bytes: 1024,
            cookie: None,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Some kilobytes each: about what a machine of 1 GB holds.
            sessions_max: 100_000,
            outbox_bytes_max: 16 * 1024 * 1024,
            // As long as an unanswered ping, by which such a client would be found anyway.
            outbox_stall_max: Duration::from_secs(20),
            attachments_max: 10,
        }
    }
}

#[cfg(test)]
mod tests;
