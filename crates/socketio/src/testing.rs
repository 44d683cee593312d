//! A client for the tests of a program, without a network.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};

use bytes::Bytes;
use engineio::proto::{Message, Packet as EnginePacket, Payload};
use engineio::{Body, NoPeerAddr};
use http::{Method, Request};
use http_body::Body as _;
use hub::SocketId;
use serde::Serialize;
use socketio_codec::{
    AckId, Arguments, Decoder, Event, EventName, Json, Limits, Namespace as NamespaceName, Packet, PacketRef, Text,
};

use crate::arguments::ToArguments;
use crate::server::Server;

/// A client in one namespace, that asks the [`Server`] itself: for the tests of a program's handlers.
///
/// It is a whole client, by long-polling, so what is tested is what others get. It waits for as long as it takes, without a clock
/// of its own, so that time may be paused; a test puts its own limit on it. Nothing is lost where that comes first. Pings are
/// answered while it waits: a test that does something else for longer than a server does without loses it. It sends no
/// attachments.
///
/// ```
/// use std::time::Duration;
///
/// use fanfare_socketio::testing::TestClient;
/// use fanfare_socketio::{Handlers, Server, ServerConfig};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let handlers = Handlers::new().on("add", |_, (a, b): (u32, u32)| a + b).on("shout", |socket, text: String| {
///     let _ = socket.broadcast().emit("shouted", text.to_uppercase());
/// });
/// let server = Server::builder(ServerConfig::default()).namespace("/", handlers)?.build();
///
/// let mut a = TestClient::join(&server, "/").await;
/// let mut b = TestClient::join(&server, "/").await;
/// assert_eq!(a.emit_with_ack("add", (1, 2)).await.deserialize::<u32>(0)?, 3);
///
/// a.emit("shout", "hello").await;
/// let event = b.event().await;
/// assert_eq!((&*event.name(), event.deserialize::<String>(0)?), ("shouted", "HELLO".to_owned()));
///
/// // Who shouts does not hear it.
/// assert!(tokio::time::timeout(Duration::from_millis(20), a.event()).await.is_err());
/// assert_eq!(a.emit_with_ack("add", (2, 2)).await.as_str(), "4");
/// # Ok(())
/// # }
/// ```
///
/// # Panics
/// All of it, where the server does what no client expects: it is for tests.
pub struct TestClient {
    server: Server,
    /// The path and query of its session.
    target: String,
    namespace: NamespaceName,
    id: SocketId,
    decoder: Decoder,
    /// What came and was not asked for yet.
    came: VecDeque<Packet>,
    /// A poll that is not answered yet: dropped, the server would take the client for gone.
    polling: Option<Answered>,
    events_with_ack: u32,
    to_answer: Option<AckId>,
}

/// The body of an answer, once it is there.
type Answered = Pin<Box<dyn Future<Output = Bytes> + Send>>;

impl TestClient {
    /// A client that has joined, without credentials.
    pub async fn join(server: &Server, namespace: &str) -> Self {
        let joined = Self::ask(server, namespace, None).await;
        joined.unwrap_or_else(|error| panic!("it may not join {namespace}: {error}"))
    }

    /// The same with credentials (`auth`).
    ///
    /// # Errors
    /// What its `connect_error` has: a JSON object with `message`, and perhaps `data`.
    pub async fn join_with<T: Serialize + ?Sized>(server: &Server, namespace: &str, auth: &T) -> Result<Self, Json> {
        let auth = Json::serialize(auth).unwrap_or_else(|error| panic!("credentials are JSON: {error}"));
        Self::ask(server, namespace, Some(&auth)).await
    }

    async fn ask(server: &Server, namespace: &str, auth: Option<&Json>) -> Result<Self, Json> {
        let name = NamespaceName::try_from(namespace).unwrap_or_else(|error| panic!("{error}"));
        let mut client = Self {
            target: format!("{}?EIO=4&transport=polling", server.path()),
            server: server.clone(),
            namespace: name.clone(),
            id: SocketId::from_random([0; 15]),
            decoder: Decoder::new(Limits::default()),
            came: VecDeque::new(),
            polling: None,
            events_with_ack: 0,
            to_answer: None,
        };
        let opened = client.request(Method::GET, String::new()).await;
        #[derive(serde::Deserialize)]
        struct Opened {
            sid: String,
        }
        let Opened { sid } = opened
            .strip_prefix(b"0")
            .and_then(|open| serde_json::from_slice(open).ok())
            .unwrap_or_else(|| panic!("no open packet but {opened:?}"));
        client.target = format!("{}&sid={sid}", client.target);
        client.send(PacketRef::connect(&name, auth)).await;
        match client.next().await {
            Packet::Connect { auth: Some(greeting), .. } => {
                #[derive(serde::Deserialize)]
                struct Greeting<'a> {
                    sid: &'a str,
                }
                let Greeting { sid } = greeting.deserialize().unwrap_or_else(|error| panic!("no greeting: {error}"));
                client.id = SocketId::parse(sid).unwrap_or_else(|| panic!("no id: {sid}"));
                Ok(client)
            }
            Packet::ConnectError { error: Some(error), .. } => Err(error),
            other => panic!("neither a greeting nor a refusal: {other:?}"),
        }
    }

    /// The id of its socket.
    pub fn id(&self) -> SocketId {
        self.id
    }

    /// Sends an event.
    pub async fn emit(&mut self, name: &str, arguments: impl ToArguments) {
        let (name, arguments) = event(name, &arguments);
        let namespace = self.namespace.clone();
        self.send(PacketRef::event(&namespace, &name, &arguments)).await;
    }

    /// Sends an event, and waits for its acknowledgement. Events that come before it are kept.
    pub async fn emit_with_ack(&mut self, name: &str, arguments: impl ToArguments) -> Arguments {
        let (name, arguments) = event(name, &arguments);
        let (namespace, id) = (self.namespace.clone(), AckId::from(self.events_with_ack));
        self.events_with_ack += 1;
        self.send(PacketRef::event(&namespace, &name, &arguments).with_id(id)).await;
        let is_answer = |packet: &Packet| matches!(packet, Packet::Ack { id: Some(answered), .. } if *answered == id);
        loop {
            let answer = self.came.iter().position(is_answer).and_then(|index| self.came.remove(index));
            if let Some(Packet::Ack { arguments, .. }) = answer {
                return arguments;
            }
            self.poll().await;
        }
    }

    /// The next event that the server sends.
    pub async fn event(&mut self) -> Event {
        match self.next().await {
            Packet::Event { id, event, .. } => {
                self.to_answer = id;
                event
            }
            other => panic!("no event but {other:?}"),
        }
    }

    /// Answers the event that came last.
    pub async fn answer(&mut self, arguments: impl ToArguments) {
        let id = self.to_answer.take().unwrap_or_else(|| panic!("the last event wants no answer"));
        let arguments = arguments.to_arguments().unwrap_or_else(|error| panic!("{error}"));
        let namespace = self.namespace.clone();
        self.send(PacketRef::ack(&namespace, id, &arguments)).await;
    }

    /// Waits until the server makes it leave.
    pub async fn left(&mut self) {
        match self.next().await {
            Packet::Disconnect { .. } => {}
            other => panic!("it is not made to leave: {other:?}"),
        }
    }

    /// Leaves the namespace.
    pub async fn leave(mut self) {
        let namespace = self.namespace.clone();
        self.send(PacketRef::disconnect(&namespace)).await;
    }

    async fn send(&mut self, packet: PacketRef<'_>) {
        assert!(packet.attachments().is_empty(), "it sends no attachments");
        let mut body = b"4".to_vec();
        packet.encode_into(&mut body);
        let body = String::from_utf8(body).unwrap_or_else(|error| panic!("{error}"));
        self.request(Method::POST, body).await;
    }

    async fn next(&mut self) -> Packet {
        loop {
            if let Some(packet) = self.came.pop_front() {
                return packet;
            }
            self.poll().await;
        }
    }

    /// Waits until something more has come.
    async fn poll(&mut self) {
        let polling = match self.polling.take() {
            Some(polling) => polling,
            None => Box::pin(self.request(Method::GET, String::new())),
        };
        let payload = self.polling.insert(polling).await;
        self.polling = None;
        let mut pings = 0;
        for packet in Payload::new(payload) {
            pings += self.receive(packet.unwrap_or_else(|error| panic!("no packet: {error:?}")));
        }
        for _ in 0..pings {
            self.request(Method::POST, "3".into()).await;
        }
    }

    /// Keeps what came, and says how many pings are to be answered for it.
    fn receive(&mut self, packet: EnginePacket) -> usize {
        let whole = match packet {
            EnginePacket::Message(Message::Text(text)) => {
                self.decoder.handle_text(Text::from_checked(text.into_bytes()))
            }
            EnginePacket::Message(Message::Binary(data)) => self.decoder.handle_binary(data),
            EnginePacket::Ping(_) => return 1,
            EnginePacket::Close => panic!("the connection was closed"),
            _ => return 0,
        };
        self.came.extend(whole.unwrap_or_else(|error| panic!("no packet: {error}")));
        0
    }

    fn request(&self, method: Method, body: String) -> impl Future<Output = Bytes> + Send + use<> {
        let request = Request::builder().method(method).uri(&self.target).extension(NoPeerAddr).body(body);
        let answer = self.server.call(request.unwrap_or_else(|error| panic!("{error}")));
        async move {
            let answer = answer.await;
            assert!(answer.status().is_success(), "it is answered {}", answer.status());
            whole(answer.into_body()).await
        }
    }
}

impl fmt::Debug for TestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestClient").field("namespace", &self.namespace).field("id", &self.id).finish_non_exhaustive()
    }
}

fn event(name: &str, arguments: &impl ToArguments) -> (EventName, Arguments) {
    let name = EventName::new(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    (name, arguments.to_arguments().unwrap_or_else(|error| panic!("{error}")))
}

async fn whole(body: Body) -> Bytes {
    let mut body = pin!(body);
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let frame = frame.unwrap_or_else(|_| panic!("the connection was hung up"));
        bytes.extend(frame.into_data().unwrap_or_default());
    }
    bytes.into()
}
