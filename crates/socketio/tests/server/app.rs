//! A server on a port of its own whose namespaces tell the test what they are told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fanfare_socketio::{
    AckSender, Admission, ConnectRequest, DisconnectReason, Event, Member, Namespace, Refusal, Server, ServerBuilder,
    ServerConfig, Socket, serve,
};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use crate::support::{Waiting, within};

/// What a namespace or a member was told.
pub(crate) enum Told {
    Asked(ConnectRequest, Option<Decide>),
    Connected(Socket),
    Event(Socket, Event, Option<AckSender>),
    Disconnected(Socket, DisconnectReason),
}

/// Decides a CONNECT that was left pending.
pub(crate) type Decide = oneshot::Sender<Result<(), Refusal>>;

/// A server that is served, with an ear at its namespaces and members.
pub(crate) struct Served {
    pub(crate) server: Server,
    pub(crate) address: SocketAddr,
    pub(crate) told: UnboundedReceiver<Told>,
    /// Decisions that are being waited for.
    pub(crate) undecided: Arc<AtomicUsize>,
    /// Dropped, it stops the listener.
    stop: oneshot::Sender<()>,
}

/// Serves `/` and `/other`, which accept everybody, `/refusing`, which refuses with data, `/pending`, where the
/// test decides, and `/later`, where nobody is served now.
pub(crate) async fn served() -> Served {
    served_with(quick()).await
}

pub(crate) async fn served_with(config: ServerConfig) -> Served {
    let (server, told, undecided) = built(config);
    let (stop, stopped) = oneshot::channel();
    Served { address: listening_until(&server, stopped).await, server, told, undecided, stop }
}

/// Serves it on a port of its own.
pub(crate) async fn listening(server: &Server) -> SocketAddr {
    listening_until(server, std::future::pending::<()>()).await
}

async fn listening_until<T>(server: &Server, stopped: impl Future<Output = T> + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = server.clone();
    let service = move |request| service.call(request);
    tokio::spawn(serve(listener, service, async move {
        let _ = stopped.await;
    }));
    address
}

/// A server that nobody serves yet.
pub(crate) fn built(config: ServerConfig) -> (Server, UnboundedReceiver<Told>, Arc<AtomicUsize>) {
    let (builder, told, undecided) = building(config);
    (builder.build(), told, undecided)
}

/// The same, to be built yet.
pub(crate) fn building(config: ServerConfig) -> (ServerBuilder, UnboundedReceiver<Told>, Arc<AtomicUsize>) {
    let (teller, told) = unbounded_channel();
    let undecided = Arc::new(AtomicUsize::new(0));
    let mut builder = Server::builder(config);
    for (name, policy) in [
        ("/", Policy::Accept),
        ("/other", Policy::Accept),
        ("/refusing", Policy::Refuse),
        ("/pending", Policy::Pend),
        ("/later", Policy::TryLater),
    ] {
        let recorder = Recorder { teller: teller.clone(), policy, undecided: Arc::clone(&undecided) };
        builder = builder.namespace(name, recorder).unwrap();
    }
    (builder, told, undecided)
}

/// Short times for ends.
pub(crate) fn quick() -> ServerConfig {
    let mut config = ServerConfig::default();
    config.engine.session.close_timeout = Duration::from_millis(500);
    config
}

impl Served {
    pub(crate) async fn told(&mut self) -> Told {
        within(self.told.recv()).await.expect("the handlers live as long as the server")
    }

    /// The socket that connects next.
    pub(crate) async fn connected(&mut self) -> Socket {
        loop {
            if let Told::Connected(socket) = self.told().await {
                return socket;
            }
        }
    }

    pub(crate) async fn event(&mut self) -> (Socket, Event, Option<AckSender>) {
        loop {
            if let Told::Event(socket, event, ack) = self.told().await {
                return (socket, event, ack);
            }
        }
    }

    pub(crate) async fn asked(&mut self) -> (ConnectRequest, Option<Decide>) {
        loop {
            if let Told::Asked(request, decide) = self.told().await {
                return (request, decide);
            }
        }
    }

    pub(crate) async fn disconnected(&mut self) -> (Socket, DisconnectReason) {
        loop {
            if let Told::Disconnected(socket, reason) = self.told().await {
                return (socket, reason);
            }
        }
    }

    /// Rooms of `/` and how many are in each, once all that was asked for before is done.
    pub(crate) async fn rooms(&self) -> BTreeMap<String, usize> {
        let rooms = within(self.server.of("/").unwrap().fetch_rooms()).await;
        rooms.here.into_iter().map(|(room, members)| (room.to_string(), members)).collect()
    }

    pub(crate) async fn members(&self, namespace: &str) -> usize {
        within(self.server.of(namespace).unwrap().fetch_sockets()).await.len()
    }

    /// Stops serving, and drops the server.
    pub(crate) async fn stop(self) {
        self.emptied().await;
        drop(self.stop);
    }

    /// Waits until nothing at all is left of any connection.
    pub(crate) async fn emptied(&self) {
        crate::support::eventually("no connection is left", || self.server.connection_count() == 0).await;
        within(self.server.drained()).await;
        assert_eq!((self.members("/").await, self.members("/other").await), (0, 0));
        assert_eq!(self.rooms().await, BTreeMap::new());
        assert_eq!(self.undecided.load(Ordering::SeqCst), 0);
    }
}

enum Policy {
    Accept,
    Refuse,
    Pend,
    TryLater,
}

struct Recorder {
    teller: UnboundedSender<Told>,
    policy: Policy,
    undecided: Arc<AtomicUsize>,
}

/// Who has joined.
struct Listener(UnboundedSender<Told>);

impl Recorder {
    fn listener(&self) -> Listener {
        Listener(self.teller.clone())
    }

    fn tell(&self, told: Told) {
        // A test that has heard enough may have left.
        let _ = self.teller.send(told);
    }
}

impl Namespace for Recorder {
    fn connect(&self, request: ConnectRequest) -> Admission {
        match self.policy {
            Policy::Accept => {
                self.tell(Told::Asked(request, None));
                Admission::accept(self.listener())
            }
            Policy::Refuse => {
                self.tell(Told::Asked(request, None));
                Refusal::new("not \"you\"").with_data(&serde_json::json!({ "code": 7 })).into()
            }
            Policy::Pend => {
                let (decide, decided) = oneshot::channel();
                self.tell(Told::Asked(request, Some(decide)));
                let waiting = Waiting::counted(&self.undecided);
                let listener = self.listener();
                Admission::pending(async move {
                    let decision = decided.await.unwrap_or_else(|_| Err(Refusal::new("nobody decided")));
                    drop(waiting);
                    decision.map(|()| listener).into()
                })
            }
            Policy::TryLater => {
                let hold = request.auth.as_ref().and_then(|auth| auth.deserialize::<Hold>().ok());
                self.tell(Told::Asked(request, None));
                Admission::try_later(Duration::from_millis(hold.map_or(0, |hold| hold.hold_ms)))
            }
        }
    }
}

/// What a client of `/later` asks for.
#[derive(serde::Deserialize)]
struct Hold {
    hold_ms: u64,
}

impl Listener {
    fn tell(&self, told: Told) {
        // A test that has heard enough may have left.
        let _ = self.0.send(told);
    }
}

impl Member for Listener {
    fn connected(&mut self, socket: &Socket) {
        self.tell(Told::Connected(socket.clone()));
    }

    fn event(&mut self, socket: &Socket, event: Event, ack: Option<AckSender>) {
        match ack {
            Some(ack) if event.name_is("echo") => ack.send_arguments(event.arguments()),
            ack => self.tell(Told::Event(socket.clone(), event, ack)),
        }
    }

    fn disconnected(&mut self, socket: &Socket, reason: DisconnectReason) {
        self.tell(Told::Disconnected(socket.clone(), reason));
    }
}
