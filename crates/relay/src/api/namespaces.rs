//! `GET /api/namespaces`.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::key::Key;
use super::problem::Problem;
use super::query::Query;
use super::request::{answer, json};

/// A namespace, and how many are in it on this node.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NamespaceTold {
    name: String,
    sockets: usize,
    /// That somebody is in, but for each client's own.
    rooms: usize,
}

/// All that there are, by name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Namespaces {
    namespaces: Vec<NamespaceTold>,
}

#[utoipa::path(
    get, path = "/api/namespaces", tag = "read", operation_id = "namespaces",
    responses((status = 200, body = Namespaces), Problem)
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Extension(key): Extension<Arc<Key>>,
    query: Query,
) -> Result<Response, Problem> {
    query.finish()?;
    let counts = api.server.namespace_counts();
    let told = |name: String| {
        let counts = counts.iter().find(|(known, _)| known.as_str() == name).map(|(_, counts)| *counts);
        let counts = counts.unwrap_or_default();
        NamespaceTold { name, sockets: counts.members, rooms: counts.rooms }
    };
    let names = api.namespaces().into_iter().filter(|name| key.has_namespace(name));
    Ok(answer(json(&Namespaces { namespaces: names.map(told).collect() })?))
}
