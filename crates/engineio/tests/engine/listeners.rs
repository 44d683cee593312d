//! Other listeners than bare TCP: Unix sockets, any stream, and what comes before HTTP.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use engineio::proto::{CloseReason, Message};
use engineio::{
    Application, Connection, Engine, EngineConfig, Handshake, HttpConfig, Link, Listener, Stream, TrustedProxies,
    serve, serve_stream, serve_with,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::app::{Gate, WEBSOCKET, echo, engine, quick};
use crate::support::{connect_over, eventually, is_ended, send, text, upgrade_request, within};

/// The path of a socket that does not exist yet.
fn socket_path(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

#[tokio::test]
async fn messages_go_both_ways_over_a_unix_socket() {
    let path = socket_path("echo");
    let (engine, _told) = engine(quick(), echo, Gate::default());
    let service = engine.clone();
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(serve(listener, move |request| service.call(request), std::future::pending()));
    let mut ws = connect_over(UnixStream::connect(&path).await.unwrap(), WEBSOCKET).await;
    assert!(text(&mut ws).await.starts_with("0{"));
    // The last of them fills the socket's buffers many times.
    for message in ["4hello".to_owned(), format!("4{}", "x".repeat(900_000))] {
        send(&mut ws, message.as_str()).await;
        assert_eq!(text(&mut ws).await, message);
    }
    drop(ws);
    eventually("no session is left", || engine.session_count() == 0).await;
    within(engine.drained()).await;
}

#[tokio::test]
async fn a_reader_that_stalls_on_a_unix_socket_is_cut_off() {
    let path = socket_path("stall");
    let mut config = quick();
    config.outbox_bytes_max = 100_000;
    let (engine, mut told) = engine(config, echo, Gate::default());
    let service = engine.clone();
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(serve(listener, move |request| service.call(request), std::future::pending()));
    let _ws = connect_over(UnixStream::connect(&path).await.unwrap(), WEBSOCKET).await;
    let Some(crate::app::Told::Opened(link)) = within(told.recv()).await else { panic!("no session") };
    let much = engineio::proto::Encoded::text(&"x".repeat(10_000));
    while crate::app::tell(&link, &much) != engineio::proto::Queued::Closed {}
    within(async { while !matches!(told.recv().await, Some(crate::app::Told::Closed(CloseReason::SlowConsumer))) {} })
        .await;
    within(engine.drained()).await;
}

#[tokio::test]
async fn any_stream_is_served_until_it_is_told_to_stop() {
    let (engine, _told) = engine(quick(), echo, Gate::default());
    let service = engine.clone();
    let service = move |request| service.call(request);
    let (client, server) = tokio::io::duplex(64);
    let never = std::future::pending();
    tokio::spawn(serve_stream(Stream::other(server), None, HttpConfig::default(), service.clone(), never));
    let mut ws = connect_over(client, WEBSOCKET).await;
    assert!(text(&mut ws).await.starts_with("0{"));
    send(&mut ws, "4hello").await;
    assert_eq!(text(&mut ws).await, "4hello");
    engine.close();
    assert!(is_ended(&mut ws).await);

    let (mut client, server) = tokio::io::duplex(64);
    within(serve_stream(Stream::other(server), None, HttpConfig::default(), service, std::future::ready(()))).await;
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
}

/// Tells the address of each handshake.
struct Addresses(Arc<Mutex<Vec<Option<String>>>>);

struct Deaf;

impl Application for Addresses {
    fn open(&self, handshake: Handshake, _: Arc<Link>) -> Box<dyn Connection> {
        self.0.lock().unwrap().push(handshake.peer.map(|address| address.to_string()));
        Box::new(Deaf)
    }
}

impl Connection for Deaf {
    fn handle_message(&mut self, _: Message, _: Instant) -> Result<(), CloseReason> {
        Ok(())
    }
}

/// The first bytes of the answer to `bytes`, which may be none, and the address the engine was told.
async fn asked(trusted: &str, bytes: &[u8]) -> (String, Option<Option<String>>) {
    let addresses = Arc::new(Mutex::new(Vec::new()));
    let engine = Engine::new(EngineConfig::default(), Addresses(Arc::clone(&addresses)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let proxies: TrustedProxies = [trusted.parse().unwrap()].into_iter().collect();
    let listener = Listener::from(listener).with_proxies(proxies);
    let mut config = HttpConfig::default();
    config.opening_timeout = Duration::from_millis(300);
    tokio::spawn(serve_with(listener, config, move |request| engine.call(request), std::future::pending()));
    let mut client = TcpStream::connect(address).await.unwrap();
    client.set_nodelay(true).unwrap();
    // As slowly as it gets. Who is refused meanwhile is told so in vain.
    let piece = if trusted == "unix" { bytes.len() } else { 1 };
    for piece in bytes.chunks(piece) {
        let _ = client.write_all(piece).await;
    }
    let mut answer = vec![0; 12];
    let len = within(client.read(&mut answer)).await.unwrap_or(0);
    answer.truncate(len);
    (String::from_utf8(answer).unwrap(), addresses.lock().unwrap().pop())
}

#[tokio::test]
async fn a_proxy_that_is_trusted_says_who_the_client_is() {
    let request = upgrade_request(WEBSOCKET);
    let with = |header: &[u8]| [header, request.as_bytes()].concat();
    let line = with(b"PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\n");
    let local = with(b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00");
    let (answer, address) = asked("127.0.0.0/8", &line).await;
    assert_eq!((answer.as_str(), address), ("HTTP/1.1 101", Some(Some("192.0.2.7:56324".into()))));
    let (answer, address) = asked("127.0.0.1", &local).await;
    assert_eq!(answer, "HTTP/1.1 101");
    assert!(address.unwrap().unwrap().starts_with("127.0.0.1:"));
    // It must, and in time; who is not trusted must not.
    assert_eq!(asked("127.0.0.1", request.as_bytes()).await, (String::new(), None));
    assert_eq!(asked("127.0.0.1", &line[..30]).await, (String::new(), None));
    assert_eq!(asked("10.0.0.0/8", request.as_bytes()).await.0, "HTTP/1.1 101");
    assert_eq!(asked("unix", &line).await, ("HTTP/1.1 400".into(), None));
}

#[tokio::test]
async fn a_layer_that_takes_its_time_holds_up_nobody_else() {
    let path = socket_path("layer");
    let (engine, _told) = engine(quick(), echo, Gate::default());
    let service = move |request| engine.call(request);
    // Its client has to say `x`.
    let listener =
        Listener::from(UnixListener::bind(&path).unwrap()).with_layer(async |mut stream: Stream| {
            match stream.read_u8().await? {
                b'x' => Ok(Stream::other(stream)),
                _ => Err(io::ErrorKind::InvalidData.into()),
            }
        });
    let mut config = HttpConfig::default();
    config.opening_timeout = Duration::from_millis(300);
    tokio::spawn(serve_with(listener, config, service, std::future::pending()));
    let mut silent = UnixStream::connect(&path).await.unwrap();
    let mut wrong = UnixStream::connect(&path).await.unwrap();
    wrong.write_all(b"y").await.unwrap();
    let mut right = UnixStream::connect(&path).await.unwrap();
    right.write_all(b"x").await.unwrap();
    let mut ws = connect_over(right, WEBSOCKET).await;
    assert!(text(&mut ws).await.starts_with("0{"));
    assert_eq!(within(wrong.read(&mut [0])).await.unwrap(), 0);
    assert_eq!(within(silent.read(&mut [0])).await.unwrap(), 0);
}
