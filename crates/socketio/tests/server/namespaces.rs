//! Namespaces that come and go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use socketio::{Admission, ConnectRequest, DisconnectReason, Member, Namespace, Refusal, Socket};

use crate::app::served;
use crate::client::Client;
use crate::support::eventually;

/// Greets by a word.
struct Greeting(&'static str);

impl Namespace for Greeting {
    fn connect(&self, _: ConnectRequest) -> Admission {
        Admission::accept(Self(self.0))
    }
}

impl Member for Greeting {
    fn connected(&mut self, socket: &Socket) {
        socket.emit(self.0, &()).unwrap();
    }
}

#[tokio::test]
async fn a_namespace_that_is_added_is_joined_and_one_that_is_replaced_keeps_its_members() {
    let mut server = served().await;
    let (mut client, _) = Client::join(server.address).await;
    client.send("40/new,").await;
    assert_eq!(client.text().await, r#"44/new,{"message":"Invalid namespace"}"#);
    for word in ["first", "second"] {
        server.server.add_namespace("/new", Arc::new(Greeting(word))).unwrap();
        let (mut newcomer, _) = Client::join(server.address).await;
        newcomer.connect("/new").await;
        assert_eq!(newcomer.text().await, format!(r#"42/new,["{word}"]"#));
        newcomer.send("41/new,").await;
    }
    client.connect("/new").await;
    assert_eq!(client.text().await, r#"42/new,["second"]"#);
    server.server.add_namespace("/new", Greeting("third")).unwrap();
    server.server.of("/new").unwrap().emit("still", &()).unwrap();
    assert_eq!(client.text().await, r#"42/new,["still"]"#);
    assert!(server.server.add_namespace("no name", Greeting("x")).is_err());
    server.connected().await;
}

#[tokio::test]
async fn a_namespace_that_is_removed_is_left_and_not_joined_again() {
    let mut server = served().await;
    let (mut client, _) = Client::join(server.address).await;
    client.connect("/other").await;
    client.send("40/pending,").await;
    let (_, decide) = loop {
        let (request, decide) = server.asked().await;
        if decide.is_some() {
            break (request, decide);
        }
    };
    assert!(server.server.remove_namespace("/other", Duration::ZERO));
    assert!(!server.server.remove_namespace("/other", Duration::ZERO), "it is gone");
    assert!(!server.server.remove_namespace("no name", Duration::ZERO));
    assert_eq!(client.text().await, "41/other,");
    let (socket, reason) = server.disconnected().await;
    assert_eq!((socket.namespace().as_str(), reason), ("/other", DisconnectReason::Server));
    client.send("40/other,").await;
    assert_eq!(client.text().await, r#"44/other,{"message":"Invalid namespace"}"#);
    // Who was let in too late is not in.
    assert!(server.server.remove_namespace("/pending", Duration::ZERO));
    decide.unwrap().send(Ok(())).unwrap();
    assert_eq!(client.text().await, r#"44/pending,{"message":"Invalid namespace"}"#);
    client.has_got_nothing().await;
    server.server.add_namespace("/other", Greeting("back")).unwrap();
    client.connect("/other").await;
    assert_eq!(client.text().await, r#"42/other,["back"]"#);
}

#[tokio::test]
async fn a_crowd_leaves_a_namespace_one_after_the_other() {
    let mut server = served().await;
    let mut clients = Vec::new();
    for _ in 0..10 {
        let (mut client, _) = Client::join(server.address).await;
        client.connect("/other").await;
        clients.push(client);
    }
    let (begun, spread) = (Instant::now(), Duration::from_millis(500));
    assert!(server.server.remove_namespace("/other", spread));
    // Added again at once: those who join now are not among those who have to leave.
    server.server.add_namespace("/other", Greeting("new")).unwrap();
    let (mut newcomer, _) = Client::join(server.address).await;
    newcomer.connect("/other").await;
    assert_eq!(newcomer.text().await, r#"42/other,["new"]"#);
    let mut left = 0;
    while left < 10 {
        let (socket, reason) = server.disconnected().await;
        assert_eq!((socket.namespace().as_str(), reason), ("/other", DisconnectReason::Server));
        left += 1;
        assert!(begun.elapsed() >= spread * (left - 1) / 10, "number {left} left too early");
    }
    for client in &mut clients {
        assert_eq!(client.text().await, "41/other,");
        client.has_got_nothing().await;
    }
    newcomer.has_got_nothing().await;
    assert_eq!(server.members("/other").await, 1);
}

#[tokio::test]
async fn who_has_not_left_a_namespace_stays_when_it_is_taken_back() {
    let mut server = served().await;
    let mut clients = Vec::new();
    for _ in 0..10 {
        let (mut client, _) = Client::join(server.address).await;
        client.connect("/other").await;
        clients.push(client);
    }
    // The first of an hour leaves at once.
    assert!(server.server.remove_namespace("/other", Duration::from_secs(3600)));
    server.disconnected().await;
    server.server.take_back_namespace("/other", Greeting("back")).unwrap();
    assert_eq!(server.members("/other").await, 9);
    let (mut newcomer, _) = Client::join(server.address).await;
    newcomer.connect("/other").await;
    assert_eq!(newcomer.text().await, r#"42/other,["back"]"#);
    // It can be removed again, and then everybody leaves.
    assert!(server.server.remove_namespace("/other", Duration::from_millis(1)));
    for _ in 0..9 {
        server.disconnected().await;
    }
    assert_eq!(newcomer.text().await, "41/other,");
    assert!(server.server.take_back_namespace("no name", Greeting("")).is_err());
}

/// Says when it is dropped.
struct Mortal(Arc<AtomicBool>);

impl Namespace for Mortal {
    fn connect(&self, _: ConnectRequest) -> Admission {
        Refusal::new("nobody").into()
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_kept_socket_keeps_neither_the_server_nor_its_namespaces() {
    let mut server = served().await;
    let is_dropped = Arc::new(AtomicBool::new(false));
    server.server.add_namespace("/mortal", Mortal(Arc::clone(&is_dropped))).unwrap();
    let (client, _) = Client::join(server.address).await;
    let socket = server.connected().await;
    drop(client);
    server.disconnected().await;
    server.stop().await;
    eventually("the server is gone", || is_dropped.load(Ordering::SeqCst)).await;
    // What it reaches is nobody, and it does not wait for ever to find out.
    socket.emit("x", &()).unwrap();
    socket.join("room");
    assert_eq!(crate::support::within(socket.everyone().fetch_sockets()).await.len(), 0);
}
