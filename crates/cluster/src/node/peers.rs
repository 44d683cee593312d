//! The other nodes, as the server is given them.

use std::collections::BTreeSet;
use std::future::ready;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use cluster_proto::outgoing::Publication;
use cluster_proto::wire::{self, Answer, EmitRef, Sought};
use socketio::codec::{Arguments, EventName, Json};
use socketio::engineio::proto::Delivery;
use socketio::{
    Acknowledged, Asked, Command, NamespaceName, Nodes, Outgoing, Peers, Published, RemoteSocket, Room, SocketId,
    Target,
};
use tokio::sync::oneshot;

use super::news::{Ask, Kind, News, Reply};
use super::place::Place;
use super::shared::Shared;

/// The other nodes over Redis: what [`Cluster::peers`](crate::Cluster::peers) makes.
pub struct RedisPeers {
    pub(crate) shared: Arc<Shared>,
}

/// Asks, if the fleet knows the question.
fn ask<T: Default + Send + 'static>(
    shared: &Arc<Shared>,
    place: Option<Arc<Place>>,
    (kind, timeout): (Kind, Duration),
    request: impl FnOnce(&Place, &str) -> Option<Publication>,
    read: impl FnOnce(Reply) -> T + Send + 'static,
) -> Asked<T> {
    let id = wire::Uid::from_random(rand::random()).to_string();
    let asked = place.and_then(|place| request(&place, &id).map(|request| (place, request)));
    let Some((place, request)) = asked else { return Box::pin(ready(Default::default())) };
    let (reply, replied) = oneshot::channel();
    let number = shared.next_ask();
    shared.begin_ask(id.clone());
    let waiting = Waiting { number, id: id.clone(), shared: Arc::clone(shared) };
    shared.tell(News::Ask(Ask { number, place, id, request, kind, timeout, reply }));
    Box::pin(async move {
        // Where the supervisor is gone, nobody was asked: then it is not known who is missing, but that somebody may be.
        let reply = replied.await;
        drop(waiting);
        let nodes = reply.as_ref().map_or(Nodes::new(0, 1), |reply| reply.nodes);
        (read(reply.unwrap_or_default()), nodes)
    })
}

/// Asks what nodes answer at once.
fn ask_nodes<T: Default + Send + 'static>(
    shared: &Arc<Shared>,
    target: &Target,
    sought: Sought<'_>,
    read: impl FnOnce(Reply) -> T + Send + 'static,
) -> Asked<T> {
    let place = shared.place(target.namespace());
    let request = move |place: &Place, id: &str| place.ask(id, sought);
    ask(shared, place, (Kind::Nodes, shared.config.request_timeout), request, read)
}

impl Peers for RedisPeers {
    fn serve(&self, namespaces: &[NamespaceName]) {
        self.shared.serve(namespaces);
    }

    fn publish(&self, command: &Command<'_>) -> Published {
        let Some(target) = target(command) else { return Published::Nowhere };
        let Some(place) = self.shared.place(target.namespace()) else { return Published::Nowhere };
        // What is not known on the wire is for this node only.
        place.tell(command).map_or(Published::Nowhere, |publication| self.shared.publish(publication))
    }

    fn fetch_sockets(&self, target: Target) -> Asked<Vec<RemoteSocket>> {
        ask_nodes(&self.shared, &target, Sought::Fetch(&target), sockets)
    }

    fn fetch_rooms(&self, namespace: NamespaceName) -> Asked<BTreeSet<Room>> {
        let place = self.shared.place(&namespace);
        if place.as_ref().is_some_and(|place| place.is_sharded()) {
            // There is no question for it in a sharded fleet.
            let everyone = Target::everyone(namespace);
            let rooms = |reply| sockets(reply).into_iter().flat_map(|socket| socket.rooms).collect();
            return ask_nodes(&self.shared, &everyone, Sought::Fetch(&everyone), rooms);
        }
        ask_nodes(&self.shared, &Target::everyone(namespace), Sought::AllRooms, |reply| {
            let rooms = reply.answers.into_iter().flat_map(|answer| match answer {
                Answer::Rooms(rooms) => rooms,
                _ => Vec::new(),
            });
            // Each socket's own is among them.
            rooms.filter(|room| SocketId::parse(room.as_str()).is_none()).collect()
        })
    }

    fn count(&self, target: Target) -> Asked<usize> {
        let (shared, asked) = (Arc::clone(&self.shared), target.clone());
        let ask = move || ask_nodes(&shared, &asked, Sought::Count(&asked), number);
        self.shared.counting.count(&self.shared.runtime, target, ask).unwrap_or_else(|| {
            let peers = self.shared.peers.lock().unwrap_or_else(PoisonError::into_inner).peers(Instant::now()).count();
            Box::pin(ready((0, Nodes::new(0, peers.max(1)))))
        })
    }

    fn emit_with_ack(&self, event: Outgoing<'_>, within: Duration) -> Asked<Acknowledged> {
        let Outgoing { target, name, arguments, .. } = event;
        let place = self.shared.place(target.namespace());
        let request = |place: &Place, id: &str| {
            let emit =
                EmitRef { target: &target, name: name.raw(), arguments, delivery: Delivery::Reliable, compress: true };
            place.ask(id, Sought::EmitWithAck { emit, timeout: within })
        };
        ask(&self.shared, place, (Kind::Clients, within), request, |reply| {
            let mut acknowledged = Acknowledged::default();
            acknowledged.reached = usize::try_from(reply.reached).unwrap_or(usize::MAX);
            acknowledged.received = reply
                .answers
                .into_iter()
                .filter_map(|answer| match answer {
                    Answer::Ack(arguments) => Some(arguments),
                    _ => None,
                })
                .collect();
            acknowledged
        })
    }

    fn server_side_emit(
        &self,
        namespace: &NamespaceName,
        name: &EventName,
        arguments: &Arguments,
        within: Option<Duration>,
    ) -> Asked<Vec<Json>> {
        let place = self.shared.place(namespace);
        let Some(data) = with_name(name, arguments) else { return Box::pin(ready(Default::default())) };
        let Some(within) = within else {
            place.map(|place| self.shared.publish(place.server_side_emit(&data)));
            return Box::pin(ready(Default::default()));
        };
        let request = |place: &Place, id: &str| place.ask(id, Sought::ServerSideEmit(&data));
        ask(&self.shared, place, (Kind::Applications, within), request, |reply| {
            let value = |answer| match answer {
                Answer::ServerSide(value) => json(&value),
                _ => None,
            };
            reply.answers.into_iter().filter_map(value).collect()
        })
    }
}

/// The server is gone: the fleet is to know.
impl Drop for RedisPeers {
    fn drop(&mut self) {
        self.shared.tell(News::Leave(None));
    }
}

/// Whoever waits for an answer; dropped, the question is forgotten.
struct Waiting {
    number: u64,
    id: String,
    shared: Arc<Shared>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.shared.end_ask(&self.id);
        self.shared.tell(News::Forget(self.number));
    }
}

fn target<'a>(command: &'a Command<'_>) -> Option<&'a Target> {
    match command {
        Command::Emit { target, .. }
        | Command::Join { target, .. }
        | Command::Leave { target, .. }
        | Command::Expel { target, .. } => Some(target),
        _ => None,
    }
}

/// How many sockets the answers have, or name, or say there are.
fn number(reply: Reply) -> usize {
    let numbers = reply.answers.into_iter().map(|answer| match answer {
        Answer::Clients(number) => usize::try_from(number).unwrap_or(usize::MAX),
        Answer::Ids(ids) => ids.len(),
        Answer::Sockets(sockets) => sockets.len(),
        _ => 0,
    });
    numbers.fold(0, usize::saturating_add)
}

fn sockets(reply: Reply) -> Vec<RemoteSocket> {
    let sockets = reply.answers.into_iter().flat_map(|answer| match answer {
        Answer::Sockets(sockets) => sockets,
        _ => Vec::new(),
    });
    sockets.filter_map(known).collect()
}

/// A socket whose id no client could have is nobody.
fn known(socket: wire::RemoteSocket) -> Option<RemoteSocket> {
    let wire::RemoteSocket { id, handshake, mut rooms, data } = socket;
    rooms.retain(|room| room.as_str() != id);
    let mut known = RemoteSocket::new(SocketId::parse(&id)?, rooms);
    (known.handshake, known.data) = (Some(handshake), Some(data));
    Some(known)
}

/// The list that `serverSideEmit` takes: the name first. Bytes in it are written as the wire has them.
fn with_name(name: &EventName, arguments: &Arguments) -> Option<Arguments> {
    let raw = name.raw();
    let list = match arguments.is_empty() {
        true => format!("[{}]", raw.as_str()),
        false => format!("[{},{}]", raw.as_str(), list_of(arguments)),
    };
    Arguments::with_attachments(list.into(), arguments.attachments().to_vec()).ok()
}

/// The values with commas between them.
fn list_of(arguments: &Arguments) -> String {
    let values: Vec<_> = (0..arguments.len()).filter_map(|n| arguments.raw(n)).collect();
    values.join(",")
}

fn json(value: &Arguments) -> Option<Json> {
    let text = value.raw(0).unwrap_or("null");
    Json::from_text(text.to_owned().into()).ok()
}
