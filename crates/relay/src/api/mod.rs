//! The HTTP API: programs that are no clients emit, look and move.
//!
//! In reading order: [`config`] (the section `[api]`), [`router`](mod@router) (which request goes where, [`authorize`] and [`counts`]
//! around it), [`key`] (who asks, and for what its key is), [`fields`] with [`bounded`], [`query`] and [`params`] (a request as it
//! is read, each mistake by its field), [`problem`] (what is wrong), [`emit`] with [`emission`], [`binary`] and [`ack`] (events),
//! [`idempotency`] (asked twice, done once), [`namespaces`], [`rooms`] and [`sockets`] with [`pages`], [`nodes`] and [`moves`] (who is
//! there, and where they go), [`openapi`]; and [`key_command`], which makes a key.

mod ack;
mod authorize;
mod binary;
mod bounded;
mod config;
mod counts;
mod emission;
mod emit;
mod fields;
mod idempotency;
mod key;
pub(crate) mod key_command;
mod metrics;
mod moves;
mod namespaces;
mod nodes;
mod openapi;
mod pages;
mod params;
mod problem;
mod query;
mod request;
mod rooms;
mod router;
mod sockets;

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use axum::body::Body;
use cluster::Cluster;
use http::Request;
use socketio::codec::Limits;
use socketio::engineio::{HttpConfig, Listener, serve_with};
use socketio::{Health, Server};
use tokio::task::JoinSet;
use tower_service::Service;

pub(crate) use ack::TIMEOUT_MS_MAX;
pub(crate) use config::{ApiConfig, Deed, KeyConfig, NamePattern};
pub(crate) use counts::Counts;
pub(crate) use emit::ITEMS_MAX;
pub(crate) use metrics::ApiMetrics;
pub(crate) use pages::LIMIT_MAX;
pub(crate) use router::router;

use crate::config::Config;
use crate::drain::{Drain, Phase};
use crate::relay::Live;
use idempotency::Answers;
use key::Keys;
use pages::Making;
use problem::Problem;

/// What the routes have in common.
pub(crate) struct Api {
    pub(crate) server: Server,
    live: Arc<Live>,
    drain: Arc<Drain>,
    terms: Arc<TermsNow>,
    counts: Arc<Counts>,
    answers: Answers,
    lists: Making,
    /// `None` for a relay that is alone.
    cluster: Option<Cluster>,
}

/// What holds for those who ask: another one after a reload.
#[derive(Debug)]
pub(crate) struct Terms {
    keys: Keys,
    /// Of one event, as of one that a client sends.
    limits: Limits,
    /// Of one event's arguments, and of each attachment; as of a client's message.
    bytes_max: usize,
}

/// The terms that hold now.
#[derive(Debug)]
pub(crate) struct TermsNow(RwLock<Arc<Terms>>);

impl Terms {
    fn of(config: &Config) -> Self {
        Self {
            keys: Keys::new(&config.api.keys),
            limits: config.server.client.limits,
            bytes_max: config.server.engine.session.max_payload_bytes,
        }
    }

    /// Of the body of one request: an event with its attachments in Base64, and what is around it.
    fn body_bytes_max(&self) -> usize {
        self.bytes_max.saturating_mul(2).saturating_add(64 * 1024)
    }
}

impl TermsNow {
    pub(crate) fn new(config: &Config) -> Arc<Self> {
        Arc::new(Self(RwLock::new(Arc::new(Terms::of(config)))))
    }

    /// Has those of another configuration hold.
    pub(crate) fn set(&self, config: &Config) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Terms::of(config));
    }

    fn get(&self) -> Arc<Terms> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Api {
    pub(crate) fn new(
        server: Server,
        live: Arc<Live>,
        drain: Arc<Drain>,
        terms: Arc<TermsNow>,
        counts: Arc<Counts>,
        cluster: Option<Cluster>,
    ) -> Arc<Self> {
        Arc::new(Self {
            server,
            live,
            drain,
            terms,
            counts,
            answers: Answers::default(),
            lists: Making::default(),
            cluster,
        })
    }

    /// The names of the namespaces that there are.
    fn namespaces(&self) -> BTreeSet<String> {
        self.live.current().names().into_iter().map(str::to_owned).collect()
    }

    /// Whether what is asked for can be done: by this node, or by the whole cluster. Half of it is not done unasked.
    ///
    /// # Errors
    /// This node is not one of the cluster now.
    fn reaches(&self, local: bool) -> Result<(), Problem> {
        match &self.cluster {
            Some(cluster) if !local && !cluster.is_up() => Err(Problem::cluster_unavailable(
                "the other nodes cannot be told now: come back, or say local for the clients of this node",
            )),
            _ => Ok(()),
        }
    }

    /// Whether anything may still be asked for that changes something. While clients are only sent elsewhere by whoever balances
    /// the load, it may; once those who are here are sent away, what is meant for them has to go where they go.
    ///
    /// # Errors
    /// It is draining, or has failed.
    fn takes_orders(&self) -> Result<(), Problem> {
        match self.drain.progress().phase {
            _ if matches!(self.server.health(), Health::Failed(_)) => Err(Problem::failed()),
            Phase::Serving | Phase::Waiting => Ok(()),
            Phase::Spreading | Phase::Drained => Err(Problem::draining()),
        }
    }
}

/// Answers on `listeners` until what is given back is dropped.
pub(crate) fn start(listeners: Vec<Listener>, api: &Arc<Api>) -> JoinSet<()> {
    let router = router(Arc::clone(api));
    let mut answering = JoinSet::new();
    for listener in listeners {
        let router = router.clone();
        let service = move |request: Request<_>| {
            let answer = router.clone().call(request.map(Body::new));
            async move { answer.await.unwrap_or_else(|never| match never {}) }
        };
        answering.spawn(serve_with(listener, HttpConfig::default(), service, std::future::pending()));
    }
    answering
}

#[cfg(test)]
mod tests;
