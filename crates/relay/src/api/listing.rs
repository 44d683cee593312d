//! What listings have in common, and `GET /api/namespaces`.

use std::sync::Arc;

use axum::extract::{Extension, RawQuery, State};
use axum::response::Response;
use serde::Serialize;
use socketio::Broadcast;
use utoipa::ToSchema;

use super::Api;
use super::config::Deed;
use super::key::Key;
use super::problem::{Problem, Said};
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
    responses((status = 200, body = Namespaces), (status = "default", content_type = "application/problem+json", body = Said))
)]
pub(crate) async fn namespaces(
    State(api): State<Arc<Api>>,
    Extension(key): Extension<Arc<Key>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    key.may(Deed::Read)?;
    Query::of(query.as_deref())?.finish()?;
    let counts = api.server.namespace_counts();
    let told = |name: String| {
        let counts = counts.iter().find(|(known, _)| known.as_str() == name).map(|(_, counts)| *counts);
        let counts = counts.unwrap_or_default();
        NamespaceTold { name, sockets: counts.members, rooms: counts.rooms }
    };
    let names = api.namespaces().into_iter().filter(|name| key.has_namespace(name));
    Ok(answer(json(&Namespaces { namespaces: names.map(told).collect() })?))
}

impl Api {
    /// The namespace that a query names, `/` unless it does.
    pub(crate) fn namespace_of(&self, key: &Key, query: &mut Query) -> Result<Broadcast, Problem> {
        let name = query.take("namespace").unwrap_or_else(|| "/".to_owned());
        self.namespace(key, &name, "namespace")
    }
}
