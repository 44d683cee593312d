//! A client for the tests of a program, without a network.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};

use bytes::Bytes;
use engineio::proto::{CloseReason, Message, Packet as EnginePacket, Payload};
use engineio::{Body, NoPeerAddr};
use http::request::Builder;
use http::{Request, StatusCode};
use http_body::Body as _;
use hub::SocketId;
use serde::Serialize;
use socketio_codec::{
    AckId, Arguments, Decoder, Event, EventName, Json, Limits, Namespace as NamespaceName, Packet, PacketRef, Text,
};
use tokio::sync::watch;

use crate::arguments::ToArguments;
use crate::closes::EndWatch;
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
/// What it sends when the server has closed the connection is lost. What waits then panics, with the reason, but for
/// [`closed`](Self::closed), which tells it.
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
    /// Nothing comes any more.
    has_ended: bool,
    /// Why: it is not on the wire.
    end: watch::Receiver<Option<CloseReason>>,
}

/// The body of an answer, once it is there.
type Answered = Pin<Box<dyn Future<Output = Result<Bytes, Ended>> + Send>>;

/// The server knows no connection, or hung up.
struct Ended;

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
        let (watch, end) = watch::channel(None);
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
            has_ended: false,
            end,
        };
        let request = Request::get(&client.target).extension(EndWatch(watch));
        let opened = client.request(request, String::new()).await;
        let opened = opened.unwrap_or_else(|Ended| panic!("it may not connect"));
        let open = opened.strip_prefix(b"0").and_then(|open| serde_json::from_slice(open).ok());
        let sid = open.as_ref().and_then(sid_of).unwrap_or_else(|| panic!("no open packet but {opened:?}"));
        client.target = format!("{}&sid={sid}", client.target);
        client.send(PacketRef::connect(&name, auth)).await;
        match client.next().await {
            Packet::Connect { auth: Some(greeting), .. } => {
                let id = greeting.deserialize().ok().as_ref().and_then(sid_of).and_then(SocketId::parse);
                client.id = id.unwrap_or_else(|| panic!("no greeting: {greeting}"));
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
            self.more().await;
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

    /// Waits until the server has closed the connection, and says why, as its program is told
    /// ([`DisconnectReason::Closed`](crate::DisconnectReason::Closed)): a client that is not in the same process is not. What came
    /// before is still there for [`event`](Self::event).
    ///
    /// ```
    /// # use fanfare_socketio::testing::TestClient;
    /// # use fanfare_socketio::{CloseReason, Handlers, Server, ServerConfig};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let handlers = Handlers::new().on("boom", |_, ()| -> () { panic!("as asked") });
    /// let server = Server::builder(ServerConfig::default()).namespace("/", handlers)?.build();
    /// let mut client = TestClient::join(&server, "/").await;
    /// client.emit("boom", ()).await;
    /// assert_eq!(client.closed().await, CloseReason::Internal);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn closed(&mut self) -> CloseReason {
        while !self.has_ended {
            self.poll().await;
        }
        self.why().await
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
        self.post(body).await;
    }

    /// What is for a connection that has ended is lost, as it is for any client: whoever waits for something hears of it.
    async fn post(&mut self, body: String) {
        let posted = self.request(Request::post(&self.target), body);
        let _ = posted.await;
    }

    async fn next(&mut self) -> Packet {
        loop {
            if let Some(packet) = self.came.pop_front() {
                return packet;
            }
            self.more().await;
        }
    }

    /// Waits until something more has come.
    async fn more(&mut self) {
        if self.has_ended {
            let why = self.why().await;
            panic!("the connection was closed: {why}");
        }
        self.poll().await;
    }

    /// Waits until something more has come, or nothing comes any more.
    async fn poll(&mut self) {
        let polling = match self.polling.take() {
            Some(polling) => polling,
            None => Box::pin(self.request(Request::get(&self.target), String::new())),
        };
        let payload = self.polling.insert(polling).await;
        self.polling = None;
        let Ok(payload) = payload else {
            self.has_ended = true;
            return;
        };
        let mut pings = 0;
        for packet in Payload::new(payload) {
            pings += self.receive(packet.unwrap_or_else(|error| panic!("no packet: {error:?}")));
        }
        for _ in 0..pings {
            self.post("3".into()).await;
        }
    }

    /// Why it has ended. Its session's task may be a little behind what the client has seen of it.
    async fn why(&mut self) -> CloseReason {
        let end = self.end.wait_for(Option::is_some).await.ok().and_then(|reason| *reason);
        end.unwrap_or_else(|| panic!("it ended without a reason"))
    }

    /// Keeps what came, and says how many pings are to be answered for it.
    fn receive(&mut self, packet: EnginePacket) -> usize {
        let whole = match packet {
            EnginePacket::Message(Message::Text(text)) => {
                self.decoder.handle_text(Text::from_checked(text.into_bytes()))
            }
            EnginePacket::Message(Message::Binary(data)) => self.decoder.handle_binary(data),
            EnginePacket::Ping(_) => return 1,
            EnginePacket::Close => {
                self.has_ended = true;
                return 0;
            }
            _ => return 0,
        };
        self.came.extend(whole.unwrap_or_else(|error| panic!("no packet: {error}")));
        0
    }

    fn request(&self, request: Builder, body: String) -> impl Future<Output = Result<Bytes, Ended>> + Send + use<> {
        let request = request.extension(NoPeerAddr).body(body).unwrap_or_else(|error| panic!("{error}"));
        let answer = self.server.call(request);
        async move {
            let answer = answer.await;
            match answer.status() {
                StatusCode::OK => whole(answer.into_body()).await,
                // So does a session answer that is not there, or is ending.
                StatusCode::BAD_REQUEST => Err(Ended),
                status => panic!("it is answered {status}"),
            }
        }
    }
}

impl fmt::Debug for TestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestClient").field("namespace", &self.namespace).field("id", &self.id).finish_non_exhaustive()
    }
}

/// What both an open packet and a greeting have. (Not derived: then programs would have to enable that feature of `serde`.)
fn sid_of(value: &serde_json::Value) -> Option<&str> {
    value.get("sid")?.as_str()
}

fn event(name: &str, arguments: &impl ToArguments) -> (EventName, Arguments) {
    let name = EventName::new(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    (name, arguments.to_arguments().unwrap_or_else(|error| panic!("{error}")))
}

async fn whole(body: Body) -> Result<Bytes, Ended> {
    let mut body = pin!(body);
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        bytes.extend(frame.map_err(|_| Ended)?.into_data().unwrap_or_default());
    }
    Ok(bytes.into())
}
