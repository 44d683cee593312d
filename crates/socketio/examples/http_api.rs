//! A program whose own routes emit, look, move and expel, in axum. `PORT` (default 3000; 0 for any) comes from the environment.
//!
//! ```sh
//! curl -d '["It works", 1]' http://localhost:3000/emit/headline    # {"recipients":2}
//! curl -X PUT http://localhost:3000/rooms/news/ID                  # and then POST /rooms/news/emit/headline
//! curl -X DELETE http://localhost:3000/sockets/ID
//! ```

use std::env;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post, put};
use fanfare_socketio::{Admission, Broadcast, ConnectRequest, Namespace, Server, ServerConfig, Spread};
use serde_json::{Value, json};

struct Everybody;

impl Namespace for Everybody {
    fn connect(&self, _: ConnectRequest) -> Admission {
        Admission::accept(())
    }
}

/// Emits, if there is room for it soon, and says to how many it went.
async fn emit(to: Broadcast, event: &str, body: &str) -> Result<String, StatusCode> {
    let arguments: Vec<Value> = serde_json::from_str(body).map_err(|_| StatusCode::BAD_REQUEST)?;
    let room = tokio::time::timeout(Duration::from_secs(1), to.ready()).await;
    room.map_err(|_| StatusCode::TOO_MANY_REQUESTS)?;
    let outcome = to.emit_counted(event, Spread(&arguments)).map_err(|_| StatusCode::BAD_REQUEST)?.await;
    Ok(json!({ "recipients": outcome.queued }).to_string())
}

fn everybody(server: &Server) -> Result<Broadcast, StatusCode> {
    server.of("/").map_err(|_| StatusCode::NOT_FOUND)
}

async fn sockets(State(server): State<Server>) -> Result<String, StatusCode> {
    let found = everybody(&server)?.fetch_sockets().await;
    let told = found.sockets.iter().map(
        |socket| json!({ "id": socket.id.as_str(), "rooms": socket.rooms.len(), "address": socket.handshake.address }),
    );
    Ok(Value::Array(told.collect()).to_string())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let builder = Server::builder(ServerConfig::default()).peer_addr_in::<ConnectInfo<SocketAddr>>();
    let server = builder.namespace("/", Everybody)?.build();
    let to_all = |State(server): State<Server>, Path(event): Path<String>, body: String| async move {
        emit(everybody(&server)?, &event, &body).await
    };
    let to_room = |State(server): State<Server>, Path((room, event)): Path<(String, String)>, body: String| async move {
        emit(everybody(&server)?.to(room), &event, &body).await
    };
    let join = |State(server): State<Server>, Path((room, id)): Path<(String, String)>| async move {
        everybody(&server).map(|everybody| everybody.to(id).join(room))
    };
    let expel = |State(server): State<Server>, Path(id): Path<String>| async move {
        everybody(&server).map(|everybody| everybody.to(id).disconnect())
    };
    let app = Router::new()
        .route("/emit/{event}", post(to_all))
        .route("/rooms/{room}/emit/{event}", post(to_room))
        .route("/rooms/{room}/{id}", put(join))
        .route("/sockets", get(sockets))
        .route("/sockets/{id}", delete(expel))
        .route_service("/socket.io/", server.clone())
        .with_state(server)
        .into_make_service_with_connect_info::<SocketAddr>();
    let port = env::var("PORT").unwrap_or_else(|_| "3000".into());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}
