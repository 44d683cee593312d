//! A configuration while it is being read.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use policy::{Auth, ClientLimits, Rules};
use socketio::NamespaceName;
use socketio::engineio::{CookieConfig, EngineConfig};

use super::effective::Listing;
use super::notes::Notes;
use super::report::Report;
use super::unsaid::TLS_REREAD;
use super::{Config, Origin, Place, Problem};
use crate::auth::config::WebhookConfig;

/// The key of the list of issuers.
pub(crate) const ISSUER: &str = "auth.issuer";

/// The key of the list of static tokens.
pub(crate) const TOKEN: &str = "auth.token";

/// The key of the list of keys.
pub(crate) const API_KEY: &str = "api.key";

/// What was read so far: the configuration itself, and the parts that make sense only together.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) config: Config,
    pub(crate) origins: Origins,
    pub(crate) credentials: bool,
    pub(crate) cookie: Option<CookieConfig>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) tls_reread: Duration,
    pub(crate) api_certificate: Option<PathBuf>,
    pub(crate) api_key: Option<PathBuf>,
    pub(crate) compression: bool,
    pub(crate) compression_threshold_bytes: usize,
    pub(crate) outbox_bytes_max: Option<usize>,
    pub(crate) outbox_bytes_total_max: Option<usize>,
    pub(crate) client_events_per_s: u32,
    pub(crate) client_events_burst: Option<u32>,
    /// The namespaces of the file, in its order.
    pub(crate) namespaces: Vec<NamespaceDraft>,
    /// The rules of the namespace `/`, when a variable or a flag replaces those of the file.
    pub(crate) root_rules: Option<Rules>,
    /// The namespaces for which clients have to be known, unless they say themselves.
    pub(crate) auth_required: Vec<NamespaceName>,
    pub(crate) webhook: Option<WebhookDraft>,
    /// The environment, of which the configuration may name variables with secrets.
    pub(crate) environment: HashMap<String, String>,
    /// Those that it names.
    pub(crate) named_variables: HashSet<String>,
    /// What works, but may not be meant.
    pub(crate) warnings: Vec<Problem>,
    /// The folder that relative paths are relative to: the file's own while it is read.
    pub(crate) folder: PathBuf,
    /// What else was noted.
    pub(crate) notes: Notes,
}

/// The origins that may connect, before it is known whether with credentials.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Origins {
    #[default]
    None,
    Any,
    Listed(Vec<Origin>),
}

/// A namespace of the file.
#[derive(Debug)]
pub(crate) struct NamespaceDraft {
    pub(crate) name: NamespaceName,
    pub(crate) auth: Option<Auth>,
    pub(crate) rules: Rules,
    pub(crate) place: Place,
}

/// The webhook while it is read: perhaps not yet with its address.
#[derive(Debug)]
pub(crate) struct WebhookDraft {
    pub(crate) url: Option<Uri>,
    /// The rest.
    pub(crate) config: WebhookConfig,
}

impl Default for WebhookDraft {
    fn default() -> Self {
        Self { url: None, config: WebhookConfig::new(Uri::default()) }
    }
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            config: Config::default(),
            origins: Origins::default(),
            credentials: false,
            cookie: None,
            certificate: None,
            key: None,
            tls_reread: TLS_REREAD,
            api_certificate: None,
            api_key: None,
            compression: true,
            compression_threshold_bytes: EngineConfig::default().compression_threshold_bytes.unwrap_or_default(),
            outbox_bytes_max: None,
            outbox_bytes_total_max: None,
            client_events_per_s: ClientLimits::default().events.map_or(0, |rate| rate.per_s()),
            client_events_burst: None,
            namespaces: Vec::new(),
            root_rules: None,
            auth_required: Vec::new(),
            webhook: None,
            environment: HashMap::new(),
            named_variables: HashSet::new(),
            warnings: Vec::new(),
            folder: PathBuf::new(),
            notes: Notes::default(),
        }
    }
}

impl Draft {
    /// Notes what a list of tables of the file says.
    pub(crate) fn listing<'a, 'r>(&'a mut self, report: &'a Report<'r>) -> Listing<'a, 'r> {
        Listing { notes: &mut self.notes, report, folder: &self.folder }
    }
}
