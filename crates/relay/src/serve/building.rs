//! The server, and what holds when it starts.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use cluster::Cluster;
use socketio::{ClientBundle, Handshake, Server, ServerConfig};

use crate::admin::{self, Admin, Development, Page};
use crate::auth::Authenticator;
use crate::config::Config;
use crate::gate::Gate;
use crate::relay::{Common, Entrance, Generation, Live};

/// The server, and what it is made with.
pub(super) struct Built {
    pub(super) server: Server,
    pub(super) live: Arc<Live>,
    pub(super) cluster: Option<Cluster>,
    pub(super) admin: Arc<Admin>,
    pub(super) development: Arc<Development>,
    pub(super) found: Box<dyn Fn(&mut ServerConfig) + Send>,
}

/// What of the server's settings is not said but found out, at the start.
pub(super) struct Found {
    pub(super) workers: NonZeroUsize,
    /// The ports on which only this machine reaches the relay.
    pub(super) loopback_ports: Vec<u16>,
}

impl Built {
    /// Everything as the configuration has it. Nobody is accepted by it yet. Inside the runtime.
    ///
    /// # Errors
    /// A namespace that cannot be one, or a cluster that cannot.
    pub(super) fn of(
        config: &Config,
        (bundle, page): (Option<ClientBundle>, Option<Page>),
        Found { workers, loopback_ports }: Found,
    ) -> Result<Self, String> {
        let live = Live::new(first_generation(config));
        let found = move |server: &mut ServerConfig| {
            server.lanes = Some(workers);
            server.engine.origin.loopback_ports.clone_from(&loopback_ports);
        };
        let mut server_config = config.server.clone();
        found(&mut server_config);
        // What is wrong with it was found when it was read.
        let cluster = config.cluster.node(config.server.client.limits, config.limits.client.rooms_max);
        let cluster = cluster.map_err(|error| error.to_string())?;
        let development = admin::development();
        let admin = Admin::new(config, &live, page, Arc::clone(&development));
        let server = server(server_config, bundle, (&live, &development, &admin), cluster.as_ref())?;
        admin.begin(&server, config.tls.is_some());
        Ok(Self { server, live, cluster, admin, development, found: Box::new(found) })
    }
}

/// The server, as the configuration has it.
///
/// # Errors
/// A namespace that cannot be one.
fn server(
    config: ServerConfig,
    bundle: Option<ClientBundle>,
    (live, development, admin): (&Arc<Live>, &Arc<Development>, &Arc<Admin>),
    cluster: Option<&Cluster>,
) -> Result<Server, String> {
    let deciding = Arc::clone(live);
    let decide = move |handshake: &Handshake| {
        let generation = deciding.current();
        generation.gate.decide(handshake.address, generation.is_down(), clock())
    };
    let mut builder = Server::builder(config).on_handshake(decide);
    if let Some(bundle) = bundle {
        builder = builder.client_bundle(bundle);
    }
    if let Some(cluster) = cluster {
        builder = cluster.join(builder);
    }
    for name in live.current().names() {
        let entrance = Entrance { live: Arc::clone(live), development: Arc::clone(development) };
        builder = builder.namespace(name, entrance).map_err(|error| format!("namespace {name}: {error}"))?;
    }
    Ok(admin.open_in(builder).build())
}

/// What holds for clients at the start. Inside the runtime: keys begin to be fetched.
pub(crate) fn first_generation(config: &Config) -> Generation {
    let common = Common {
        authenticator: Authenticator::new(&config.auth),
        renewal: config.auth.renewal.clone(),
        auth_bytes_max: config.server.client.auth_bytes_max,
        errors_event: config.errors_event.clone(),
        counts: Arc::default(),
        kept_since: SystemTime::UNIX_EPOCH,
    };
    let gate = Gate::new(&config.limits, &config.server.engine, clock());
    Generation::first(&config.policy, common, gate)
}

/// The time, as the server has it.
fn clock() -> Instant {
    tokio::time::Instant::now().into_std()
}
