//! Sockets and rooms as they were found.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engineio::Handshake;
use hub::{Hub, Room, SocketId, Target};
use socketio_codec::{Json, Namespace as NamespaceName};
use tokio::sync::oneshot;

use crate::inbox::Inbox;
use crate::nodes::Nodes;

/// Who was found: on this node and on the others. By the time it is read, they may have moved or gone.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Fetched {
    /// Those that are here, in no order.
    pub sockets: Vec<SocketInfo>,
    /// Those of other nodes, in no order.
    pub remote: Vec<RemoteSocket>,
    /// Who was asked for the latter.
    pub nodes: Nodes,
}

impl Fetched {
    /// How many sockets were found.
    pub fn len(&self) -> usize {
        self.sockets.len() + self.remote.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The ids of all.
    pub fn ids(&self) -> impl Iterator<Item = SocketId> {
        self.sockets.iter().map(|socket| socket.id).chain(self.remote.iter().map(|socket| socket.id))
    }
}

/// A socket of this node.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SocketInfo {
    /// Its id.
    pub id: SocketId,
    /// The rooms it is in, in no order. Its own room, which has its id for a name, goes without saying.
    pub rooms: Vec<Room>,
    /// The HTTP request that opened its connection: of the headers and the path, what the settings keep.
    pub handshake: Arc<Handshake>,
}

/// A socket of another node, as that describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteSocket {
    /// Its id.
    pub id: SocketId,
    /// The rooms it is in, in no order, without its own.
    pub rooms: Vec<Room>,
    /// A JSON object, in the reference's words: `headers`, `time`, `address`, `secure`, `url`, `query`, `auth`. Any of them
    /// may be missing.
    pub handshake: Option<Json>,
    /// What its node's program keeps with it (`socket.data`).
    pub data: Option<Json>,
}

impl RemoteSocket {
    /// A socket of which nothing more is known.
    pub fn new(id: SocketId, rooms: Vec<Room>) -> Self {
        Self { id, rooms, handshake: None, data: None }
    }
}

/// Which rooms there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rooms {
    /// Those of this node, with the number of their sockets here.
    pub here: BTreeMap<Room, usize>,
    /// Those of other nodes.
    pub elsewhere: BTreeSet<Room>,
    /// Who was asked for the latter.
    pub nodes: Nodes,
}

/// Who of `target` is here. `None`: to say so takes more than so many bytes.
pub(crate) async fn here(hub: &Hub, target: Target, bytes_max: usize) -> Option<Vec<SocketInfo>> {
    let (sender, receiver) = oneshot::channel();
    hub.fetch_sockets_within(target, bytes_max, move |sockets| {
        let _ = sender.send(sockets);
    });
    let found: Vec<hub::SocketInfo> = receiver.await.ok().flatten()?;
    Some(found.into_iter().filter_map(known).collect())
}

/// How many of `target` are here.
pub(crate) async fn number(hub: &Hub, target: Target) -> usize {
    let (sender, receiver) = oneshot::channel();
    hub.count_sockets(target, move |number| {
        let _ = sender.send(number);
    });
    receiver.await.unwrap_or_default()
}

/// The ids of those of `target` that are here. `None`: they take more than so many bytes.
pub(crate) async fn ids(hub: &Hub, target: Target, bytes_max: usize) -> Option<Vec<SocketId>> {
    let (sender, receiver) = oneshot::channel();
    hub.fetch_ids_within(target, bytes_max, move |ids| {
        let _ = sender.send(ids);
    });
    receiver.await.ok().flatten()
}

/// The rooms of a namespace that are here, with the number of their sockets. `None`: they take more than so many bytes.
pub(crate) async fn rooms(hub: &Hub, namespace: NamespaceName, bytes_max: usize) -> Option<BTreeMap<Room, usize>> {
    let (sender, receiver) = oneshot::channel();
    hub.fetch_rooms(namespace, bytes_max, move |rooms| {
        let _ = sender.send(rooms);
    });
    let mut rooms = BTreeMap::new();
    for (number, (room, sockets)) in receiver.await.ok().flatten()?.into_iter().enumerate() {
        *rooms.entry(room).or_default() += sockets;
        // A million of them are sorted, and who waits for this thread does not wait for all.
        if number % ROOMS_AT_ONCE == ROOMS_AT_ONCE - 1 {
            tokio::task::yield_now().await;
        }
    }
    Some(rooms)
}

/// With the handshake. The sessions of this server are all of one kind.
fn known(found: hub::SocketInfo) -> Option<SocketInfo> {
    let hub::SocketInfo { id, rooms, owner, .. } = found;
    let owner: &dyn Any = &*owner;
    let handshake = owner.downcast_ref::<Inbox>()?.handshake();
    Some(SocketInfo { id, rooms, handshake: Arc::clone(handshake) })
}

const ROOMS_AT_ONCE: usize = 1024;
