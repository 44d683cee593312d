//! Namespaces that come and go.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fanfare_socketio::{Admission, ConnectRequest, DisconnectReason, Member, Namespace, Refusal, Socket};

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
        socket.emit(self.0, ()).unwrap();
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
    server.server.of("/new").unwrap().emit("still", ()).unwrap();
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
    assert_eq!(server.members("/other").await, 0);
}

#[tokio::test]
async fn who_has_not_left_yet_stays_in_a_namespace_that_is_added_again() {
    let mut server = served().await;
    let mut clients = Vec::new();
    for _ in 0..10 {
        let (mut client, _) = Client::join(server.address).await;
        client.connect("/other").await;
        clients.push(client);
    }
    let spread = Duration::from_millis(500);
    assert!(server.server.remove_namespace("/other", spread));
    server.disconnected().await; // The first leaves at once.
    server.server.add_namespace("/other", Greeting("new")).unwrap();
    let (mut newcomer, _) = Client::join(server.address).await;
    newcomer.connect("/other").await;
    assert_eq!(newcomer.text().await, r#"42/other,["new"]"#);
    // Longer than they would have taken to leave.
    tokio::time::sleep(spread * 2).await;
    let members = server.members("/other").await;
    assert!((2..11).contains(&members), "{members}");
    server.server.of("/other").unwrap().emit("still", ()).unwrap();
    let mut left = 0;
    for client in clients.iter_mut().chain([&mut newcomer]) {
        match client.text().await.as_str() {
            "41/other," => left += 1,
            text => assert_eq!(text, r#"42/other,["still"]"#),
        }
        client.has_got_nothing().await;
    }
    assert_eq!(left + members, 11);
    // Once more, and now it goes.
    assert!(server.server.remove_namespace("/other", Duration::ZERO));
    assert_eq!(newcomer.text().await, "41/other,");
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
    socket.emit("x", ()).unwrap();
    socket.join("room");
    assert_eq!(crate::support::within(socket.everyone().fetch_sockets()).await.len(), 0);
}
