//! The server inside other servers.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::routing::{any, post};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use socketio::{PeerAddr, Server};
use tokio::net::TcpListener;

use crate::app::{Told, built, quick};
use crate::client::{Client, PATH};
use crate::support::{Http, Poller, within};

/// By polling, by WebSocket, by upgrade.
async fn is_served(address: SocketAddr) {
    let (mut client, _) = Client::join(address).await;
    client.has_got_nothing().await;
    let mut poller = Poller::open(address, PATH).await;
    poller.post("40").await;
    assert!(poller.poll().await.starts_with("40{"));
    let mut ws = crate::support::connect(address, &poller.websocket_target()).await;
    crate::support::send(&mut ws, "2probe").await;
    assert_eq!(crate::support::text(&mut ws).await, "3probe");
    crate::support::send(&mut ws, "5").await;
    crate::support::send(&mut ws, r#"427["echo",1]"#).await;
    assert_eq!(crate::support::text(&mut ws).await, "437[1]");
}

#[tokio::test]
async fn it_is_a_hyper_service() {
    let (server, _told, _) = built(quick());
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

async fn socket_io(
    State(server): State<Server>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    mut request: Request,
) -> axum::response::Response {
    request.extensions_mut().insert(PeerAddr(address));
    server.call(request).await.map(axum::body::Body::new)
}

#[tokio::test]
async fn it_stands_beside_a_program_s_own_routes_in_axum() {
    let (server, mut told, _) = built(quick());
    let app = Router::new()
        .route("/headline", post(headline))
        .route("/socket.io/", any(socket_io))
        .with_state(server.clone())
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });

    is_served(address).await;
    let (mut client, _) = Client::join(address).await;
    let mut http = Http::connect(address).await;
    assert_eq!(http.request("POST", "/headline", &[], b"It works").await.status, 200);
    assert_eq!(client.text().await, r#"42["headline","It works"]"#);
    assert_eq!(http.get("/elsewhere").await.status, 404);
    while let Some(Told::Asked(request, _)) = told.recv().await {
        if request.handshake.address.unwrap().is_loopback() {
            break;
        }
    }
    drop(client);
    server.close();
    within(server.drained()).await;
}

#[tokio::test]
async fn it_is_a_tower_service_that_axum_routes_to_or_nests() {
    for is_nested in [false, true] {
        let mut config = quick();
        if is_nested {
            // What is nested sees paths without the prefix.
            config.engine.path = "/".into();
        }
        let (server, _told, _) = built(config);
        let app = match is_nested {
            false => Router::new().route_service(PATH, server.clone()),
            true => Router::new().nest_service("/socket.io", server.clone()),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        is_served(address).await;
        assert_eq!(Http::connect(address).await.get("/elsewhere").await.status, 404);
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
