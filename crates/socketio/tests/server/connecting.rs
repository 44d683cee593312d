//! CONNECT: accepted, refused, left pending, too late, too often.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use fanfare_socketio::engineio::proto::CloseReason;
use fanfare_socketio::{Admission, ConnectRequest, DisconnectReason, Namespace, Refusal, Server};

use crate::app::{Told, building, listening, quick, served, served_with};
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
    assert!(request.handshake.address.unwrap().is_loopback());
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
        socket.emit("first", ()).unwrap();
        server.server.of("/").unwrap().emit("second", ()).unwrap();
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

#[tokio::test]
async fn who_cannot_be_served_now_is_told_nothing_and_loses_its_connection() {
    let mut server = served().await;
    for hold_ms in [0, 100] {
        let (mut client, _) = Client::join(server.address).await;
        let asked = Instant::now();
        client.send(&format!(r#"40/later,{{"hold_ms":{hold_ms}}}"#)).await;
        if hold_ms > 0 {
            client.has_got_nothing().await;
        }
        // A CONNECT_ERROR or a DISCONNECT would be text.
        assert!(client.is_ended().await);
        assert!(asked.elapsed() >= Duration::from_millis(hold_ms));
        let (_, reason) = server.disconnected().await;
        assert_eq!(reason, DisconnectReason::Closed(CloseReason::Unavailable));
    }
    assert_eq!(server.server.close_counts()["unavailable"], 2);
    server.emptied().await;
}

#[tokio::test]
async fn who_is_held_longer_than_a_connect_may_take_leaves_then() {
    let mut config = quick();
    config.client.connect_timeout = Duration::from_millis(100);
    let server = served_with(config).await;
    let mut client = Client::open(server.address).await;
    client.send(r#"40/later,{"hold_ms":60000}"#).await;
    assert!(client.is_ended().await);
    drop(client);
    server.emptied().await;
}

#[tokio::test]
async fn credentials_larger_than_allowed_are_refused_by_name_and_the_connection_lives() {
    let mut server = served().await;
    let (mut client, _) = Client::join(server.address).await;
    let with_auth = |length: usize| format!(r#"40/other?a=1,{{"x":"{}"}}"#, "x".repeat(length - 8));
    for length in [16 * 1024 + 1, 900_000] {
        client.send(&with_auth(length)).await;
        assert_eq!(client.text().await, r#"44/other?a=1,{"message":"auth is larger than 16384 bytes"}"#);
    }
    server.asked().await;
    client.send(&with_auth(16 * 1024)).await;
    assert!(client.text().await.starts_with("40/other,"));
    assert_eq!(server.asked().await.0.auth.unwrap().as_str().len(), 16 * 1024, "the only one that was asked about");
}

#[tokio::test]
async fn all_namespaces_there_are_can_be_joined_on_one_connection() {
    let mut config = quick();
    config.client.namespaces_max = 2;
    let (mut builder, _told, _) = building(config);
    for number in 0..70 {
        builder = builder.namespace(&format!("/{number}"), answers(|| Admission::accept(()))).unwrap();
    }
    let server = builder.build();
    let (mut client, _) = Client::join(listening(&server).await).await;
    for number in 0..70 {
        client.connect(&format!("/{number}")).await;
    }
    // Also one that came later.
    server.add_namespace("/late", answers(|| Admission::accept(()))).unwrap();
    client.connect("/late").await;
    client.send("40/nope,").await;
    assert_eq!(client.text().await, r#"44/nope,{"message":"Invalid namespace"}"#);
    client.has_got_nothing().await;
}

#[tokio::test]
async fn one_namespace_more_than_allowed_is_refused_and_the_others_live() {
    let mut config = quick();
    config.client.namespaces_max = 2;
    let builder = Server::builder(config).namespace("/", answers(|| Admission::accept(()))).unwrap();
    let builder = builder.namespace("/c", answers(|| Admission::accept(()))).unwrap();
    let server = builder.namespace("/p", answers(|| Admission::pending(std::future::pending()))).unwrap().build();
    let (mut client, _) = Client::join(listening(&server).await).await;
    client.send("40/p,").await;
    client.send("40/nope,").await;
    assert_eq!(client.text().await, r#"44/nope,{"message":"Invalid namespace"}"#);
    // It is still waited for, but is none of those that exist.
    assert!(server.remove_namespace("/p", Duration::ZERO));
    client.send("40/c?a=1,").await;
    assert_eq!(client.text().await, r#"44/c?a=1,{"message":"too many namespaces on one connection"}"#);
    client.send("41").await;
    client.connect("/c").await;
}

#[tokio::test]
async fn who_goes_on_asking_where_it_is_refused_is_closed() {
    let server = served().await;
    let (mut client, _) = Client::join(server.address).await;
    for number in 0..1_000 {
        client.send(if number % 2 == 0 { "40/nope," } else { "40/refusing," }).await;
    }
    let mut refusals = 0;
    while let Some(message) = crate::support::next(&mut client.ws).await {
        refusals += usize::from(message.to_text().is_ok_and(|text| text.starts_with("44/")));
    }
    // It may be forgiven some meanwhile, and not get the last ones.
    assert!((1..=200).contains(&refusals), "{refusals}");
    assert_eq!(server.server.close_counts()["too_many_refusals"], 1);
    let (mut polite, _) = Client::join(server.address).await;
    for _ in 0..100 {
        polite.send("40/nope,").await;
        assert!(polite.text().await.starts_with("44/nope,"));
    }
    polite.has_got_nothing().await;
}

/// A namespace that always says the same.
fn answers(admission: fn() -> Admission) -> impl Namespace {
    struct Answers(fn() -> Admission);
    impl Namespace for Answers {
        fn connect(&self, _: ConnectRequest) -> Admission {
            (self.0)()
        }
    }
    Answers(admission)
}
