//! From a frame that came to the frames that go out, an event allocates three times, and a client that says nothing takes
//! few bytes. In a file of its own, since the counting allocator is that of the whole program.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use allocation_counter::measure;
use fanfare_socketio::codec::EventName;
use fanfare_socketio::{
    AckSender, Admission, Arguments, ConnectRequest, Event, Handlers, Member, Namespace, Room, Server, ServerConfig,
    Socket, serve,
};
use tokio::net::TcpListener;

/// Sends each event on, to whom its name says, as the relay does by its rules.
#[derive(Clone)]
struct Relaying {
    room: Room,
}

impl Namespace for Relaying {
    fn connect(&self, _: ConnectRequest) -> Admission {
        Admission::accept(self.clone())
    }
}

impl Member for Relaying {
    fn connected(&mut self, socket: &Socket) {
        socket.join(self.room.clone());
    }

    fn event(&mut self, socket: &Socket, event: Event, _: Option<AckSender>) {
        let broadcast = match &*event.name() {
            "all" => socket.everyone(),
            "others" => socket.broadcast(),
            "sender" => socket.only(),
            _ => socket.everyone().to(self.room.clone()),
        };
        broadcast.relay(event.raw_name(), event.arguments());
    }
}

/// A client that allocates nothing once it is there.
struct Client(TcpStream);

impl Client {
    async fn join(address: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(address).expect("the server listens");
        stream.set_nonblocking(true).expect("a socket can do that");
        stream
            .write_all(
                b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\n\
                  Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            )
            .expect("it is small");
        let mut client = Self(stream);
        client.read_until(b"\"maxPayload\":1000000}").await;
        client.send("40");
        client.read_until(b"\"}").await;
        client
    }

    /// A frame with a mask of zeros.
    fn send(&mut self, text: &str) {
        let mut frame = [0; 132];
        frame[..2].copy_from_slice(&[0x81, 0x80 | text.len() as u8]);
        frame[6..6 + text.len()].copy_from_slice(text.as_bytes());
        self.0.write_all(&frame[..6 + text.len()]).expect("it is small");
    }

    async fn read_until(&mut self, end: &[u8]) {
        let (mut buffer, mut len) = ([0; 1024], 0);
        while !buffer[..len].ends_with(end) {
            match self.0.read(&mut buffer[len..]) {
                Ok(0) => panic!("the server hung up"),
                Ok(read) => len += read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// The same by closures.
fn handlers(room: Room) -> Handlers {
    let name = |name| EventName::new(name).expect("it is not reserved");
    let (all, others, sender, in_the_room) = (name("all"), name("others"), name("sender"), name("in the room"));
    let joined = room.clone();
    Handlers::new()
        .connected(move |socket| socket.join(joined.clone()))
        .on("all", move |socket, arguments: Arguments| socket.everyone().relay(&all, &arguments))
        .on("others", move |socket, arguments: Arguments| socket.broadcast().relay(&others, &arguments))
        .on("sender", move |socket, arguments: Arguments| socket.only().relay(&sender, &arguments))
        .on("in the room", move |socket, arguments: Arguments| {
            socket.everyone().to(room.clone()).relay(&in_the_room, &arguments);
        })
}

#[test]
fn an_event_allocates_three_times_whomever_it_is_for_and_whoever_handles_it() {
    let room = Room::from("room");
    measured(Relaying { room: room.clone() });
    measured(handlers(room));
}

/// Lets everybody in, and does nothing.
#[derive(Clone)]
struct Idle;

impl Namespace for Idle {
    fn connect(&self, _: ConnectRequest) -> Admission {
        Admission::accept(self.clone())
    }
}

impl Member for Idle {
    fn event(&mut self, _: &Socket, _: Event, _: Option<AckSender>) {}
}

#[test]
fn an_idle_client_takes_few_bytes() {
    let runtime = runtime();
    let address = runtime.block_on(serving(Idle));
    let join = |clients: usize| {
        runtime.block_on(async {
            // On the stack, so that it is not counted.
            let mut joined: [Option<Client>; IDLE] = [const { None }; IDLE];
            for client in joined.iter_mut().take(clients) {
                *client = Some(Client::join(address).await);
            }
            joined
        })
    };
    let _first = join(10);
    let mut idle = None;
    let allocated = measure(|| idle = Some(join(IDLE)));
    let each = allocated.bytes_current as f64 / IDLE as f64;
    println!("{each} bytes for an idle client");
    // As asked for, with its request: an allocator adds a word to each of some twenty pieces.
    assert!(each < 4400.0, "{each} bytes for an idle client");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("there are threads")
}

/// The address of a server that runs from now on.
async fn serving(namespace: impl Namespace) -> SocketAddr {
    let server = Server::builder(ServerConfig::default()).namespace("/", namespace).expect("it is a name").build();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there are ports");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(serve(listener, move |request| server.call(request), std::future::pending::<()>()));
    address
}

fn measured(namespace: impl Namespace) {
    let runtime = runtime();
    let mut clients = runtime.block_on(async {
        let address = serving(namespace).await;
        let mut clients = Vec::new();
        for _ in 0..3 {
            clients.push(Client::join(address).await);
        }
        clients
    });
    for (event, receivers) in [
        (r#"42["all",{"x":1}]"#, 0..3),
        (r#"42["others",{"x":1}]"#, 1..3),
        (r#"42["sender",{"x":1}]"#, 0..1),
        (r#"42["in the room",{"x":1}]"#, 0..3),
    ] {
        let mut send = |times: usize| {
            runtime.block_on(async {
                for _ in 0..times {
                    clients[0].send(event);
                    for receiver in receivers.clone() {
                        clients[receiver].read_until(event.as_bytes()).await;
                    }
                }
            });
        };
        send(100);
        let allocated = measure(|| send(EVENTS)).count_total;
        let each = allocated as f64 / EVENTS as f64;
        println!("{each} allocations for {event}");
        // A little more for what the runtime does now and then.
        assert!(each < 3.1, "{each} allocations for {event}");
    }
}

const EVENTS: usize = 1000;
const IDLE: usize = 256;
