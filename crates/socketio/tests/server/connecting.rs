//! CONNECT: accepted, refused, left pending, too late, too often.

use std::sync::atomic::Ordering;
use std::time::Duration;

use socketio::engineio::proto::CloseReason;
use socketio::{DisconnectReason, Refusal};

use crate::app::{Told, quick, served, served_with};
use crate::client::Client;
use crate::support::{Poller, eventually};

#[tokio::test]
async fn a_client_is_greeted_with_an_id_of_its_own_in_each_namespace() {
    let mut server = served().await;
    let (mut client, root) = Client::join(server.address).await;
    let other = client.connect("/other").await;
    assert_eq!((root.len(), other.len()), (20, 20));
    assert_ne!(root, other);
    for (id, namespace) in [(root, "/"), (other, "/other")] {
        let socket = server.connected().await;
        assert_eq!((socket.id().to_string(), socket.namespace().as_str()), (id, namespace));
    }
}

#[tokio::test]
async fn the_application_sees_the_handshake_and_the_credentials() {
    let mut server = served().await;
    let mut client = Client::open(server.address).await;
    client.send(r#"40{"token":"x"}"#).await;
    let (request, _) = server.asked().await;
    assert_eq!(request.auth.unwrap().as_str(), r#"{"token":"x"}"#);
    assert!(request.handshake.address.unwrap().ip().is_loopback());
    assert_eq!(request.handshake.headers["host"], "test");
    assert_eq!(request.handshake.uri.query(), Some("EIO=4&transport=websocket"));
}

#[tokio::test]
async fn a_refusal_carries_message_and_data_and_the_connection_lives() {
    let mut server = served().await;
    let mut client = Client::open(server.address).await;
    client.send("40/refusing,").await;
    assert_eq!(client.text().await, r#"44/refusing,{"message":"not \"you\"","data":{"code":7}}"#);
    client.send("40/nope?token=x,").await;
    assert_eq!(client.text().await, r#"44/nope?token=x,{"message":"Invalid namespace"}"#);
    // It may ask again, there and elsewhere.
    client.send("40/refusing,").await;
    assert!(client.text().await.starts_with("44/refusing,"));
    client.connect("/").await;
    server.connected().await;
}

#[tokio::test]
async fn a_decision_may_take_its_time_while_other_namespaces_go_on() {
    let mut server = served().await;
    let mut client = Client::open(server.address).await;
    client.send("40/pending,{\"a\":1}").await;
    let (request, decide) = server.asked().await;
    assert_eq!(request.auth.unwrap().as_str(), r#"{"a":1}"#);
    client.connect("/").await;
    client.has_got_nothing().await;
    decide.unwrap().send(Ok(())).unwrap();
    assert!(client.text().await.starts_with(r#"40/pending,{"sid":""#));
    loop {
        let socket = server.connected().await;
        if socket.namespace().as_str() == "/pending" {
            break;
        }
    }
}

#[tokio::test]
async fn a_decision_may_be_a_refusal() {
    let mut server = served().await;
    let mut client = Client::open(server.address).await;
    client.send("40/pending,").await;
    let (_, decide) = server.asked().await;
    assert!(decide.unwrap().send(Err(Refusal::new("no"))).is_ok());
    assert_eq!(client.text().await, r#"44/pending,{"message":"no"}"#);
}

#[tokio::test]
async fn a_decision_is_dropped_with_the_client_that_waits_for_it() {
    let mut server = served().await;
    for way in 0..3 {
        let mut client = Client::open(server.address).await;
        client.send("40/pending,").await;
        let (_, decide) = server.asked().await;
        assert_eq!(server.undecided.load(Ordering::SeqCst), 1);
        match way {
            0 => drop(client),
            1 => client.reset(),
            // Nothing may be said in a namespace before it is entered.
            _ => client.send(r#"42/pending,["too early"]"#).await,
        }
        eventually("the decision is given up", || server.undecided.load(Ordering::SeqCst) == 0).await;
        drop(decide);
    }
    server.emptied().await;
}

#[tokio::test]
async fn the_greeting_comes_before_anything_else() {
    let mut server = served().await;
    for _ in 0..50 {
        let mut client = Client::open(server.address).await;
        client.send("40").await;
        // Emitted as early as can be, from another task than the connection's.
        let socket = server.connected().await;
        socket.emit("first", &()).unwrap();
        server.server.of("/").unwrap().emit("second", &()).unwrap();
        assert!(client.text().await.starts_with(r#"40{"sid":""#));
        assert_eq!(client.text().await, r#"42["first"]"#);
        assert_eq!(client.text().await, r#"42["second"]"#);
    }
}

#[tokio::test]
async fn who_connects_to_nothing_is_closed() {
    let mut config = quick();
    config.client.connect_timeout = Duration::from_millis(100);
    let server = served_with(config).await;
    let mut silent = Client::open(server.address).await;
    let mut refused = Client::open(server.address).await;
    refused.send("40/nope,").await;
    assert!(refused.text().await.starts_with("44/nope,"));
    let mut polling = Poller::open(server.address, crate::client::PATH).await;
    polling.begin_poll().await;
    let (mut joined, _) = Client::join(server.address).await;
    assert!(silent.is_ended().await);
    assert!(refused.is_ended().await);
    assert_eq!(polling.polls.answer().await.text(), "1");
    assert_eq!(server.server.close_counts()["connect_timeout"], 3);
    joined.has_got_nothing().await;
    // Once it was somewhere, it may be nowhere.
    joined.send("41").await;
    joined.connect("/other").await;
}

#[tokio::test]
async fn a_client_connects_once_to_a_namespace_and_again_after_it_left() {
    let mut server = served().await;
    let (mut client, first) = Client::join(server.address).await;
    client.send("41").await;
    assert_ne!(client.connect("/").await, first);
    client.send("40").await;
    assert!(client.is_ended().await);
    assert_eq!(server.disconnected().await.1, DisconnectReason::Client);
    let (_, reason) = server.disconnected().await;
    assert_eq!(reason, DisconnectReason::Closed(CloseReason::Violation("connected_twice")));
    assert_eq!(server.server.close_counts()["connected_twice"], 1);

    let mut racing = Client::open(server.address).await;
    racing.send("40/pending,").await;
    racing.send("40/pending,").await;
    assert!(racing.is_ended().await);
    drop((client, racing));
    server.emptied().await;
}

#[tokio::test]
async fn connecting_and_leaving_ten_thousand_times_leaves_nothing() {
    let mut server = served().await;
    let mut client = Client::open(server.address).await;
    for _ in 0..100 {
        for _ in 0..100 {
            client.send("40").await;
            client.send("41").await;
        }
        for _ in 0..100 {
            assert!(client.text().await.starts_with("40"));
        }
    }
    client.connect("/").await;
    assert_eq!(server.members("/").await, 1);
    let mut connected = 0;
    let mut disconnected = 0;
    while let Ok(told) = server.told.try_recv() {
        match told {
            Told::Connected(_) => connected += 1,
            Told::Disconnected(..) => disconnected += 1,
            _ => {}
        }
    }
    assert_eq!((connected, disconnected), (10_001, 10_000));
    drop(client);
    server.emptied().await;
}
