//! The configuration: flags over environment over file over default.
//!
//! One table, `settings`, says for each setting what it is called in each of the three and how it is
//! read. `file` and `environment` only find what was `written`; the table's readers turn it into types that
//! cannot be wrong, in a `draft`; and what only shows when all is read (rules for a namespace that has none,
//! credentials for every origin) is checked when the draft becomes a [`Config`]. Nothing is checked again later.

mod address;
mod api;
mod auth;
mod cookie;
mod defaults;
mod digest;
mod draft;
mod effective;
mod engine_path;
mod environment;
mod field;
mod file;
mod finish;
mod lines;
mod log_filter;
mod namespaces;
mod notes;
mod origin;
mod problem;
mod report;
mod rule_names;
mod rule_text;
mod settings;
mod suggest;
mod toml_text;
mod unsaid;
mod written;

use std::ffi::OsString;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};

use policy::{AddressLimits, ClientLimits, EventName, Policy};
use socketio::ServerConfig;
use socketio::engineio::proto::SessionConfig;
use socketio::engineio::{HeadersKept, HttpConfig, TrustedProxies};

pub(crate) use address::Address;
pub(crate) use defaults::defaults;
pub(crate) use effective::{Change, Effective, Held, Line, compare, page};
pub(crate) use log_filter::LogFilter;
pub(crate) use origin::Origin;
pub(crate) use problem::{Place, Problem};
pub(crate) use settings::TakesEffect;
#[cfg(test)]
pub(crate) use settings::settings;
pub(crate) use toml_text::quoted;

use crate::admin::AdminConfig;
use crate::api::ApiConfig;
use crate::auth::config::AuthConfig;
use crate::cluster::ClusterConfig;
use crate::drain::DrainConfig;
use crate::machine;
use crate::ops::OpsConfig;
use crate::tls::TlsConfig;
use draft::Draft;
use written::Written;

/// Everything an operator can say, in the words of the libraries that it is for. [`Default`] is what holds when nothing is
/// said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// Where to listen: at least one address, of which none has a part of another.
    pub(crate) listen: Vec<Address>,
    /// The certificate that is shown to those who come by TCP; without one they speak in plain.
    pub(crate) tls: Option<TlsConfig>,
    /// Who begins a connection with the PROXY protocol.
    pub(crate) proxies: TrustedProxies,
    /// The folder of the client bundle, which existed when it was read.
    pub(crate) client_dir: Option<PathBuf>,
    /// How clients leave before the relay ends.
    pub(crate) drain: DrainConfig,
    /// How many threads run the relay; `None` for one per core.
    pub(crate) worker_threads: Option<NonZeroUsize>,
    /// How connections work, and what clients may cost. The number of lanes follows from the threads, at the start.
    pub(crate) server: ServerConfig,
    /// How HTTP is spoken underneath.
    pub(crate) http: HttpConfig,
    /// What is logged, and how.
    pub(crate) log: LogConfig,
    /// How often and how much.
    pub(crate) limits: Limits,
    /// The event that tells a client that asked for no acknowledgement why an event of its was refused, if one does.
    pub(crate) errors_event: Option<EventName>,
    /// Who is believed to be who.
    pub(crate) auth: AuthConfig,
    /// With which other servers this one is one.
    pub(crate) cluster: ClusterConfig,
    /// Where operators ask.
    pub(crate) ops: OpsConfig,
    /// Where programs emit and look by HTTP.
    pub(crate) api: ApiConfig,
    /// What administrators see and do, by a page.
    pub(crate) admin: AdminConfig,
    /// The namespaces that exist (any other is refused), each with what its events mean. At least one.
    pub(crate) policy: Policy,
}

/// How often and how much a client, an address and all together may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) client: ClientLimits,
    pub(crate) address: AddressLimits,
    pub(crate) node: NodeLimits,
}

/// What all together may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NodeLimits {
    /// How many connections may begin in a second. Over it, clients are told to come back.
    pub(crate) handshakes_per_s: Option<NonZeroU32>,
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
    /// Each setting as it holds, and where it comes from.
    pub(crate) effective: Effective,
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
    let variables: Vec<_> = variables.into_iter().collect();
    draft.environment = environment::readable(&variables);
    let variables = environment::ours(variables, &mut problems);
    let named = variables.get(environment::CONFIG).map(Path::new);
    if let Some(path) = file.or(named) {
        problems.extend(file::read(path, &mut draft));
    }
    environment::apply(&variables, &mut draft, &mut problems);
    for (flag, values) in flags {
        let setting = settings::by_flag(flag);
        let place = Place::Flag(flag);
        if let Err(wrong) = setting.read(&mut draft, place.clone(), Written::Texts(values)) {
            problems.push(Problem { place, message: wrong.message });
        }
    }
    environment::forgive(&draft.named_variables, &mut problems);
    if problems.is_empty() { draft.finish() } else { Err(problems) }
}

impl Config {
    /// What follows from what was said.
    fn derive(&mut self) {
        let ServerConfig { engine, client, .. } = &mut self.server;
        engine.session.leaving_timeout = SessionConfig::default().leaving_timeout.min(self.drain.deadline / 2);
        // One event always fits into an outbox, behind another one: nobody can have the others closed as slow.
        client.limits.attachment_bytes_max = engine.outbox_bytes_max / 2;
    }
}

/// The libraries' defaults are the reference's; what is a relay's own is here.
impl Default for Config {
    fn default() -> Self {
        let mut server = ServerConfig::default();
        // Some kilobytes each: about what a machine of 1 GB holds.
        server.engine.sessions_max = 100_000;
        // No rule looks at them, and they are a kilobyte a client or more.
        server.engine.headers_kept = HeadersKept::None;
        server.engine.is_uri_kept = false;
        // What is left is for those who read. Where the machine does not say what it has, the library's default stays.
        if let Some(memory) = machine::memory_bytes() {
            server.engine.outbox_bytes_total_max = memory / 4;
        }
        let mut config = Self {
            // Both, since clients say `localhost` and resolve it to either.
            listen: vec![
                Address::Tcp((Ipv4Addr::LOCALHOST, 3000).into()),
                Address::Tcp((Ipv6Addr::LOCALHOST, 3000).into()),
            ],
            tls: None,
            proxies: TrustedProxies::default(),
            client_dir: None,
            drain: DrainConfig::default(),
            worker_threads: None,
            server,
            http: HttpConfig::default(),
            log: LogConfig::default(),
            limits: Limits::default(),
            errors_event: None,
            auth: AuthConfig::default(),
            cluster: ClusterConfig::default(),
            ops: OpsConfig::default(),
            api: ApiConfig::default(),
            admin: AdminConfig::default(),
            policy: Policy::default(),
        };
        config.derive();
        config
    }
}

impl Default for NodeLimits {
    fn default() -> Self {
        // About what two cores open while they serve those who are there; whoever another node sent away at once has
        // come back within some seconds.
        Self { handshakes_per_s: NonZeroU32::new(10_000) }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        // Some 5,000 lines: enough for a crowd that leaves at once, while somebody else has the disk.
        Self { filter: LogFilter::default(), format: LogFormat::Text, queue_bytes_max: 1024 * 1024 }
    }
}

#[cfg(test)]
mod tests;
