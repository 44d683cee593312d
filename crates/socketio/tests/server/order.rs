//! What is for one client has one order, whichever of its sockets it is for; and what a kept socket keeps.

use std::time::Duration;

use fanfare_socketio::{DisconnectReason, serve};
use tokio::net::TcpListener;

use crate::app::{Told, built, quick, served_with};
use crate::client::Client;
use crate::support::within;

#[tokio::test]
async fn events_to_several_namespaces_arrive_in_the_order_in_which_they_were_emitted() {
    let mut config = quick();
    config.lanes = std::num::NonZeroUsize::new(8);
    let server = served_with(config).await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        let (mut client, _) = Client::join(server.address).await;
        client.connect("/other").await;
        clients.push(client);
    }
    for number in 0..50 {
        let namespace = if number % 2 == 0 { "/" } else { "/other" };
        server.server.of(namespace).unwrap().emit("event", (number,)).unwrap();
    }
    for client in &mut clients {
        for number in 0..50 {
            let namespace = if number % 2 == 0 { "" } else { "/other," };
            assert_eq!(client.text().await, format!(r#"42{namespace}["event",{number}]"#));
        }
    }
}

#[tokio::test]
async fn a_refusal_does_not_overtake_an_answer() {
    let mut config = quick();
    config.lanes = std::num::NonZeroUsize::new(8);
    let server = served_with(config).await;
    let mut poller = crate::support::Poller::open(server.address, crate::client::PATH).await;
    poller.post("40").await;
    assert!(poller.poll().await.starts_with("40{"));
    poller.post("421[\"echo\",1]\u{1e}40/nope,\u{1e}422[\"echo\",2]").await;
    let mut told = String::new();
    while !told.contains("432") {
        told += &poller.poll().await;
        told.push('\u{1e}');
    }
    let packets: Vec<&str> = told.split_terminator('\u{1e}').collect();
    assert_eq!(packets, ["431[1]", r#"44/nope,{"message":"Invalid namespace"}"#, "432[2]"]);
}

#[tokio::test]
async fn a_farewell_does_not_overtake_what_was_sent_to_another_namespace() {
    for lanes in [1, 8] {
        let mut config = quick();
        config.lanes = std::num::NonZeroUsize::new(lanes);
        let mut server = served_with(config).await;
        let (mut client, _) = Client::join(server.address).await;
        let socket = server.connected().await;
        client.connect("/other").await;
        for number in 0..20 {
            server.server.of("/other").unwrap().emit("last", (number,)).unwrap();
        }
        socket.disconnect_connection();
        for number in 0..20 {
            assert_eq!(client.text().await, format!(r#"42/other,["last",{number}]"#));
        }
        assert_eq!((client.text().await, client.text().await), ("41".into(), "41/other,".into()));
        assert!(client.is_ended().await);
        for _ in 0..2 {
            assert_eq!(server.disconnected().await.1, DisconnectReason::Server);
        }
        server.emptied().await;
    }
}

#[tokio::test]
async fn a_socket_that_is_kept_does_not_keep_the_server() {
    let (server, mut told, _) = built(quick());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = server.clone();
    let service = move |request| service.call(request);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(serve(listener, service, async { drop(stopped.await) }));
    let (client, _) = Client::join(address).await;
    let socket = loop {
        if let Some(Told::Connected(socket)) = within(told.recv()).await {
            break socket;
        }
    };
    drop(client);
    within(async { while !matches!(told.recv().await, Some(Told::Disconnected(..))) {} }).await;
    drop(stop);
    within(serving).await.unwrap();
    drop(server);
    // The handlers are gone, and with them everybody who could tell something.
    within(async { while told.recv().await.is_some() {} }).await;
    for _ in 0..100_000 {
        socket.everyone().emit("to nobody", ()).unwrap();
    }
    assert!(within(socket.emit_with_ack("anybody?", (), Duration::MAX)).await.is_err());
    assert_eq!(within(socket.everyone().fetch_sockets()).await.len(), 0);
}
