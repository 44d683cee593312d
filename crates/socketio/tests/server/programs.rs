//! What the programs of other nodes say to this one's.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fanfare_socketio::codec::EventName;
use fanfare_socketio::testing::TestClient;
use fanfare_socketio::{
    Admission, Arguments, ConnectRequest, EmitError, Handlers, Later, Local, Namespace, NamespaceName, Rest, Server,
    ServerConfig, ServerSideEvent, ToArguments, Told,
};
use tokio::sync::{Semaphore, oneshot};

use crate::peers::Wired;
use crate::support::within;

/// A server that is a node, and what its peers may ask of it.
fn node(namespace: impl Namespace) -> (Server, Peer) {
    let (sender, mut local) = oneshot::channel();
    let builder = Server::builder(ServerConfig::default()).namespace("/", namespace).unwrap();
    let server = builder
        .peers(move |local| {
            sender.send(local).unwrap();
            Wired::default()
        })
        .build();
    (server, Peer(local.try_recv().unwrap()))
}

struct Peer(Local);

impl Peer {
    fn begin(&self, namespace: &str, name: &str, arguments: impl ToArguments) -> (Told, oneshot::Receiver<Arguments>) {
        let (sender, answer) = oneshot::channel();
        let (namespace, name) = (NamespaceName::try_from(namespace).unwrap(), EventName::new(name).unwrap());
        let arguments = arguments.to_arguments().unwrap();
        let told = self.0.server_side_emit(&namespace, name, arguments, |given| drop(sender.send(given)));
        (told, answer)
    }

    async fn ask(&self, name: &str, arguments: impl ToArguments) -> String {
        let (told, answer) = self.begin("/", name, arguments);
        assert_eq!(told, Told::Begun, "{name}");
        within(answer).await.unwrap().as_str().to_owned()
    }

    fn tell(&self, name: &str, arguments: impl ToArguments) -> Told {
        self.begin("/", name, arguments).0
    }
}

#[tokio::test]
async fn handlers_get_their_arguments_and_give_the_answer() {
    let handlers = Handlers::new()
        .on_server_side_emit("add", |_, (a, b): (u32, u32)| a + b)
        .on_server_side_emit("later", async |_, (text, Rest): (String, Rest)| {
            tokio::task::yield_now().await;
            (text, 2)
        })
        .on_server_side_emit("nothing", |_, ()| {})
        .on_server_side_emit("fails", |_, ()| Err::<(), _>("no"))
        .on_server_side_emit("cannot emit", |everyone, ()| -> Result<u8, EmitError> {
            everyone.emit("disconnect", ()).map(|()| 1)
        })
        .on_server_side_emit("tell", |everyone, text: String| everyone.local().emit("told", text));
    let (server, peer) = node(handlers);
    let mut client = TestClient::join(&server, "/").await;
    assert_eq!(peer.ask("add", (1, 2)).await, "3");
    assert_eq!(peer.ask("later", ("x", 1, 2)).await, r#""x",2"#);
    assert_eq!(peer.ask("nothing", ()).await, "");
    assert_eq!(peer.ask("fails", ()).await, r#""no""#);
    assert_eq!(peer.ask("cannot emit", ()).await, "");
    peer.ask("tell", "all").await;
    let event = within(client.event()).await;
    assert_eq!((&*event.name(), event.arguments().as_str()), ("told", r#""all""#));
}

#[tokio::test]
async fn what_is_for_nobody_is_said_to_be_so() {
    let handlers = Handlers::new().on("add", |_, ()| {}).on_server_side_emit("sum", |_, (a, b): (u32, u32)| a + b);
    let (server, peer) = node(handlers);
    assert_eq!(peer.tell("add", ()), Told::Nobody, "clients may say this");
    assert_eq!(peer.tell("sum", ("1", 2)), Told::Nobody);
    assert_eq!(peer.tell("sum", (1, 2, 3)), Told::Nobody);
    assert_eq!(peer.begin("/other", "sum", (1, 2)).0, Told::Nobody);
    let (told, answer) = peer.begin("/", "unknown", ());
    assert_eq!(told, Told::Nobody);
    assert!(answer.await.is_err(), "nor is it answered");
    // What a client says is another thing.
    let mut client = TestClient::join(&server, "/").await;
    client.emit("sum", (1, 2)).await;
    client.emit_with_ack("add", ()).await;
    assert_eq!(peer.tell("sum", (1, 2)), Told::Begun);

    // A server that is gone is not kept by its peers.
    let (server, peer) = node(ByHand);
    assert_eq!(peer.ask("x", ()).await, r#""x""#);
    drop(server);
    crate::support::eventually("nobody is here", || peer.tell("x", ()) == Told::Nobody).await;
}

#[tokio::test]
async fn a_panic_is_answered_and_takes_nothing_down() {
    let handlers = Handlers::new()
        .on("echo", |_, text: String| text)
        .on_server_side_emit("now", |_, ()| -> () { panic!("as asked") })
        .on_server_side_emit("later", async |_, ()| -> () { panic!("as asked") })
        .on_server_side_emit("well", |_, ()| 1);
    let (server, peer) = node(handlers);
    let mut client = TestClient::join(&server, "/").await;
    for _ in 0..2 {
        assert_eq!(peer.ask("now", ()).await, "");
        assert_eq!(peer.ask("later", ()).await, "");
    }
    assert_eq!(peer.ask("well", ()).await, "1");
    assert_eq!(within(client.emit_with_ack("echo", "x")).await.as_str(), r#""x""#);
    assert_eq!((server.close_counts().len(), server.health().to_string().as_str()), (0, "ok"));
}

#[tokio::test(start_paused = true)]
async fn so_many_go_on_at_a_time_and_none_for_ever() {
    let (go, noted) = (Arc::new(Semaphore::new(0)), Arc::new(Mutex::new(Vec::new())));
    let (waiting, noting) = (Arc::clone(&go), Arc::clone(&noted));
    let handlers = Handlers::new()
        .on_server_side_emit("wait", move |_, ()| {
            let go = Arc::clone(&waiting);
            async move { drop(go.acquire_owned().await) }
        })
        .on_server_side_emit("hang", async |_, ()| pending::<()>().await)
        .on_server_side_emit("note", move |_, number: u32| noting.lock().unwrap().push(number));
    let (server, peer) = node(handlers);
    let begun: Vec<_> = (0..256).map(|_| peer.begin("/", "wait", ())).collect();
    assert!(begun.iter().all(|(told, _)| *told == Told::Begun));
    assert_eq!(peer.tell("wait", ()), Told::TooMuch);
    go.add_permits(1);
    for (_, answer) in begun {
        assert!(within(answer).await.unwrap().is_empty());
    }
    // In order, whatever goes on beside them.
    let (told, hung) = peer.begin("/", "hang", ());
    assert_eq!(told, Told::Begun);
    (0..10).for_each(|number| assert_eq!(peer.tell("note", number), Told::Begun));
    assert_eq!(*noted.lock().unwrap(), (0..10).collect::<Vec<_>>());
    server.close();
    let drained = tokio::time::timeout(Duration::from_millis(1), server.drained()).await;
    assert!(drained.is_ok(), "a peer's word keeps no server from its end");
    assert!(tokio::time::timeout(Duration::from_secs(61), hung).await.unwrap().unwrap().is_empty());
}

/// Answers with what it is called.
struct ByHand;

impl Namespace for ByHand {
    fn connect(&self, _: ConnectRequest) -> Admission {
        Admission::accept(())
    }

    fn server_side_event(&self, event: ServerSideEvent) -> Option<Later<Arguments>> {
        Some(Box::pin(async move { Arguments::serialize(&(event.name.raw().decode(),)).unwrap() }))
    }
}

#[tokio::test]
async fn a_namespace_made_by_hand_hears_them_too_behind_whatever_pointer() {
    for (server, peer) in [node(ByHand), node(Arc::new(ByHand)), node(Box::new(ByHand) as Box<dyn Namespace>)] {
        assert_eq!(peer.ask("anything", ()).await, r#""anything""#);
        server.add_namespace("/new", ByHand).unwrap();
        assert_eq!(peer.begin("/new", "x", ()).0, Told::Begun);
    }
}
