//! A Socket.IO server beside a program's own routes, in axum: `POST /headline` emits to every client.
//!
//! `PORT` (default 3000; 0 for any) comes from the environment. Try
//! `curl -d 'It works' http://localhost:3000/headline` while a client listens for `headline`.

use std::env;
use std::net::{IpAddr, SocketAddr};

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{any, post};
use socketio::{Admission, ConnectRequest, Member, Namespace, PeerAddr, Server, ServerConfig, Socket};

struct News;

struct Reader {
    address: Option<IpAddr>,
}

impl Namespace for News {
    fn connect(&self, request: ConnectRequest) -> Admission {
        Admission::accept(Reader { address: request.handshake.address })
    }
}

impl Member for Reader {
    fn connected(&mut self, socket: &Socket) {
        println!("{} reads the news from {:?}", socket.id(), self.address);
    }
}

async fn headline(State(server): State<Server>, text: String) -> Result<StatusCode, StatusCode> {
    let everyone = server.of("/").map_err(|_| StatusCode::NOT_FOUND)?;
    everyone.emit("headline", &(text,)).map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok(StatusCode::ACCEPTED)
}

async fn socket_io(
    State(server): State<Server>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    mut request: Request,
) -> Response {
    request.extensions_mut().insert(PeerAddr(address));
    server.call(request).await.map(axum::body::Body::new)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder(ServerConfig::default()).namespace("/", News)?.build();
    let app = Router::new()
        .route("/headline", post(headline))
        .route("/socket.io/", any(socket_io))
        .with_state(server)
        .into_make_service_with_connect_info::<SocketAddr>();
    let port = env::var("PORT").unwrap_or_else(|_| "3000".into());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
