//! What operators and their machines ask: whether the relay lives, whether it wants clients, and what it counts.
//!
//! On listeners of its own: whoever may be a client is not told any of it.

mod auth;
mod cluster;
mod metrics;
mod page;
mod process;
mod reloads;
mod requests;
mod router;
mod rules;
mod token;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Extension;
use axum::Router;
use axum::body::Body;
use http::Request;
use prometheus_client::collector::Collector;
use prometheus_client::registry::Registry;
use socketio::Server;
use socketio::engineio::serve;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tower_service::Service;

pub(crate) use auth::AuthMetrics;
pub(crate) use cluster::ClusterMetrics;
pub(crate) use page::Page;
pub(crate) use reloads::ReloadMetrics;
pub(crate) use rules::RuleMetrics;
pub(crate) use token::{Token, TokenNow};

use crate::config::Held;
use crate::drain::Drain;
use crate::readiness::Readiness;
use crate::reload::Reloader;
use metrics::Metrics;
use process::Process;
use requests::Requests;
pub(crate) use router::Told;
use router::{Names, Ops, router};

/// The section `[ops]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OpsConfig {
    /// Where to listen; nowhere unless said.
    pub(crate) listen: Vec<SocketAddr>,
    /// What whoever asks has to know, but for whether the relay lives and wants clients.
    pub(crate) token: Option<Token>,
}

/// Where the numbers come from. Each is read when somebody asks.
pub(crate) struct Sources {
    pub(crate) server: Server,
    /// What is refused at each stage, by its code: `fanfare_refusals_total`.
    pub(crate) refusals: Vec<Stage>,
    /// What other parts of the relay count, each with metrics of its own.
    pub(crate) others: Vec<Box<dyn Collector>>,
}

/// A place where things are refused.
pub(crate) struct Stage {
    pub(crate) name: &'static str,
    /// How many so far, by code. None of those comes from a client.
    pub(crate) counts: Box<dyn Fn() -> BTreeMap<&'static str, u64> + Send + Sync>,
}

/// Answers on `listeners` until what is given back is dropped. A router beside a listener has what else is answered there.
pub(crate) fn start(
    listeners: Vec<(TcpListener, Option<Router>)>,
    token: Arc<TokenNow>,
    sources: Sources,
    readiness: &Arc<Readiness>,
    drain: &Arc<Drain>,
    reloader: &Arc<Reloader>,
    held: &Arc<Held>,
) -> JoinSet<()> {
    let Sources { server, refusals, others } = sources;
    let requests = Arc::new(Requests::default());
    let mut registry = Registry::default();
    let counted = Metrics { server: server.clone(), refusals, requests: Arc::clone(&requests) };
    registry.register_collector(Box::new(counted));
    registry.register_collector(Box::new(Process::of_now()));
    others.into_iter().for_each(|other| registry.register_collector(other));
    registry.register_collector(Box::new(ReloadMetrics(Arc::clone(reloader))));
    let (readiness, drain) = (Arc::clone(readiness), Arc::clone(drain));
    let (reloader, held) = (Arc::clone(reloader), Arc::clone(held));
    let router = router(Ops { server, registry, requests, readiness, drain, reloader, held, token });
    let mut answering = JoinSet::new();
    for (listener, beside) in listeners {
        let router = router.clone().layer(Extension(Names::of(&listener))).merge(beside.unwrap_or_default());
        let service = move |request: Request<_>| {
            let answer = router.clone().call(request.map(Body::new));
            async move { answer.await.unwrap_or_else(|never| match never {}) }
        };
        answering.spawn(serve(listener, service, std::future::pending()));
    }
    answering
}

#[cfg(test)]
mod tests;
