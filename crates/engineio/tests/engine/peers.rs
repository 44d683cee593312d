//! Who is at the other end of a connection, and what else was said of a request before it came to the engine.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use engineio::proto::{CloseReason, Message};
use engineio::{
    Application, Connection, Engine, EngineConfig, ExtensionsKept, Handshake, HttpConfig, Link, NoPeerAddr, PeerAddr,
    PeerSource, Stream, Verdict, serve, serve_stream,
};
use http::{Request, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::app::{PATH, WEBSOCKET, quick, quick_with};
use crate::support::{connect_over, text, within};

/// Tells each handshake, when it is decided upon and when it is kept.
struct Ear(UnboundedSender<Handshake>);

struct Deaf;

impl Application for Ear {
    fn accept(&self, handshake: &Handshake) -> Verdict {
        let _ = self.0.send(handshake.clone());
        Verdict::accept()
    }

    fn open(&self, handshake: Handshake, _: Arc<Link>) -> Box<dyn Connection> {
        let _ = self.0.send(handshake);
        Box::new(Deaf)
    }
}

impl Connection for Deaf {
    fn handle_message(&mut self, _: Message, _: Instant) -> Result<(), CloseReason> {
        Ok(())
    }
}

fn listening(config: EngineConfig) -> (Engine, UnboundedReceiver<Handshake>) {
    let (teller, told) = unbounded_channel();
    (Engine::new(config, Ear(teller)), told)
}

fn told_by(source: PeerSource) -> (Engine, UnboundedReceiver<Handshake>) {
    let (teller, told) = unbounded_channel();
    (Engine::with_peer_source(quick(), Ear(teller), source), told)
}

fn polling() -> http::request::Builder {
    Request::get(format!("{PATH}?EIO=4&transport=polling"))
}

fn websocket() -> http::request::Builder {
    let request = Request::get(WEBSOCKET).header("connection", "upgrade").header("upgrade", "websocket");
    request.header("sec-websocket-version", "13").header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
}

async fn asked(engine: &Engine, request: http::request::Builder) -> StatusCode {
    engine.call(request.body(String::new()).unwrap()).await.status()
}

#[tokio::test]
async fn a_handshake_whose_peer_was_forgotten_is_the_program_s_fault() {
    let (engine, mut told) = listening(quick());
    for request in [polling(), websocket()] {
        assert_eq!(asked(&engine, request).await, 500);
    }
    assert_eq!((engine.session_count(), told.try_recv().is_err()), (0, true), "nobody is asked about it");
    assert!(engine.refusal_counts().is_empty(), "it is nothing that the client did");
    // What opens no session is answered as ever.
    assert_eq!(asked(&engine, Request::get("/elsewhere")).await, 404);
    assert_eq!(asked(&engine, Request::get(PATH)).await, 400);

    let address: SocketAddr = ([192, 0, 2, 1], 7).into();
    assert_eq!(asked(&engine, polling().extension(PeerAddr(address))).await, 200);
    assert_eq!(told.recv().await.unwrap().peer, Some(address));
    assert_eq!(asked(&engine, polling().extension(NoPeerAddr)).await, 200);
    assert_eq!(told.recv().await.unwrap().peer, Some(address), "as it is kept");
    assert_eq!(told.recv().await.unwrap().peer, None);
}

#[tokio::test]
async fn an_address_may_stand_elsewhere_or_be_of_no_interest() {
    let address: SocketAddr = ([192, 0, 2, 1], 7).into();
    let (engine, mut told) = told_by(PeerSource::extension::<Arc<SocketAddr>>());
    assert_eq!(asked(&engine, polling()).await, 500);
    assert_eq!(asked(&engine, polling().extension(Arc::new(address))).await, 200);
    let handshake = told.recv().await.unwrap();
    assert_eq!((handshake.peer, handshake.address), (Some(address), Some(address.ip())));
    // By the program itself: it knows better than what it is mounted in.
    let other: SocketAddr = ([192, 0, 2, 2], 7).into();
    told.recv().await.unwrap();
    assert_eq!(asked(&engine, polling().extension(Arc::new(address)).extension(PeerAddr(other))).await, 200);
    assert_eq!(told.recv().await.unwrap().peer, Some(other));

    let (engine, mut told) = told_by(PeerSource::Anywhere);
    assert_eq!(asked(&engine, polling()).await, 200);
    assert_eq!(told.recv().await.unwrap().peer, None);
}

/// A request and its answer, on a stream that lives on.
async fn exchanged(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), target: &str) -> io::Result<String> {
    stream.write_all(format!("GET {target} HTTP/1.1\r\nhost: test\r\n\r\n").as_bytes()).await?;
    let mut answer = vec![0; 4096];
    let len = stream.read(&mut answer).await?;
    answer.truncate(len);
    Ok(String::from_utf8(answer).unwrap())
}

/// Sessions begin on it, by polling and by WebSocket, also if the query has a `sid` of no session.
async fn opens_sessions<S: AsyncRead + AsyncWrite + Unpin>(connect: impl AsyncFn() -> S) {
    let mut stream = connect().await;
    for query in ["", "&sid=", "&asid=1&sidb=2"] {
        let answer = within(exchanged(&mut stream, &format!("{PATH}?EIO=4&transport=polling{query}"))).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("0{"), "{query}: {answer}");
    }
    let answer = within(exchanged(&mut stream, &format!("{PATH}?EIO=4&transport=polling&sid=x"))).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    let mut ws = connect_over(connect().await, WEBSOCKET).await;
    assert!(text(&mut ws).await.starts_with("0{"));
}

#[tokio::test]
async fn our_own_listener_says_that_a_unix_socket_has_no_address() {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("peers-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let (engine, mut told) = listening(quick());
    let service = engine.clone();
    let listener = UnixListener::bind(&path).unwrap();
    let service = move |request: Request<hyper::body::Incoming>| {
        let names_session = request.uri().query().unwrap().ends_with("&sid=x");
        assert_eq!(request.extensions().is_empty(), names_session, "what is said takes memory");
        service.call(request)
    };
    tokio::spawn(serve(listener, service, std::future::pending()));
    opens_sessions(async || UnixStream::connect(&path).await.unwrap()).await;
    assert_eq!(within(told.recv()).await.unwrap().peer, None);
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn so_it_does_of_any_other_stream_unless_it_is_told_the_address() {
    for peer in [None, Some(([192, 0, 2, 1], 7).into())] {
        let (engine, mut told) = listening(quick());
        opens_sessions(async || {
            let (client, server) = tokio::io::duplex(1 << 16);
            let service = engine.clone();
            let service = move |request| service.call(request);
            let never = std::future::pending();
            tokio::spawn(serve_stream(Stream::other(server), peer, HttpConfig::default(), service, never));
            client
        })
        .await;
        assert_eq!(within(told.recv()).await.unwrap().peer, peer);
    }
}

/// Who somebody is, as middleware has found out.
#[derive(Debug, Clone, PartialEq)]
struct User(&'static str);

#[tokio::test]
async fn what_was_said_of_a_request_is_there_to_decide_and_kept_as_asked() {
    for (kept, expected) in [
        (ExtensionsKept::All, (Some(User("ann")), Some(7))),
        (ExtensionsKept::only::<User>(), (Some(User("ann")), None)),
        (ExtensionsKept::None, (None, None)),
    ] {
        let (engine, mut told) = listening(quick_with(|config| config.extensions_kept = kept));
        assert_eq!(asked(&engine, polling().extension(NoPeerAddr).extension(User("ann")).extension(7)).await, 200);
        let said = |handshake: &Handshake| (handshake.extensions.get().cloned(), handshake.extensions.get().copied());
        let (decided, opened) = (told.recv().await.unwrap(), told.recv().await.unwrap());
        assert_eq!(said(&decided), (Some(User("ann")), Some(7)));
        assert_eq!(said(&opened), expected);
        assert!(opened.extensions.get::<NoPeerAddr>().is_none());
    }
}
