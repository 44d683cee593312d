//! Two servers in one process that are each other's peers, without a network between them.

use std::collections::BTreeSet;
use std::future::{Future, ready};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fanfare_socketio::codec::{EventName, Json};
use fanfare_socketio::hub::Progress;
use fanfare_socketio::{
    Acknowledged, Admission, Arguments, Asked, Command, ConnectRequest, Local, Namespace, NamespaceName, Nodes,
    Outgoing, Peers, Published, RemoteSocket, Room, RoomWatch, Server, Socket, SocketId, Target,
};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use crate::app::{Told, building, listening, quick};
use crate::client::Client;
use crate::support::within;

/// What one of them has of the other, once both are there.
#[derive(Default)]
pub(crate) struct Wire {
    other: Mutex<Option<Local>>,
    served: Mutex<Vec<Vec<String>>>,
    published: Mutex<Vec<String>>,
    /// How long it takes to hear which namespaces there are.
    hearing: Duration,
    /// The sockets that came to namespaces that it had not heard of, and those that came to others.
    came: Mutex<[Vec<String>; 2]>,
}

impl RoomWatch for Wire {
    fn room_changed(&self, _: &NamespaceName, _: &Room, _: bool) {}

    fn socket_changed(&self, namespace: &NamespaceName, _: SocketId, is_there: bool) {
        let name = namespace.to_string();
        let is_known = self.served.lock().unwrap().last().is_some_and(|names| names.contains(&name));
        if is_there {
            self.came.lock().unwrap()[usize::from(is_known)].push(name);
        }
    }
}

#[derive(Default)]
pub(crate) struct Wired(Arc<Wire>);

impl Wired {
    fn ask<T, F>(&self, ask: impl FnOnce(Local) -> F) -> Asked<T>
    where
        T: Default + Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        match self.0.other.lock().unwrap().clone() {
            Some(other) => {
                let asked = ask(other);
                Box::pin(async move { (asked.await, Nodes::new(1, 0)) })
            }
            None => Box::pin(ready((T::default(), Nodes::new(0, 1)))),
        }
    }
}

impl Peers for Wired {
    fn serve(&self, namespaces: &[NamespaceName]) {
        let mut names: Vec<String> = namespaces.iter().map(ToString::to_string).collect();
        names.sort();
        if !self.0.hearing.is_zero() {
            // The lanes go on meanwhile.
            tokio::task::block_in_place(|| std::thread::sleep(self.0.hearing));
        }
        self.0.served.lock().unwrap().push(names);
    }

    fn publish(&self, command: &Command<'_>) -> Published {
        self.0.published.lock().unwrap().push(format!("{command:?}").split(' ').next().unwrap_or_default().to_owned());
        let other = self.0.other.lock().unwrap().clone();
        let Some(other) = other else { return Published::Lost };
        other.apply(match command {
            Command::Emit { target, name, arguments, delivery, .. } => Command::Emit {
                target: target.clone(),
                name: *name,
                arguments,
                id: None,
                delivery: *delivery,
                receipt: None,
            },
            Command::Join { target, rooms } => Command::Join { target: target.clone(), rooms: rooms.clone() },
            Command::Leave { target, rooms } => Command::Leave { target: target.clone(), rooms: rooms.clone() },
            Command::Expel { target, from } => Command::Expel { target: target.clone(), from: *from },
            other => panic!("not for peers: {other:?}"),
        });
        Published::Sent
    }

    fn fetch_sockets(&self, target: Target) -> Asked<Vec<RemoteSocket>> {
        self.ask(|other| async move {
            let sockets = other.fetch_sockets(target, usize::MAX).await;
            sockets.into_iter().flatten().map(|socket| RemoteSocket::new(socket.id, socket.rooms)).collect()
        })
    }

    fn fetch_rooms(&self, namespace: NamespaceName) -> Asked<BTreeSet<Room>> {
        self.ask(|other| async move {
            other.fetch_rooms(namespace, usize::MAX).await.unwrap_or_default().into_keys().collect()
        })
    }

    fn count(&self, target: Target) -> Asked<usize> {
        self.ask(|other| async move { other.count(target).await })
    }

    fn emit_with_ack(&self, event: Outgoing<'_>, within: Duration) -> Asked<Acknowledged> {
        let (sender, mut progress) = mpsc::unbounded_channel();
        let follow = move |news| sender.send(news).unwrap_or_default();
        let Outgoing { target, name, arguments, .. } = event;
        self.ask(|other| {
            assert!(other.emit_with_ack(target, (name.raw(), arguments), within, follow));
            async move {
                let mut acknowledged = Acknowledged::default();
                while let Some(news) = progress.recv().await {
                    match news {
                        Progress::Reached(sockets) => acknowledged.reached = sockets,
                        Progress::Answered(_, arguments) => acknowledged.received.push(arguments),
                        _ => break,
                    }
                }
                acknowledged
            }
        })
    }

    fn server_side_emit(
        &self,
        _: &NamespaceName,
        name: &EventName,
        _: &Arguments,
        within: Option<Duration>,
    ) -> Asked<Vec<Json>> {
        let answer = Json::serialize(&format!("{name:?}")).unwrap();
        self.ask(move |_| ready(within.map(|_| vec![answer]).unwrap_or_default()))
    }
}

/// A namespace for everybody.
struct Open;

impl Namespace for Open {
    fn connect(&self, _: ConnectRequest) -> Admission {
        Admission::accept(())
    }
}

struct Node {
    server: Server,
    told: UnboundedReceiver<Told>,
    wire: Arc<Wire>,
    address: std::net::SocketAddr,
}

impl Node {
    async fn join(&mut self) -> (Client, Socket) {
        let (client, _) = Client::join(self.address).await;
        loop {
            if let Told::Connected(socket) = within(self.told.recv()).await.unwrap() {
                return (client, socket);
            }
        }
    }

    fn published(&self) -> Vec<String> {
        std::mem::take(&mut *self.wire.published.lock().unwrap())
    }
}

/// One after the other: the second is wired to the first at once, the first to the second when that is there.
async fn two() -> [Node; 2] {
    let wires = [Arc::new(Wire::default()), Arc::new(Wire::default())];
    let mut nodes = Vec::new();
    for (index, wire) in wires.iter().enumerate() {
        let (builder, told, _) = building(quick());
        let (peers, others) = (Wired(Arc::clone(wire)), Arc::clone(&wires[1 - index]));
        let server = builder
            .peers(move |local| {
                *others.other.lock().unwrap() = Some(local);
                peers
            })
            .build();
        let address = listening(&server).await;
        nodes.push(Node { server, told, wire: Arc::clone(wire), address });
    }
    nodes.try_into().map_err(|_| ()).expect("two")
}

#[tokio::test]
async fn what_is_asked_of_a_broadcast_is_asked_of_all_nodes_unless_it_is_local() {
    let [mut f, mut g] = two().await;
    let ((mut a, a_socket), (mut b, _)) = (f.join().await, g.join().await);
    let io = || f.server.of("/").unwrap();
    io().emit("all", (1,)).unwrap();
    io().local().emit("here", ()).unwrap();
    a_socket.broadcast().emit("others", ()).unwrap();
    a_socket.emit("me", ()).unwrap();
    for text in [r#"42["all",1]"#, r#"42["here"]"#, r#"42["me"]"#] {
        assert_eq!(a.text().await, text);
    }
    for text in [r#"42["all",1]"#, r#"42["others"]"#] {
        assert_eq!(b.text().await, text);
    }
    assert_eq!(f.published(), ["Emit", "Emit"], "what is for a client of its own is nobody else's");

    a_socket.join("r");
    io().join("s");
    assert_eq!(f.published(), ["Join"]);
    let rooms = within(io().fetch_rooms()).await;
    assert_eq!(rooms.here.len(), 2);
    assert_eq!(rooms.elsewhere, BTreeSet::from([Room::from("s")]));
    let found = within(io().to("s").fetch_sockets()).await;
    assert_eq!((found.sockets.len(), found.remote.len(), found.nodes), (1, 1, Nodes::new(1, 0)));
    assert_eq!(found.sockets[0].handshake.address.unwrap().to_string(), "127.0.0.1");
    assert_eq!(within(io().local().fetch_sockets()).await.len(), 1);
    assert_eq!(within(io().count()).await, (2, Nodes::new(1, 0)));
    assert_eq!(within(io().to("r").count()).await, (1, Nodes::new(1, 0)));

    let (sender, outcome) = tokio::sync::oneshot::channel();
    let name = EventName::new("counted").unwrap();
    io().relay_counted(name.raw(), Arguments::empty(), move |outcome| sender.send(outcome).unwrap());
    let outcome = within(outcome).await.unwrap();
    assert_eq!((outcome.queued, outcome.cluster), (1, Published::Sent));
    io().except("r").disconnect();
    assert_eq!(b.text().await, r#"42["counted"]"#);
    assert_eq!(b.text().await, "41");
}

#[tokio::test]
async fn acknowledgements_come_from_all_nodes() {
    let [mut f, mut g] = two().await;
    let ((mut a, socket), (mut b, _), (mut c, _)) = (f.join().await, g.join().await, g.join().await);
    let asked = f.server.of("/").unwrap().emit_with_ack("ask", (), Duration::from_millis(300)).unwrap();
    for client in [&mut a, &mut b, &mut c] {
        assert_eq!(client.text().await, r#"420["ask"]"#);
    }
    a.send("430[1]").await;
    b.send("430[2]").await;
    let answers = within(asked).await;
    assert_eq!(answers.received, [(socket.id(), Arguments::serialize(&(1,)).unwrap())]);
    assert_eq!(answers.elsewhere.received, [Arguments::serialize(&(2,)).unwrap()]);
    assert_eq!((answers.elsewhere.reached, answers.nodes), (2, Nodes::new(1, 0)), "one of them said nothing");
    let asked = f.server.of("/").unwrap().server_side_emit_with_ack("who", (), Duration::from_secs(1)).unwrap();
    let (answers, nodes) = within(asked).await;
    assert_eq!((answers.len(), nodes), (1, Nodes::new(1, 0)));
}

#[tokio::test]
async fn peers_hear_which_namespaces_there_are() {
    let [f, _] = two().await;
    let before = f.wire.served.lock().unwrap().clone();
    assert_eq!(before.len(), 1);
    f.server.add_namespace("/new", Open).unwrap();
    f.server.remove_namespace("/new", Duration::ZERO);
    let served = f.wire.served.lock().unwrap().clone();
    assert_eq!((served.len(), served[1].contains(&"/new".to_owned()), &served[2]), (3, true, &before[0]));
}

/// Whose rooms have channels of their own has to know of a namespace before its rooms.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_hear_of_a_namespace_before_somebody_is_in_it() {
    let wire = Arc::new(Wire { hearing: Duration::from_millis(50), ..Wire::default() });
    let peers = Wired(Arc::clone(&wire));
    let server = Server::builder(quick()).namespace_pattern("/doc/{id}", Open).unwrap();
    let server = server.peers(move |_| peers).room_watch(Arc::clone(&wire) as _).build();
    let address = listening(&server).await;
    let mut clients = [Client::open(address).await, Client::open(address).await];
    for client in &mut clients {
        client.send("40/doc/1,").await;
    }
    for client in &mut clients {
        assert!(client.text().await.starts_with("40/doc/1,"));
    }
    assert_eq!(*wire.came.lock().unwrap(), [vec![], vec!["/doc/1".to_owned(); 2]]);
    let adding = server.clone();
    let adding = tokio::task::spawn_blocking(move || adding.add_namespace("/new", Open).unwrap());
    let mut client = Client::open(address).await;
    client.send("40/new,").await;
    while !client.text().await.starts_with("40/new,") {
        // Not there yet. Who asks too often is closed.
        tokio::time::sleep(Duration::from_millis(10)).await;
        client.send("40/new,").await;
    }
    within(adding).await.unwrap();
    assert_eq!(wire.came.lock().unwrap()[0], [""; 0]);
}

#[tokio::test]
async fn a_server_that_is_gone_has_nobody_for_its_peers() {
    let wire = Arc::new(Wire::default());
    let (builder, told, _) = building(quick());
    let (peers, own) = (Wired(Arc::clone(&wire)), Arc::clone(&wire));
    let server = builder
        .peers(move |local| {
            *own.other.lock().unwrap() = Some(local);
            peers
        })
        .build();
    let local = wire.other.lock().unwrap().clone().unwrap();
    let root = NamespaceName::try_from("/").unwrap();
    let of_a_socket = Room::from("-cn1nULMRHKVEEQVAAAA");
    assert!(!local.has_room(&root, &Room::from("r")) && local.has_room(&root, &of_a_socket));
    drop((server, told));
    crate::support::eventually("nothing is kept", || !local.has_room(&root, &of_a_socket)).await;
    assert_eq!(within(local.count(Target::everyone(root))).await, 0);
}

#[tokio::test]
async fn peers_hear_of_a_namespace_by_pattern_while_somebody_is_in_it() {
    let wire = Arc::new(Wire::default());
    let peers = Wired(Arc::clone(&wire));
    let server = Server::builder(quick()).namespace_pattern("/doc/{id}", fanfare_socketio::Handlers::new()).unwrap();
    let server = server.namespace("/doc/own", Open).unwrap().peers(move |_| peers).build();
    let address = listening(&server).await;
    let (mut a, mut b) = (Client::open(address).await, Client::open(address).await);
    for client in [&mut a, &mut b] {
        client.connect("/doc/own").await;
        client.connect("/doc/1").await;
    }
    a.connect("/doc/2").await;
    drop(a);
    let served = || wire.served.lock().unwrap().iter().map(|names| names.join(" ")).collect::<Vec<_>>();
    crate::support::eventually("the second is gone", || served().len() == 4).await;
    drop(b);
    crate::support::eventually("both are gone", || served().len() == 5).await;
    assert_eq!(served(), ["/doc/own", "/doc/1 /doc/own", "/doc/1 /doc/2 /doc/own", "/doc/1 /doc/own", "/doc/own"]);
}
