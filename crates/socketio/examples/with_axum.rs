//! A Socket.IO server beside a program's own routes, in axum: `POST /headline` emits to every client.
//!
//! `PORT` (default 3000; 0 for any) comes from the environment. Try
//! `curl -d 'It works' http://localhost:3000/headline` while a client listens for `headline`.

use std::env;
use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::routing::post;
use fanfare_socketio::{Handlers, Server, ServerConfig};

async fn headline(State(server): State<Server>, text: String) -> Result<StatusCode, StatusCode> {
    let everyone = server.of("/").map_err(|_| StatusCode::NOT_FOUND)?;
    everyone.emit("headline", text).map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok(StatusCode::ACCEPTED)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // What `connect` gives back is kept for as long as the client is there.
    let news = Handlers::connect(|request| Ok(request.handshake.address))
        .connected(|socket| println!("{} reads the news from {:?}", socket.id(), socket.state()));
    let builder = Server::builder(ServerConfig::default()).peer_addr_in::<ConnectInfo<SocketAddr>>();
    let server = builder.namespace("/", news)?.build();
    let app = Router::new()
        .route("/headline", post(headline))
        .route_service("/socket.io/", server.clone())
        .with_state(server)
        .into_make_service_with_connect_info::<SocketAddr>();
    let port = env::var("PORT").unwrap_or_else(|_| "3000".into());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
