//! `/api/sockets`: who is there, and what is done with one of them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, RawQuery, Request, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use socketio::codec::pieces;
use socketio::{Broadcast, Fetched, RemoteSocket, Room, SocketId, SocketInfo};
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

/// A client in one namespace.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SocketTold {
    id: String,
    namespace: String,
    /// By name; its own, which has its id for a name, goes without saying. Of a key for some rooms, only those.
    rooms: Vec<String>,
    /// Where it is from, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// When its connection was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    time: Option<String>,
    /// Whether it is connected to another node.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    remote: bool,
}

/// Some of them, by id.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sockets {
    sockets: Vec<SocketTold>,
    /// For `after`, if there are more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nodes: Option<NodesTold>,
}

#[utoipa::path(
    get, path = "/api/sockets", tag = "read", operation_id = "sockets",
    params(
        ("namespace" = Option<String>, Query, description = "`/` unless said"),
        ("room" = Option<String>, Query, description = "Only those in it", min_length = 1, max_length = 1024),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u32>, Query, description = "100 unless said", minimum = 1, maximum = 1000),
    ),
    responses((status = 200, body = Sockets), (status = "default", content_type = "application/problem+json", body = Said))
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Extension(key): Extension<Arc<Key>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    key.may(Deed::Read)?;
    let mut query = Query::of(query.as_deref())?;
    let namespace = query.take("namespace").unwrap_or_else(|| "/".to_owned());
    let mut asked = api.namespace(&key, &namespace, "namespace")?;
    match query.take("room") {
        Some(room) => {
            check_room(&room, "room")?;
            key.check_room(&room, "room")?;
            asked = asked.to(room);
        }
        None if key.is_for_rooms() => {
            return Err(Problem::out_of_scope("room", "this key is for some rooms: name one"));
        }
        None => {}
    }
    let page = Page::of(&mut query)?;
    query.finish()?;
    let Fetched { sockets, remote, nodes, .. } = asked.fetch_sockets().await;
    let here = sockets.iter().map(|socket| (socket.id.to_string(), One::Here(socket)));
    let elsewhere = remote.iter().map(|socket| (socket.id.to_string(), One::Elsewhere(socket)));
    let (found, next) = page.cut(here.chain(elsewhere));
    let sockets = found.into_iter().map(|(_, one)| one.told(&namespace, &key)).collect();
    Ok(answer(json(&Sockets { sockets, next, nodes: NodesTold::of(nodes) })?))
}

#[utoipa::path(
    get, path = "/api/sockets/{id}", tag = "read", operation_id = "socket",
    params(("id" = String, Path, min_length = 1)),
    responses((status = 200, body = SocketTold), (status = "default", content_type = "application/problem+json", body = Said))
)]
pub(crate) async fn one(
    State(api): State<Arc<Api>>,
    Extension(key): Extension<Arc<Key>>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    key.may(Deed::Read)?;
    Query::of(query.as_deref())?.finish()?;
    let found = api.find(&key, id).await?;
    let told = found.told(&key);
    // What it is in the eyes of a key for some rooms, who is in none of them is not there.
    told.filter(|told| !key.is_for_rooms() || !told.rooms.is_empty())
        .map_or_else(|| Err(Problem::unknown_socket()), |told| Ok(answer(json(&told)?)))
}

#[utoipa::path(
    post, path = "/api/sockets/{id}/rooms", tag = "move", operation_id = "moveSocket", request_body = Moves,
    params(("id" = String, Path, min_length = 1)),
    responses((status = 200, body = SocketTold), (status = "default", content_type = "application/problem+json", body = Said))
)]
pub(crate) async fn move_one(
    State(api): State<Arc<Api>>,
    Extension(key): Extension<Arc<Key>>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    key.may(Deed::Move)?;
    api.takes_orders()?;
    let moves = Moves::read(&api, &key, request).await?;
    let found = api.find(&key, id).await?;
    moves.carry_out(&found.to);
    // Behind the moves, on each lane: so it says how it is by now.
    let found = Found { fetched: found.to.clone().fetch_sockets().await, ..found };
    found.told(&key).map_or_else(|| Err(Problem::unknown_socket()), |told| Ok(answer(json(&told)?)))
}

#[utoipa::path(
    delete, path = "/api/sockets/{id}", tag = "disconnect", operation_id = "disconnectSocket",
    params(
        ("id" = String, Path, min_length = 1),
        ("connection" = Option<bool>, Query, description = "Its whole connection, with all namespaces"),
    ),
    responses((status = 200, body = Moved), (status = "default", content_type = "application/problem+json", body = Said))
)]
pub(crate) async fn disconnect_one(
    State(api): State<Arc<Api>>,
    Extension(key): Extension<Arc<Key>>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    key.may(Deed::Disconnect)?;
    api.takes_orders()?;
    let mut query = Query::of(query.as_deref())?;
    let connection = query.flag("connection")?;
    query.finish()?;
    let found = api.find(&key, id).await?;
    if key.is_for_rooms() && found.told(&key).is_none_or(|told| told.rooms.is_empty()) {
        return Err(Problem::unknown_socket());
    }
    disconnect(found.to, connection);
    Ok(answer(json(&Moved::of(1, socketio::Nodes::default()))?))
}

/// Lets them leave the namespace, or ends their connections.
pub(crate) fn disconnect(to: Broadcast, connection: bool) {
    if connection { to.disconnect_connections() } else { to.disconnect() }
}

/// One socket, wherever it is.
struct Found {
    namespace: String,
    to: Broadcast,
    fetched: Fetched,
}

impl Found {
    fn told(&self, key: &Key) -> Option<SocketTold> {
        let here = self.fetched.sockets.first().map(One::Here);
        let one = here.or_else(|| self.fetched.remote.first().map(One::Elsewhere));
        one.map(|one| one.told(&self.namespace, key))
    }
}

impl Api {
    /// Looks for a socket in the namespaces that the key is for: its id is in no two of them.
    async fn find(&self, key: &Key, id: Result<Path<String>, PathRejection>) -> Result<Found, Problem> {
        let Path(id) = id.map_err(|_| Problem::invalid("id", "expected percent-encoded UTF-8"))?;
        let id = SocketId::parse(&id).ok_or_else(Problem::unknown_socket)?;
        for namespace in self.namespaces().into_iter().filter(|name| key.has_namespace(name)) {
            let Ok(to) = self.server.of(&namespace).map(|everyone| everyone.to(id)) else { continue };
            let fetched = to.clone().fetch_sockets().await;
            if !fetched.is_empty() {
                return Ok(Found { namespace, to, fetched });
            }
        }
        Err(Problem::unknown_socket())
    }
}

/// A socket as it was found.
enum One<'a> {
    Here(&'a SocketInfo),
    Elsewhere(&'a RemoteSocket),
}

impl One<'_> {
    fn told(&self, namespace: &str, key: &Key) -> SocketTold {
        let (id, rooms, remote) = match self {
            Self::Here(socket) => (socket.id, &socket.rooms, false),
            Self::Elsewhere(socket) => (socket.id, &socket.rooms, true),
        };
        let (address, time) = self.from();
        let is_own = |room: &&Room| key.has_room(room.as_str());
        let mut rooms: Vec<String> = rooms.iter().filter(is_own).map(ToString::to_string).collect();
        rooms.sort_unstable();
        SocketTold { id: id.to_string(), namespace: namespace.to_owned(), rooms, address, time, remote }
    }

    /// Where it is from, and since when. Headers and the path may have secrets, and stay here.
    fn from(&self) -> (Option<String>, Option<String>) {
        /// As other nodes have it.
        #[derive(Default, Deserialize)]
        struct Told {
            address: Option<String>,
            issued: Option<i64>,
        }
        match self {
            Self::Here(socket) => {
                let since = socket.handshake.time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                let address = socket.handshake.address.map(|address: IpAddr| address.to_string());
                (address, i64::try_from(since.as_millis()).ok().map(date))
            }
            Self::Elsewhere(socket) => {
                let told = socket.handshake.as_ref().and_then(|json| json.deserialize::<Told>().ok());
                let Told { address, issued } = told.unwrap_or_default();
                (address, issued.map(date))
            }
        }
    }
}

/// As JavaScript writes it.
fn date(millis: i64) -> String {
    let mut text = String::new();
    pieces::date(millis, &mut text);
    text.trim_matches('"').to_owned()
}
