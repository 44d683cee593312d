//! The server, and what holds when it starts.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use cluster::Cluster;
use socketio::{ClientBundle, Handshake, Server, ServerConfig};

use crate::admin::Development;
use crate::auth::Authenticator;
use crate::config::Config;
use crate::gate::Gate;
use crate::relay::{Common, Entrance, Generation, Live};

/// The server, as the configuration has it.
///
/// # Errors
/// A namespace that cannot be one.
pub(super) fn server(
    config: ServerConfig,
    bundle: Option<ClientBundle>,
    (live, development): (&Arc<Live>, &Arc<Development>),
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
    Ok(builder.build())
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
