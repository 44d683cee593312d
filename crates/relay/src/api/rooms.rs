//! `/api/rooms`: which there are, and what is done with all who are in one.

use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::response::Response;
use serde::Serialize;
use socketio::Rooms;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::emission::NodesTold;
use super::key::Key;
use super::moves::{Moved, Moves};
use super::pages::Page;
use super::params::{Disconnecting, InRoom, Within};
use super::problem::Problem;
use super::query::Query;
use super::request::{answer, json};

/// A room.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RoomTold {
    name: String,
    /// How many clients are in it. Not in a list, where other nodes have some of them: they do not say how many.
    #[serde(skip_serializing_if = "Option::is_none")]
    sockets: Option<usize>,
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

/// Which rooms, in the query.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Beginning {
    /// Only those that begin so.
    #[param(required = false)]
    prefix: String,
}

#[utoipa::path(
    get, path = "/api/rooms", tag = "read", operation_id = "rooms", params(Within, Beginning, Page),
    responses((status = 200, body = RoomsTold), Problem)
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Extension(key): Extension<Arc<Key>>,
    mut query: Query,
) -> Result<Response, Problem> {
    let asked = Within::read(&mut query)?.everyone(&api, &key)?;
    let Beginning { prefix } = Beginning { prefix: query.take("prefix").unwrap_or_default() };
    let page = Page::of(&mut query)?;
    query.finish()?;
    let is_asked_for = |name: &str| name.starts_with(&prefix) && key.has_room(name);
    let told = |found: Rooms| {
        let Rooms { here, elsewhere, nodes, .. } = found;
        let here_only = here.iter().filter(|(room, _)| !elsewhere.contains(*room));
        let here_only = here_only.map(|(room, sockets)| (room.as_str(), Some(*sockets)));
        let all = here_only.chain(elsewhere.iter().map(|room| (room.as_str(), None)));
        let (found, next) = page.cut(all.filter(|(name, _)| is_asked_for(name)));
        let told = |(name, sockets): (&str, _)| RoomTold { name: name.to_owned(), sockets, nodes: None };
        let rooms = found.into_iter().map(told).collect();
        Ok(answer(json(&RoomsTold { rooms, next, nodes: NodesTold::of(nodes) })?))
    };
    api.lists.list(asked.fetch_rooms(), told).await
}

#[utoipa::path(
    get, path = "/api/rooms/{room}", tag = "read", operation_id = "room", params(InRoom, Within),
    responses((status = 200, body = RoomTold), Problem)
)]
pub(crate) async fn one(
    State(api): State<Arc<Api>>,
    Extension(key): Extension<Arc<Key>>,
    InRoom { room: name }: InRoom,
    mut query: Query,
) -> Result<Response, Problem> {
    let to = Within::read(&mut query)?.room(&api, &key, &name)?;
    query.finish()?;
    let (sockets, nodes) = to.count().await;
    Ok(answer(json(&RoomTold { name, sockets: Some(sockets), nodes: NodesTold::of(nodes) })?))
}

#[utoipa::path(
    post, path = "/api/rooms/{room}/sockets", tag = "move", operation_id = "moveRoom", params(InRoom, Within),
    request_body = Moves, responses((status = 200, body = Moved), Problem)
)]
pub(crate) async fn move_all(
    State(api): State<Arc<Api>>,
    Extension(key): Extension<Arc<Key>>,
    InRoom { room }: InRoom,
    mut query: Query,
    request: Request,
) -> Result<Response, Problem> {
    let within = Within::read(&mut query)?;
    let to = within.room(&api, &key, &room)?;
    query.finish()?;
    let moves = Moves::read(&api, &key, request).await?.leaving_last(&room);
    api.reaches(within.local)?;
    let counted = to.clone().count().await;
    moves.carry_out(&to);
    // Behind the moves: when it is answered, they are done.
    to.count().await;
    Ok(answer(json(&Moved::of(counted))?))
}

#[utoipa::path(
    delete, path = "/api/rooms/{room}/sockets", tag = "disconnect", operation_id = "disconnectRoom",
    params(InRoom, Within, Disconnecting), responses((status = 200, body = Moved), Problem)
)]
pub(crate) async fn disconnect_all(
    State(api): State<Arc<Api>>,
    Extension(key): Extension<Arc<Key>>,
    InRoom { room }: InRoom,
    mut query: Query,
) -> Result<Response, Problem> {
    let disconnecting = Disconnecting::read(&mut query)?;
    let within = Within::read(&mut query)?;
    let to = within.room(&api, &key, &room)?;
    query.finish()?;
    api.reaches(within.local)?;
    let counted = to.clone().count().await;
    disconnecting.carry_out(to);
    Ok(answer(json(&Moved::of(counted))?))
}
