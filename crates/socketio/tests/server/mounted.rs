//! The server inside other servers.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, State};
use axum::routing::{get, post};
use axum::{Extension, Router};
use fanfare_socketio::engineio::ExtensionsKept;
use fanfare_socketio::engineio::proto::Transport;
use fanfare_socketio::{ConnectRequest, HttpConfig, Server, ServerConfig, Stream, Verdict, serve, serve_stream};
use http::{HeaderValue, header};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::app::{Told, building, built, listening, quick};
use crate::client::{Client, PATH, TARGET};
use crate::support::{Http, Poller, connect, connect_over, send, text, within};

/// By polling, by WebSocket, by upgrade.
async fn is_served(address: SocketAddr) {
    let (mut client, _) = Client::join(address).await;
    client.has_got_nothing().await;
    let mut poller = Poller::open(address, PATH).await;
    poller.post("40").await;
    assert!(poller.poll().await.starts_with("40{"));
    let mut ws = connect(address, &poller.websocket_target()).await;
    send(&mut ws, "2probe").await;
    assert_eq!(text(&mut ws).await, "3probe");
    send(&mut ws, "5").await;
    send(&mut ws, r#"427["echo",1]"#).await;
    assert_eq!(text(&mut ws).await, "437[1]");
}

/// Serves it by axum, which knows who the clients are.
async fn in_axum(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// One that reads where axum writes who the client is.
fn built_for_axum(config: ServerConfig) -> (Server, UnboundedReceiver<Told>) {
    let (builder, told, _) = building(config);
    (builder.peer_addr_in::<ConnectInfo<SocketAddr>>().build(), told)
}

async fn asked(told: &mut UnboundedReceiver<Told>) -> ConnectRequest {
    loop {
        if let Told::Asked(request, _) = within(told.recv()).await.unwrap() {
            return request;
        }
    }
}

#[tokio::test]
async fn it_is_a_hyper_service() {
    let (builder, _told, _) = building(quick());
    let server = builder.without_peer_addr().build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = server.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone());
            tokio::spawn(connection.with_upgrades());
        }
    });
    is_served(address).await;
    server.close();
    within(server.drained()).await;
}

async fn headline(State(server): State<Server>, text: String) {
    server.of("/").unwrap().emit("headline", &(text,)).unwrap();
}

#[tokio::test]
async fn it_stands_beside_a_program_s_own_routes_in_axum() {
    let (server, mut told) = built_for_axum(quick());
    let app =
        Router::new().route("/headline", post(headline)).route_service(PATH, server.clone()).with_state(server.clone());
    let address = in_axum(app).await;

    is_served(address).await;
    let (mut client, _) = Client::join(address).await;
    let mut http = Http::connect(address).await;
    assert_eq!(http.request("POST", "/headline", &[], b"It works").await.status, 200);
    assert_eq!(client.text().await, r#"42["headline","It works"]"#);
    assert_eq!(http.get("/elsewhere").await.status, 404);
    assert!(asked(&mut told).await.handshake.address.unwrap().is_loopback());
    drop(client);
    server.close();
    within(server.drained()).await;
}

#[tokio::test]
async fn it_is_a_tower_service_that_axum_routes_to_or_nests_or_a_layer() {
    for way in ["route", "nest", "fallback", "layer"] {
        let mut config = quick();
        if way == "nest" {
            // What is nested sees paths without the prefix.
            config.engine.path = "/".into();
        }
        let (server, mut told) = built_for_axum(config);
        let app = Router::new().route("/hello", get(async || "hello"));
        let app = match way {
            "route" => app.route_service(PATH, server.clone()),
            "nest" => app.nest_service("/socket.io", server.clone()),
            "fallback" => app.fallback_service(server.clone()),
            _ => app.layer(server.layer()),
        };
        let address = in_axum(app).await;
        is_served(address).await;
        assert!(asked(&mut told).await.handshake.peer.unwrap().ip().is_loopback(), "{way}");
        assert_eq!(Http::connect(address).await.get("/hello").await.text(), "hello", "{way}");
        assert_eq!(Http::connect(address).await.get("/elsewhere").await.status, 404, "{way}");
        // hyper takes no upgrade by the old HTTP; whoever runs the proxy that sent it is told why.
        let mut http = Http::connect(address).await;
        let request = crate::support::upgrade_request(&format!("{PATH}?EIO=4&transport=websocket"));
        http.write(request.replace("HTTP/1.1", "HTTP/1.0").as_bytes()).await;
        let answer = http.answer().await;
        assert_eq!(answer.status, 400);
        assert!(answer.text().contains("proxy_http_version 1.1"), "{}", answer.text());
        server.close();
        within(server.drained()).await;
    }
}

#[tokio::test]
async fn a_program_that_forgets_who_its_clients_are_serves_none() {
    let target = format!("{PATH}?EIO=4&transport=polling");
    // The server is not told where axum says it; axum is not told to say it.
    let (not_reading, _told, _) = built(quick());
    let address = in_axum(Router::new().route_service(PATH, not_reading)).await;
    assert_eq!(Http::connect(address).await.get(&target).await.status, 500);
    let (reading, _told) = built_for_axum(quick());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().route_service(PATH, reading);
    tokio::spawn(async move { axum::serve(listener, app).await });
    let mut http = Http::connect(address).await;
    assert_eq!(http.get(&target).await.status, 500);
    http.write(crate::support::upgrade_request(TARGET).as_bytes()).await;
    let answer = http.answer().await;
    assert_eq!((answer.status, answer.text().contains("see its log")), (500, true));
}

/// Who somebody is, as middleware has found out.
#[derive(Debug, Clone, PartialEq)]
struct User(&'static str);

#[tokio::test]
async fn what_middleware_found_out_is_there_when_a_client_connects() {
    for (way, kept, expected) in [
        ("route", ExtensionsKept::All, Some(User("ann"))),
        ("layer", ExtensionsKept::only::<User>(), Some(User("ann"))),
        ("route", ExtensionsKept::None, None),
    ] {
        let mut config = quick();
        config.engine.extensions_kept = kept;
        let (builder, mut told, _) = building(config);
        let builder = builder.peer_addr_in::<ConnectInfo<SocketAddr>>();
        let server = builder
            .on_handshake(|handshake| match handshake.extensions.get() {
                Some(User("ann")) => Verdict::accept(),
                _ => Verdict::forbid("who are you?"),
            })
            .build();
        let app = match way {
            "route" => Router::new().route_service(PATH, server.clone()),
            _ => Router::new().layer(server.layer()),
        };
        let address = in_axum(app.layer(Extension(User("ann")))).await;
        let mut ws = connect(address, TARGET).await;
        send(&mut ws, "40").await;
        let by_websocket = asked(&mut told).await.handshake;
        let mut poller = Poller::open(address, PATH).await;
        poller.post("40").await;
        let by_polling = asked(&mut told).await.handshake;
        assert_eq!((by_websocket.transport, by_polling.transport), (Transport::WebSocket, Transport::Polling));
        for handshake in [by_websocket, by_polling] {
            assert_eq!(handshake.extensions.get(), expected.as_ref(), "{way}");
            assert!(handshake.address.unwrap().is_loopback());
        }
        server.close();
        within(server.drained()).await;
    }
}

#[tokio::test]
async fn it_is_served_on_a_unix_socket_and_on_any_stream() {
    let path = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("chat-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let (server, mut told, _) = built(quick());
    let service = server.clone();
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(serve(listener, move |request| service.call(request), std::future::pending()));
    let mut ws = connect_over(UnixStream::connect(&path).await.unwrap(), TARGET).await;
    send(&mut ws, "40").await;
    assert_eq!(asked(&mut told).await.handshake.peer, None);

    let (client, stream) = tokio::io::duplex(1 << 16);
    let service = server.clone();
    let service = move |request| service.call(request);
    let (stream, never) = (Stream::other(stream), std::future::pending());
    tokio::spawn(serve_stream(stream, None, HttpConfig::default(), service, never));
    let mut ws = connect_over(client, TARGET).await;
    send(&mut ws, "40").await;
    assert_eq!(asked(&mut told).await.handshake.peer, None);
    server.close();
    within(server.drained()).await;
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test]
async fn a_cookie_of_a_verdict_is_set_by_the_answer_that_opens_a_session_alone() {
    let (builder, _told, _) = building(quick());
    let sticky = HeaderValue::from_static("node=7; HttpOnly");
    let server =
        builder.on_handshake(move |_| Verdict::accept().with_header(header::SET_COOKIE, sticky.clone())).build();
    let address = listening(&server).await;
    let target = format!("{PATH}?EIO=4&transport=polling");
    let mut http = Http::connect(address).await;
    let opened = http.get(&target).await;
    assert_eq!(opened.header("set-cookie"), Some("node=7; HttpOnly"));
    let target = format!("{target}&sid={}", opened.text().get(9..29).unwrap());
    let posted = http.request("POST", &target, &[], b"40").await;
    assert_eq!((posted.status, posted.header("set-cookie")), (200, None));
    let polled = http.get(&target).await;
    assert_eq!((polled.status, polled.header("set-cookie")), (200, None));
    let mut http = Http::connect(address).await;
    http.write(crate::support::upgrade_request(TARGET).as_bytes()).await;
    let answer = http.answer().await;
    assert_eq!((answer.status, answer.header("set-cookie")), (101, Some("node=7; HttpOnly")));
}
