//! `/api/sockets`: who is there, and what is done with one of them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::{Extension, Request, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use socketio::codec::pieces;
use socketio::{Broadcast, Fetched, Nodes, RemoteSocket, Room, SocketId, SocketInfo};
use tokio::task::JoinSet;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::emission::NodesTold;
use super::key::Key;
use super::moves::{Moved, Moves};
use super::pages::Page;
use super::params::{Disconnecting, OfSocket, Within};
use super::problem::Problem;
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

/// Which clients, in the query.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Among {
    /// Only those in this room.
    #[param(min_length = 1, max_length = 1024)]
    room: Option<String>,
}

#[utoipa::path(
    get, path = "/api/sockets", tag = "read", operation_id = "sockets", params(Within, Among, Page),
    responses((status = 200, body = Sockets), Problem)
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Extension(key): Extension<Arc<Key>>,
    mut query: Query,
) -> Result<Response, Problem> {
    let within = Within::read(&mut query)?;
    let asked = match (Among { room: query.take("room") }).room {
        Some(room) => within.room(&api, &key, &room)?,
        None if key.is_for_rooms() => {
            return Err(Problem::out_of_scope("room", "this key is for some rooms: name one"));
        }
        None => within.everyone(&api, &key)?,
    };
    let page = Page::of(&mut query)?;
    query.finish()?;
    let told = |found: Fetched| {
        let Fetched { sockets, remote, nodes, .. } = found;
        let here = sockets.iter().map(|socket| (socket.id.as_str(), One::Here(socket)));
        let elsewhere = remote.iter().map(|socket| (socket.id.as_str(), One::Elsewhere(socket)));
        let (found, next) = page.cut(here.chain(elsewhere));
        let sockets = found.into_iter().map(|(_, one)| one.told(&within.namespace, &key)).collect();
        Ok(answer(json(&Sockets { sockets, next, nodes: NodesTold::of(nodes) })?))
    };
    api.lists.list(asked.fetch_sockets(), told).await
}

#[utoipa::path(
    get, path = "/api/sockets/{id}", tag = "read", operation_id = "socket", params(OfSocket),
    responses((status = 200, body = SocketTold), Problem)
)]
pub(crate) async fn one(
    State(api): State<Arc<Api>>,
    Extension(key): Extension<Arc<Key>>,
    OfSocket { id }: OfSocket,
    query: Query,
) -> Result<Response, Problem> {
    query.finish()?;
    let told = api.find(&key, id).await?.told(&key);
    // What it is in the eyes of a key for some rooms, who is in none of them is not there.
    told.filter(|told| !key.is_for_rooms() || !told.rooms.is_empty())
        .map_or_else(|| Err(Problem::unknown_socket()), |told| Ok(answer(json(&told)?)))
}

#[utoipa::path(
    post, path = "/api/sockets/{id}/rooms", tag = "move", operation_id = "moveSocket", params(OfSocket),
    request_body = Moves, responses((status = 200, body = SocketTold), Problem)
)]
pub(crate) async fn move_one(
    State(api): State<Arc<Api>>,
    Extension(key): Extension<Arc<Key>>,
    OfSocket { id }: OfSocket,
    request: Request,
) -> Result<Response, Problem> {
    let moves = Moves::read(&api, &key, request).await?;
    let found = api.find(&key, id).await?;
    moves.carry_out(&found.to);
    // Behind the moves, on each lane: so it says how it is by now.
    let found = Found { fetched: found.to.clone().fetch_sockets().await, ..found };
    match found.told(&key) {
        Some(told) => Ok(answer(json(&told)?)),
        None if found.fetched.nodes.missing == 0 => Err(Problem::unknown_socket()),
        None => Err(Problem::cluster_unavailable("its node does not say whether it has moved: ask again")),
    }
}

#[utoipa::path(
    delete, path = "/api/sockets/{id}", tag = "disconnect", operation_id = "disconnectSocket",
    params(OfSocket, Disconnecting), responses((status = 200, body = Moved), Problem)
)]
pub(crate) async fn disconnect_one(
    State(api): State<Arc<Api>>,
    Extension(key): Extension<Arc<Key>>,
    OfSocket { id }: OfSocket,
    mut query: Query,
) -> Result<Response, Problem> {
    let disconnecting = Disconnecting::read(&mut query)?;
    query.finish()?;
    let found = api.find(&key, id).await?;
    if key.is_for_rooms() && found.told(&key).is_none_or(|told| told.rooms.is_empty()) {
        return Err(Problem::unknown_socket());
    }
    disconnecting.carry_out(found.to);
    Ok(answer(json(&Moved::of((1, Nodes::default())))?))
}

/// One socket, wherever it is.
struct Found {
    namespace: String,
    /// It alone; of this node only, if it is here.
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
    /// Looks for a socket in the namespaces that the key is for: its id is in no two of them. The other nodes are asked only if
    /// it is not here.
    ///
    /// # Errors
    /// It is nowhere; or not here, and somebody who may have it does not answer.
    async fn find(&self, key: &Key, id: SocketId) -> Result<Found, Problem> {
        let names = self.namespaces().into_iter().filter(|name| key.has_namespace(name));
        let everywhere: Vec<(String, Broadcast)> =
            names.filter_map(|name| self.server.of(&name).ok().map(|everyone| (name, everyone.to(id)))).collect();
        for (namespace, to) in &everywhere {
            let to = to.clone().local();
            let fetched = to.clone().fetch_sockets().await;
            if !fetched.is_empty() {
                return Ok(Found { namespace: namespace.clone(), to, fetched });
            }
        }
        match &self.cluster {
            Some(_) => find_elsewhere(everywhere).await,
            None => Err(Problem::unknown_socket()),
        }
    }
}

/// Asks for all namespaces at once: a node that is silent is waited for once.
async fn find_elsewhere(everywhere: Vec<(String, Broadcast)>) -> Result<Found, Problem> {
    let mut asking = JoinSet::new();
    for (namespace, to) in everywhere {
        asking.spawn(async move {
            let fetched = to.clone().fetch_sockets().await;
            Found { namespace, to, fetched }
        });
    }
    let mut are_all_asked = true;
    while let Some(answered) = asking.join_next().await {
        match answered {
            Ok(found) if !found.fetched.is_empty() => return Ok(found),
            Ok(found) => are_all_asked &= found.fetched.nodes.missing == 0,
            Err(_) => return Err(Problem::internal()),
        }
    }
    if are_all_asked {
        return Err(Problem::unknown_socket());
    }
    let detail = "nobody with this id is connected to this node, and not all of the others answer: come back";
    Err(Problem::cluster_unavailable(detail))
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
