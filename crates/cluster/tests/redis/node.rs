//! A node that a test listens to.

use std::net::SocketAddr;
use std::time::Duration;

use fanfare_cluster::{Cluster, ClusterConfig, Notice, Notices};
use fanfare_test_support::{Ws, connect, eventually, send, text, within};
use socketio::{AckSender, Admission, ConnectRequest, Event, Member, Namespace, Server, ServerConfig, Socket, serve};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// A server that is a node, with its clients' way in.
pub(crate) struct Node {
    pub(crate) cluster: Cluster,
    pub(crate) server: Server,
    pub(crate) notices: Notices,
    address: SocketAddr,
    _listening: Listening,
}

/// Dropped, nobody comes in any more.
struct Listening(AbortHandle);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A namespace where clients join the rooms they name, and their other events go to everybody else.
pub(crate) struct Open;

struct Guest;

impl Namespace for Open {
    fn connect(&self, _: ConnectRequest) -> Admission {
        Admission::accept(Guest)
    }
}

impl Member for Guest {
    fn event(&mut self, socket: &Socket, event: Event, ack: Option<AckSender>) {
        match &*event.name() {
            "join" => socket.join(event.deserialize::<String>(0).unwrap()),
            _ => socket.broadcast().relay(event.raw_name(), event.arguments()),
        }
        if let Some(ack) = ack {
            ack.send(()).unwrap();
        }
    }
}

impl Node {
    /// A node that may not be joined yet.
    pub(crate) async fn start(config: ClusterConfig) -> Self {
        let cluster = Cluster::new(config).unwrap();
        let mut settings = ServerConfig::default();
        settings.engine.session.close_timeout = Duration::from_millis(500);
        let builder = Server::builder(settings).namespace("/", Open).unwrap();
        let server = cluster.join(builder).build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = server.clone();
        let serving = serve(listener, move |request| service.call(request), std::future::pending::<()>());
        let listening = Listening(tokio::spawn(serving).abort_handle());
        let notices = cluster.notices().unwrap();
        Self { cluster, server, notices, address, _listening: listening }
    }

    pub(crate) async fn joined(config: ClusterConfig) -> Self {
        let node = Self::start(config).await;
        within(node.cluster.joined()).await;
        node
    }

    /// A client in `/`, and its socket's id.
    pub(crate) async fn client(&self) -> Client {
        let mut client = self.stranger().await;
        client.enter("/").await;
        client
    }

    /// A client that is in no namespace yet.
    pub(crate) async fn stranger(&self) -> Client {
        let mut ws = connect(self.address, "/socket.io/?EIO=4&transport=websocket").await;
        assert!(text(&mut ws).await.starts_with("0{"));
        Client { ws, id: String::new() }
    }

    /// A client in these rooms.
    pub(crate) async fn member(&self, rooms: &[&str]) -> Client {
        let mut client = self.client().await;
        for room in rooms {
            client.say(&format!(r#"421["join",{room:?}]"#)).await;
            assert_eq!(client.hears().await, "431[]");
        }
        client
    }

    /// The next notice that is like this one.
    pub(crate) async fn noted(&mut self, is_it: impl Fn(&Notice) -> bool) -> Notice {
        loop {
            let notice = within(self.notices.next()).await.unwrap();
            if is_it(&notice) {
                return notice;
            }
        }
    }

    pub(crate) async fn knows_peers(&self, number: usize) {
        eventually("all others are known", || self.cluster.status().peers.len() == number).await;
    }
}

pub(crate) struct Client {
    ws: Ws,
    pub(crate) id: String,
}

impl Client {
    pub(crate) async fn say(&mut self, packet: &str) {
        send(&mut self.ws, packet).await;
    }

    /// Joins a namespace.
    pub(crate) async fn enter(&mut self, namespace: &str) {
        let begin = if namespace == "/" { "40".to_owned() } else { format!("40{namespace},") };
        self.say(&begin).await;
        let greeting = self.hears().await;
        let rest = greeting.strip_prefix(&format!(r#"{begin}{{"sid":""#)).unwrap();
        self.id = rest.strip_suffix(r#""}"#).unwrap().to_owned();
    }

    /// The next packet.
    pub(crate) async fn hears(&mut self) -> String {
        loop {
            match text(&mut self.ws).await {
                ping if ping == "2" => self.say("3").await,
                text => return text,
            }
        }
    }

    pub(crate) async fn hears_bytes(&mut self) -> Vec<u8> {
        match fanfare_test_support::next(&mut self.ws).await {
            Some(message) if message.is_binary() => message.into_data().to_vec(),
            other => panic!("no attachment but {other:?}"),
        }
    }

    pub(crate) async fn hears_only(&mut self, packets: &[&str]) {
        for packet in packets {
            assert_eq!(self.hears().await, *packet);
        }
        self.hears_nothing().await;
    }

    /// That nothing was sent to it up to now: whatever had been would come before the answer.
    pub(crate) async fn hears_nothing(&mut self) {
        self.say(r#"4277["join","nothing before this"]"#).await;
        assert_eq!(self.hears().await, "4377[]");
    }

    pub(crate) async fn is_ended(&mut self) -> bool {
        fanfare_test_support::is_ended(&mut self.ws).await
    }
}
