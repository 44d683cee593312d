//! `/api/rooms`: which there are, and what is done with all who are in one.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, RawQuery, Request, State};
use axum::response::Response;
use serde::Serialize;
use socketio::Broadcast;
use utoipa::ToSchema;

use super::Api;
use super::config::Deed;
use super::emission::{NodesTold, check_room};
use super::key::Key;
use super::moves::{Moved, Moves};
use super::pages::Page;
use super::problem::{Problem, Said};
use super::query::Query;
use super::request::{answer, json};
use super::sockets::disconnect;

/// A room.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoomTold {
    name: String,
    /// How many clients are in it: in a list, of this node.
    sockets: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes: Option<NodesTold>,
}

/// Some of them, by name; those that each client has for itself are not there.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoomsTold {
    rooms: Vec<RoomTold>,
    /// For `after`, if there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes: Option<NodesTold>,
}

#[utoipa::path(
    get, path = "/api/rooms", tag = "read", operation_id = "rooms",
    params(
        ("namespace" = Option<String>, Query, description = "`/` unless said"),
        ("prefix" = Option<String>, Query, description = "Only those that begin so"),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u32>, Query, description = "100 unless said", minimum = 1, maximum = 1000),
    ),
    responses((status = 200, body = RoomsTold), (status = "default", content_type = "application/problem+json", body = Said))
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Extension(key): Extension<Arc<Key>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    key.may(Deed::Read)?;
    let mut query = Query::of(query.as_deref())?;
    let asked = api.namespace_of(&key, &mut query)?;
    let prefix = query.take("prefix").unwrap_or_default();
    let page = Page::of(&mut query)?;
    query.finish()?;
    let socketio::Rooms { here, elsewhere, nodes, .. } = asked.fetch_rooms().await;
    let mut all: BTreeMap<_, usize> = elsewhere.into_iter().map(|room| (room, 0)).collect();
    all.extend(here);
    let is_asked_for = |name: &str| name.starts_with(&prefix) && key.has_room(name);
    let all = all.iter().filter(|(room, _)| is_asked_for(room.as_str()));
    let (found, next) = page.cut(all.map(|(room, sockets)| (room.to_string(), *sockets)));
    let rooms = found.into_iter().map(|(name, sockets)| RoomTold { name, sockets, nodes: None }).collect();
    Ok(answer(json(&RoomsTold { rooms, next, nodes: NodesTold::of(nodes) })?))
}

#[utoipa::path(
    get, path = "/api/rooms/{room}", tag = "read", operation_id = "room",
    params(
        ("room" = String, Path, min_length = 1, max_length = 1024),
        ("namespace" = Option<String>, Query, description = "`/` unless said"),
    ),
    responses((status = 200, body = RoomTold), (status = "default", content_type = "application/problem+json", body = Said))
)]
pub(crate) async fn one(
    State(api): State<Arc<Api>>,
    Extension(key): Extension<Arc<Key>>,
    room: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    key.may(Deed::Read)?;
    let mut query = Query::of(query.as_deref())?;
    let (name, to) = api.room(&key, room, &mut query)?;
    query.finish()?;
    let (sockets, nodes) = to.count().await;
    Ok(answer(json(&RoomTold { name, sockets, nodes: NodesTold::of(nodes) })?))
}

#[utoipa::path(
    post, path = "/api/rooms/{room}/sockets", tag = "move", operation_id = "moveRoom", request_body = Moves,
    params(
        ("room" = String, Path, min_length = 1, max_length = 1024),
        ("namespace" = Option<String>, Query, description = "`/` unless said"),
    ),
    responses((status = 200, body = Moved), (status = "default", content_type = "application/problem+json", body = Said))
)]
pub(crate) async fn move_all(
    State(api): State<Arc<Api>>,
    Extension(key): Extension<Arc<Key>>,
    room: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    key.may(Deed::Move)?;
    api.takes_orders()?;
    let mut query = Query::of(query.as_deref())?;
    let (name, to) = api.room(&key, room, &mut query)?;
    query.finish()?;
    let moves = Moves::read(&api, &key, request).await?.leaving_last(&name);
    let (sockets, nodes) = to.clone().count().await;
    moves.carry_out(&to);
    // Behind the moves: when it is answered, they are done.
    to.count().await;
    Ok(answer(json(&Moved::of(sockets, nodes))?))
}

#[utoipa::path(
    delete, path = "/api/rooms/{room}/sockets", tag = "disconnect", operation_id = "disconnectRoom",
    params(
        ("room" = String, Path, min_length = 1, max_length = 1024),
        ("namespace" = Option<String>, Query, description = "`/` unless said"),
        ("connection" = Option<bool>, Query, description = "Their whole connections, with all namespaces"),
    ),
    responses((status = 200, body = Moved), (status = "default", content_type = "application/problem+json", body = Said))
)]
pub(crate) async fn disconnect_all(
    State(api): State<Arc<Api>>,
    Extension(key): Extension<Arc<Key>>,
    room: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    key.may(Deed::Disconnect)?;
    api.takes_orders()?;
    let mut query = Query::of(query.as_deref())?;
    let connection = query.flag("connection")?;
    let (_, to) = api.room(&key, room, &mut query)?;
    query.finish()?;
    let (sockets, nodes) = to.clone().count().await;
    disconnect(to, connection);
    Ok(answer(json(&Moved::of(sockets, nodes))?))
}

impl Api {
    /// The room of a path, and who is in it.
    fn room(
        &self,
        key: &Key,
        room: Result<Path<String>, PathRejection>,
        query: &mut Query,
    ) -> Result<(String, Broadcast), Problem> {
        let Path(name) = room.map_err(|_| Problem::invalid("room", "expected percent-encoded UTF-8"))?;
        let everyone = self.namespace_of(key, query)?;
        check_room(&name, "room")?;
        key.check_room(&name, "room")?;
        let to = everyone.to(name.as_str());
        Ok((name, to))
    }
}
