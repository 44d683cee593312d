//! The official Admin UI: a page by which administrators see what is going on, and act.
//!
//! The page is npm's `@socket.io/admin-ui`, unchanged; here is the server's side of it, a namespace like any other.
//!
//! In reading order: [`config`] (the section `[admin]`), [`door`] (who is let in) with [`login`], [`tries`] and [`sessions`],
//! [`administrator`] (who is in) and its [`commands`], [`reporter`] with [`statistics`] (what all are told every two seconds),
//! [`mod@development`] (what they are told of each client and event, if that is on), [`pace`]; [`page`] (the page's files), [`metrics`]
//! with [`counts`]; and [`password_command`], which makes the hash of a password.

mod administrator;
mod commands;
mod config;
mod counts;
mod development;
mod door;
mod login;
mod metrics;
mod pace;
mod page;
pub(crate) mod password_command;
mod reporter;
mod sessions;
mod statistics;
mod tries;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use aws_lc_rs::rand;
use socketio::codec::Limits;
use socketio::{Broadcast, Server, ServerBuilder};

pub(crate) use config::{AdminAuth, AdminConfig, Mode, PasswordHash};
pub(crate) use development::{Development, SHOWN_HEADERS, Watch};
pub(crate) use door::FORWARDED;
pub(crate) use metrics::AdminMetrics;
pub(crate) use page::{PAGE_PATH, Page};

use crate::config::Config;
use crate::relay::Live;
use counts::Counts;
use door::Door;
use login::Logins;
use sessions::Sessions;

/// What administrators have in common.
#[derive(Debug)]
pub(crate) struct Admin {
    live: Arc<Live>,
    terms: RwLock<Arc<Terms>>,
    page: RwLock<Option<Arc<Page>>>,
    sessions: Mutex<Sessions>,
    logins: Logins,
    counts: Counts,
    development: Arc<Development>,
    server: OnceLock<Server>,
    hostname: String,
    is_cluster: bool,
    started: Instant,
}

/// What holds for administrators: other terms after a reload.
#[derive(Debug)]
struct Terms {
    number: u64,
    config: AdminConfig,
    server_id: String,
    /// What the page may show and do, in its words.
    features: Vec<&'static str>,
    /// Of one event, as of one that a client sends.
    limits: Limits,
}

impl Admin {
    pub(crate) fn new(
        config: &Config,
        live: &Arc<Live>,
        page: Option<Page>,
        development: Arc<Development>,
    ) -> Arc<Self> {
        let (hostname, is_cluster) = (hostname(), config.cluster.is_on());
        let terms = Terms::of(config, 1, &hostname);
        Arc::new(Self {
            live: Arc::clone(live),
            terms: RwLock::new(Arc::new(terms)),
            page: RwLock::new(page.map(Arc::new)),
            sessions: Mutex::default(),
            logins: Logins::default(),
            counts: Counts::default(),
            development,
            server: OnceLock::new(),
            hostname,
            is_cluster,
            started: Instant::now(),
        })
    }

    /// The server has the namespace from its start on, if there is to be one: a cluster is joined with what there is then.
    pub(crate) fn open_in(self: &Arc<Self>, builder: ServerBuilder) -> ServerBuilder {
        let config = &self.terms().config;
        if !config.is_on() {
            return builder;
        }
        let opened = builder.namespace(config.namespace.as_str(), Door(Arc::clone(self)));
        opened.expect("it was parsed as a name")
    }

    /// Begins to report in the namespace. Before clients are accepted.
    pub(crate) fn begin(self: &Arc<Self>, server: &Server, is_secure: bool) {
        // It is called once. The server has the namespace, which has this: they end with the process.
        let _ = self.server.set(server.clone());
        self.development.begin(server.clone(), self.is_cluster, is_secure);
        self.open(server);
        tokio::spawn(reporter::report(Arc::clone(self), server.clone(), self.is_cluster));
    }

    /// Has another configuration hold. Whoever is in is sent away if it is another for them, and comes back to that; with
    /// another password, only by that.
    pub(crate) fn set(self: &Arc<Self>, config: &Config, page: Option<Page>) {
        *self.page.write().unwrap_or_else(PoisonError::into_inner) = page.map(Arc::new);
        let old = self.terms();
        let mut next = Terms::of(config, old.number, &self.hostname);
        let is_same_for_them =
            AdminConfig { dir: None, ..old.config.clone() } == AdminConfig { dir: None, ..next.config.clone() };
        if is_same_for_them && old.limits == next.limits {
            return;
        }
        next.number += 1;
        let (was, is) = (old.config.clone(), next.config.clone());
        *self.terms.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        if !was.admits_as(&is) {
            self.sessions().end_all();
        }
        let Some(server) = self.server.get() else { return };
        let stays = was.is_on() && is.is_on() && was.namespace == is.namespace;
        if was.is_on() && !stays {
            server.remove_namespace(was.namespace.as_str(), Duration::ZERO);
        }
        self.open(server);
        if let Some(administrators) = self.everyone(is.namespace.as_str()).filter(|_| stays) {
            administrators.local().hang_up(CHANGED);
        }
    }

    fn open(self: &Arc<Self>, server: &Server) {
        let terms = self.terms();
        let (is_on, namespace) = (terms.config.is_on(), &terms.config.namespace);
        self.development.set(is_on && terms.config.mode == Mode::Development, is_on.then(|| namespace.clone()));
        if !is_on {
            return;
        }
        // It was parsed as a name.
        let _ = server.add_namespace(namespace.as_str(), Door(Arc::clone(self)));
        if terms.config.auth == AdminAuth::None {
            tracing::warn!(%namespace, "whoever reaches this relay administrates it, since admin.auth asks nobody");
        }
        if terms.config.mode == Mode::Development {
            tracing::warn!(%namespace, "administrators are told of each client and event, up to a bound: not for production");
        }
    }

    /// Why no other configuration may hold, if it may not: a namespace that was clients' would still have them in it.
    pub(crate) fn clash(&self, next: &Config) -> Option<String> {
        let (now, terms) = (self.live.current(), self.terms());
        let is_clients = |name: &str| now.regime(name).is_some();
        let (held, new) = (&terms.config, &next.admin);
        let taken = new.is_on() && is_clients(new.namespace.as_str());
        let given = held.is_on() && next.policy.namespace(held.namespace.as_str()).is_some();
        (taken || given).then(|| "admin.namespace: a namespace of clients' and this one change places".to_owned())
    }

    /// The page, if it is served.
    pub(crate) fn page(&self) -> Option<Arc<Page>> {
        let is_on = self.terms().config.is_on();
        self.page.read().unwrap_or_else(PoisonError::into_inner).clone().filter(|_| is_on)
    }

    /// Tells of what administrators were not.
    fn note_left_out(&self) {
        let left_out = self.development.take_left_out();
        let (clients, events) = (left_out.clients, left_out.events);
        if clients + events > 0 {
            self.counts.left_out.add("client", clients);
            self.counts.left_out.add("event", events);
            tracing::info!(clients, events, "administrators are not told everything: it is too much");
        }
    }

    fn begin_session(&self) -> Option<String> {
        let mut random = [0; 16];
        rand::fill(&mut random).ok()?;
        Some(self.sessions().begin(random, now()))
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn terms(&self) -> Arc<Terms> {
        Arc::clone(&self.terms.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Everyone in a namespace, on all nodes.
    fn everyone(&self, namespace: &str) -> Option<Broadcast> {
        self.server.get()?.of(namespace).ok()
    }

    /// Whether a namespace is one of clients', or the administrators' own.
    fn has_namespace(&self, name: &str) -> bool {
        self.live.current().regime(name).is_some() || self.terms().config.namespace.as_str() == name
    }
}

impl Terms {
    fn of(config: &Config, number: u64, hostname: &str) -> Self {
        let admin = config.admin.clone();
        let own = match config.cluster.is_on() {
            // Two of a fleet may be on one machine.
            true => format!("{hostname}#{}", std::process::id()),
            false => hostname.to_owned(),
        };
        let commands: &[_] = if admin.is_read_only { &[] } else { &COMMANDS };
        let events: &[_] = if admin.mode == Mode::Development { &EVENTS } else { &EVENTS[..1] };
        let features = commands.iter().chain(events).copied().collect();
        let server_id = admin.server_id.as_deref().map_or(own, str::to_owned);
        Self { number, config: admin, server_id, features, limits: config.server.client.limits }
    }
}

/// Where somebody may watch whoever comes.
pub(crate) fn development() -> Arc<Development> {
    let mut seed = [0; 16];
    // Without it ids of clients are other nodes' too, which a page can live with.
    let _ = rand::fill(&mut seed);
    Development::new(seed)
}

/// The time, as the server has it.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

const COMMANDS: [&str; 7] = ["EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT"];

const EVENTS: [&str; 2] = ["AGGREGATED_EVENTS", "ALL_EVENTS"];

/// Why administrators lose their connection at a reload.
const CHANGED: &str = "admin_changed";
