//! A chat, beside a program's own routes in axum: rooms, two namespaces, credentials that are refused with data,
//! acknowledgements both ways, and an end that loses nothing. `tests/embedding/chat.test.mjs` talks to it.
//!
//! `PORT` (default 3000; 0 for any) and `ADMIN_PASSWORD` (default "secret") come from the environment. Ctrl-C ends it.

use std::env;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use fanfare_socketio::{Handlers, Joined, Refusal, Server, ServerConfig};
use serde::{Deserialize, Serialize};

/// What is known of a client from when it joins.
struct User {
    name: String,
}

/// The `data` of a `connect_error`.
#[derive(Serialize)]
struct Why {
    code: &'static str,
}

fn chat() -> Handlers<User> {
    #[derive(Deserialize)]
    struct Auth {
        name: String,
    }
    Handlers::connect(|request| match request.auth_as() {
        Ok(Auth { name }) if !name.is_empty() => Ok(User { name }),
        _ => Err(Refusal::new("who are you?").with_data(&Why { code: "name_missing" })),
    })
    .connected(|socket| {
        socket.join("lobby");
        let _ = socket.to("lobby").emit("joined", &socket.state().name);
    })
    .on("join", |socket, rooms: Vec<String>| {
        socket.join(&rooms);
        socket.rooms()
    })
    .on("leave", |socket, rooms: Vec<String>| socket.leave(&rooms))
    // say(room, text, whom not to?): answered with nothing, or with what is wrong.
    .on("say", |socket, (room, text, muted): (String, String, Option<Vec<String>>)| {
        if !socket.rooms().iter().any(|joined| joined.as_str() == room) {
            return Err(("not in that room", room));
        }
        let others = socket.to(&room).except(muted.unwrap_or_default());
        let _ = others.emit("said", (&room, &socket.state().name, text));
        Ok(())
    })
    // Nobody misses one that comes late.
    .on("typing", |socket, room: String| {
        let _ = socket.to(&room).volatile().emit("typing", (room, &socket.state().name));
    })
    .on("who", async |socket, room: String| {
        let found = socket.everyone().to(room).fetch_sockets().await;
        found.ids().collect::<Vec<_>>()
    })
    .on("ask", ask)
    .on("quit", |socket, ()| socket.disconnect())
    .on_mismatch(|_, mismatch| ("not understood", mismatch.why))
    .disconnected(|socket, reason| {
        let User { name } = socket.state();
        println!("{name} left: {}", reason.as_reference());
        let _ = socket.to(socket.rooms()).emit("left", (name, reason.as_reference()));
    })
}

/// Passes a question on to somebody, and the answer back.
async fn ask(socket: Joined<User>, (id, question): (String, String)) -> Result<String, (&'static str, String)> {
    let asked = socket.everyone().to(&id).emit_with_ack("asked", (&socket.state().name, question), ANSWER_WITHIN);
    let answers = asked.map_err(|error| ("not asked", error.to_string()))?.await;
    let answer = answers.received.first().and_then(|(_, answer)| answer.deserialize(0).ok());
    answer.ok_or(("no answer", id))
}

const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The namespace of those who know the password, which somebody else keeps.
fn admin(password: String) -> Handlers {
    #[derive(Deserialize)]
    struct Auth {
        password: String,
    }
    Handlers::connect_async(move |request| {
        let is_right = request.auth_as().is_ok_and(|auth: Auth| auth.password == password);
        async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            if is_right { Ok(()) } else { Err(Refusal::new("not you").with_data(&Why { code: "password" })) }
        }
    })
    .on("announce", |socket, text: String| socket.of("/").is_ok_and(|chat| chat.emit("announced", text).is_ok()))
    .on("kick", |socket, id: String| {
        if let Ok(chat) = socket.of("/") {
            chat.to(id).disconnect();
        }
    })
    .on("break", |_, ()| -> () { panic!("as asked: only the connection that asked is closed") })
}

/// `curl -d 'Tea is ready' http://localhost:3000/announce`
async fn announce(State(server): State<Server>, text: String) -> Result<StatusCode, StatusCode> {
    let chat = server.of("/").map_err(|_| StatusCode::NOT_FOUND)?;
    chat.emit("announced", text).map_err(|_| StatusCode::BAD_REQUEST)?;
    Ok(StatusCode::ACCEPTED)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let password = env::var("ADMIN_PASSWORD").unwrap_or_else(|_| "secret".into());
    let server = Server::builder(ServerConfig::default()).peer_addr_in::<ConnectInfo<SocketAddr>>();
    let server = server.namespace("/", chat())?.namespace("/admin", admin(password))?.build();
    let app = Router::new()
        .route("/announce", post(announce))
        .route("/healthz", get(async |State(server): State<Server>| server.health().to_string()))
        .route_service("/socket.io/", server.clone())
        .with_state(server.clone())
        .into_make_service_with_connect_info::<SocketAddr>();
    let port = env::var("PORT").unwrap_or_else(|_| "3000".into());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let closing = server.clone();
    let ended = async move {
        let _ = tokio::signal::ctrl_c().await;
        // Every client comes back by itself, here or elsewhere; what it had sent is still handled.
        closing.close();
    };
    axum::serve(listener, app).with_graceful_shutdown(ended).await?;
    server.drained().await;
    println!("ended");
    Ok(())
}
