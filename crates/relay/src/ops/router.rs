//! The routes for operators.

use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{StatusCode, header};
use prometheus_client::encoding::prometheus_text::{CONTENT_TYPE, encode};
use prometheus_client::registry::Registry;
use serde::{Deserialize, Serialize};
use socketio::engineio::OriginConfig;
use socketio::{Health, Server};
use tokio::net::TcpListener;

use super::requests::Requests;
use super::token::TokenNow;
use crate::config::{Held, Line};
use crate::drain::{Drain, IsFinal};
use crate::readiness::Readiness;
use crate::reload::{Refused, Reloader, Why};

/// What the routes have in common.
pub(crate) struct Ops {
    pub(crate) server: Server,
    pub(crate) registry: Registry,
    pub(crate) requests: Arc<Requests>,
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) drain: Arc<Drain>,
    pub(crate) reloader: Arc<Reloader>,
    pub(crate) held: Arc<Held>,
    pub(crate) token: Arc<TokenNow>,
}

/// The names by which a listener may be asked.
#[derive(Debug, Clone)]
pub(super) struct Names(Arc<OriginConfig>);

impl Names {
    /// Any, unless only this machine reaches the listener.
    pub(super) fn of(listener: &TcpListener) -> Self {
        let loopback = listener.local_addr().ok().filter(|address| address.ip().is_loopback());
        let mut names = OriginConfig::default();
        names.loopback_ports = loopback.map(|address| address.port()).into_iter().collect();
        Self(Arc::new(names))
    }
}

/// What `GET /config` tells.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Told {
    /// Of the program.
    pub(crate) version: String,
    pub(crate) settings: Vec<Line>,
}

pub(crate) fn router(ops: Ops) -> Router {
    let ops = Arc::new(ops);
    Router::new()
        .route("/drain", get(progress).post(drain).delete(take_back))
        .route("/reload", post(reload))
        .route_layer(from_fn(refuse_pages))
        .route("/metrics", get(metrics))
        .route("/config", get(config))
        .route_layer(from_fn_with_state(Arc::clone(&ops), authorize))
        // Below are those that need no token: what probes ask says no more than the clients' port does.
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .layer(from_fn_with_state(Arc::clone(&ops), count))
        .with_state(ops)
}

/// Whether the process does what it is for. One that drains does: nobody is to kill it for that.
async fn healthz(State(ops): State<Arc<Ops>>) -> Response {
    match ops.server.health() {
        health @ Health::Failed(_) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{health}\n")).into_response(),
        _ => "ok\n".into_response(),
    }
}

/// Whether clients are to be sent here.
async fn readyz(State(ops): State<Arc<Ops>>) -> Response {
    let why_not = match (ops.server.health(), ops.readiness.why_not()) {
        (health @ Health::Failed(_), _) => Some(health.to_string()),
        (_, Some(why_not)) => Some(why_not.to_string()),
        (Health::Serving, None) => None,
        (health, None) => Some(health.to_string()),
    };
    // It serves as before, and somebody has to know: what is wrong is told to whoever has the token.
    let reloaded = if ops.reloader.last_reload().succeeded { "" } else { "the last reload was refused\n" };
    match why_not {
        Some(why_not) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why_not}\n{reloaded}")).into_response(),
        None => format!("ready\n{reloaded}").into_response(),
    }
}

/// Reads the configuration anew.
async fn reload(State(ops): State<Arc<Ops>>) -> Response {
    match ops.reloader.reload().await {
        Ok(report) => json(StatusCode::OK, &report),
        Err(refused @ Refused { why, .. }) => {
            let status = match why {
                Why::Wrong => StatusCode::UNPROCESSABLE_ENTITY,
                Why::NeedsRestart | Why::Ending => StatusCode::CONFLICT,
                Why::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            };
            json(status, &refused)
        }
    }
}

async fn metrics(State(ops): State<Arc<Ops>>) -> Response {
    // Not on a thread that serves clients: with a crowd of them it is a millisecond.
    let page = tokio::task::spawn_blocking(move || {
        let mut page = String::new();
        encode(&mut page, &ops.registry).map(|()| page)
    });
    match page.await {
        Ok(Ok(page)) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], page).into_response(),
        _ => {
            tracing::error!("cannot write down the metrics");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// What holds, without secrets.
async fn config(State(ops): State<Arc<Ops>>) -> Response {
    json(StatusCode::OK, &Told { version: env!("CARGO_PKG_VERSION").into(), settings: ops.held.get().lines() })
}

async fn progress(State(ops): State<Arc<Ops>>) -> Response {
    json(StatusCode::OK, &ops.drain.progress())
}

/// Leaves, without an end of the process.
async fn drain(State(ops): State<Arc<Ops>>) -> Response {
    ops.drain.begin();
    json(StatusCode::OK, &ops.drain.progress())
}

async fn take_back(State(ops): State<Arc<Ops>>) -> Response {
    let status = match ops.drain.take_back() {
        Ok(()) => StatusCode::OK,
        Err(IsFinal) => StatusCode::CONFLICT,
    };
    json(status, &ops.drain.progress())
}

fn json(status: StatusCode, said: &impl Serialize) -> Response {
    let mut text = serde_json::to_string(said).unwrap_or_default();
    text.push('\n');
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// Refuses what a web page asks: a browser on this machine reaches the listener, whosever page it shows, and a token is not
/// always there. Each page's request that changes something says where it is from.
async fn refuse_pages(request: Request, next: Next) -> Response {
    if request.headers().contains_key(header::ORIGIN) {
        return (StatusCode::FORBIDDEN, "not from a web page\n").into_response();
    }
    next.run(request).await
}

/// Answers only those who show the token, if there is one.
///
/// Where there is none and only this machine can ask, a page may have had its own name mean this machine: it could then read
/// what it asks for.
async fn authorize(State(ops): State<Arc<Ops>>, request: Request, next: Next) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION).map_or(&[][..], |value| value.as_bytes());
    if !ops.token.is_shown_by(shown) {
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")]).into_response();
    }
    let names = request.extensions().get::<Names>();
    if !ops.token.is_set() && names.is_some_and(|Names(names)| !names.is_named_by_its_own(request.headers())) {
        return (StatusCode::FORBIDDEN, "not by this name: ask by an address, or set ops.token_env\n").into_response();
    }
    next.run(request).await
}

async fn count(State(ops): State<Arc<Ops>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    ops.requests.count(route.as_ref().map_or("none", MatchedPath::as_str), response.status().as_u16());
    response
}
