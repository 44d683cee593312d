//! That nothing is left: of connections, of servers.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fanfare_socketio::engineio::proto::CloseReason;
use fanfare_socketio::{
    AckSender, Admission, ConnectRequest, DisconnectReason, Event, Member, Namespace, NoPeerAddr, Server, Socket,
    SocketId,
};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;

use crate::app::{Told, built, quick, served, served_with};
use crate::client::Client;
use crate::support::{Poller, connect_over, eventually, send, text, within};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_after_a_thousand_connections_have_come_and_gone() {
    let mut config = quick();
    config.lanes = 2.try_into().ok();
    let mut server = served_with(config).await;
    let pending = server.server.of("/").unwrap();
    for round in 0..250 {
        let (mut leaving, _) = Client::join(server.address).await;
        let (resetting, _) = Client::join(server.address).await;
        let (mut breaking, _) = Client::join(server.address).await;
        let mut polling = Poller::open(server.address, crate::client::PATH).await;
        polling.post("40\u{1e}40/other,\u{1e}40/pending,").await;
        pending.clone().join(format!("room {round}"));
        let _answers = pending.clone().emit_with_ack("ask", (round,), Duration::from_secs(60)).unwrap();
        leaving.send("1").await;
        resetting.reset();
        breaking.send("42{}").await;
        polling.post("1").await;
    }
    server.emptied().await;
    let mut sockets: HashMap<SocketId, usize> = HashMap::new();
    while let Ok(told) = server.told.try_recv() {
        match told {
            Told::Connected(socket) => *sockets.entry(socket.id()).or_default() += 1,
            Told::Disconnected(socket, _) => *sockets.entry(socket.id()).or_default() += 1,
            _ => {}
        }
    }
    assert_eq!(sockets.len(), 1_250);
    assert!(sockets.values().all(|told| *told == 2), "each socket connected once and disconnected once");
    assert_eq!(server.server.close_counts().values().sum::<u64>(), 1_000);
}

/// Says when it is dropped.
struct Mortal(Arc<AtomicBool>);

impl Namespace for Mortal {
    fn connect(&self, _: ConnectRequest) -> Admission {
        Admission::accept(())
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_server_that_is_dropped_takes_its_tasks_with_it() {
    let before = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let is_dropped = Arc::new(AtomicBool::new(false));
    let server = Server::builder(quick()).namespace("/", Mortal(Arc::clone(&is_dropped))).unwrap().build();
    let everyone = server.of("/").unwrap();
    let _answers = everyone.emit_with_ack("ask", (), Duration::from_secs(60)).unwrap();
    drop(server);
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    eventually("the lanes have ended", || tasks() == before).await;
    assert!(is_dropped.load(Ordering::SeqCst));
}

/// Sends back what asks for an acknowledgement.
struct Echo;

impl Namespace for Echo {
    fn connect(&self, _: ConnectRequest) -> Admission {
        Admission::accept(Self)
    }
}

impl Member for Echo {
    fn event(&mut self, _: &Socket, event: Event, ack: Option<AckSender>) {
        if let Some(ack) = ack {
            ack.send_arguments(event.arguments());
        }
    }
}

#[tokio::test]
async fn a_server_that_is_dropped_lives_on_for_its_last_client() {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let (client, connection) = tokio::io::duplex(4096);
    let server = Server::builder(quick()).without_peer_addr().namespace("/", Echo).unwrap().build();
    let connection = http1::Builder::new().serve_connection(TokioIo::new(connection), server.clone());
    tokio::spawn(connection.with_upgrades());
    let mut ws = connect_over(client, crate::client::TARGET).await;
    assert!(text(&mut ws).await.starts_with("0{"));
    // The other handle went with hyper's service when the connection became the session's.
    drop(server);
    send(&mut ws, "40").await;
    assert!(text(&mut ws).await.starts_with("40{"));
    send(&mut ws, r#"420["echo",1]"#).await;
    assert_eq!(text(&mut ws).await, "430[1]");
    drop(ws);
    eventually("all tasks have ended", || tasks() == before).await;
}

#[tokio::test]
async fn a_shutdown_reaches_polling_and_websocket_clients_and_those_not_yet_decided() {
    let mut server = served().await;
    let (mut joined, _) = Client::join(server.address).await;
    let mut undecided = Client::open(server.address).await;
    undecided.send("40/pending,").await;
    server.asked().await;
    let mut polling = Poller::open(server.address, crate::client::PATH).await;
    polling.post("40").await;
    assert!(polling.poll().await.starts_with("40{"));
    polling.begin_poll().await;
    polling.post("6").await;
    server.server.close();
    assert!(joined.is_ended().await);
    assert!(undecided.is_ended().await);
    // Connections just end: to some clients anything else is final.
    assert!(polling.polls.end().await.is_empty());
    for _ in 0..2 {
        assert_eq!(server.disconnected().await.1, DisconnectReason::Closed(CloseReason::Shutdown));
    }
    drop((joined, undecided));
    server.emptied().await;
}

#[tokio::test]
async fn a_socket_that_was_kept_reaches_nobody() {
    let mut server = served().await;
    let (client, _) = Client::join(server.address).await;
    let socket = server.connected().await;
    socket.join("room");
    drop(client);
    server.disconnected().await;
    socket.join("again");
    socket.emit("x", ()).unwrap();
    socket.disconnect_connection();
    assert_eq!(within(socket.only().fetch_sockets()).await.len(), 0);
    server.emptied().await;
}

#[tokio::test]
async fn a_server_is_built_once_for_any_number_of_requests() {
    let (server, _told, _) = built(quick());
    assert!(server.owns("/socket.io/") && !server.owns("/socket.io"));
    let request = http::Request::get("/elsewhere").body(String::new()).unwrap();
    assert_eq!(server.call(request).await.status(), 404);
    let request =
        http::Request::get("/socket.io/?EIO=4&transport=polling").extension(NoPeerAddr).body(String::new()).unwrap();
    assert_eq!(within(server.call(request)).await.status(), 200);
}
