//! What the protocol's own test suite expects of a server: the echo example, with its short times.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use fanfare_socketio::{AckSender, Admission, ConnectRequest, Event, Member, Namespace, Server, Socket};

use crate::app::{listening, quick};
use crate::client::Client;

/// As in `examples/echo.rs`.
struct Echo;

struct Echoing {
    auth: serde_json::Value,
}

impl Namespace for Echo {
    fn connect(&self, request: ConnectRequest) -> Admission {
        let auth = request.auth.map(|auth| auth.deserialize().unwrap());
        Admission::accept(Echoing { auth: auth.unwrap_or_else(|| serde_json::json!({})) })
    }
}

impl Member for Echoing {
    fn connected(&mut self, socket: &Socket) {
        socket.emit("auth", (&self.auth,)).unwrap();
    }

    fn event(&mut self, socket: &Socket, event: Event, ack: Option<AckSender>) {
        if event.name_is("message") {
            let name = "message-back".try_into().unwrap();
            socket.only().relay(fanfare_socketio::codec::EventName::raw(&name), event.arguments());
        } else if let Some(ack) = ack.filter(|_| event.name_is("message-with-ack")) {
            ack.send_arguments(event.arguments());
        }
    }
}

async fn echo() -> SocketAddr {
    let mut config = quick();
    config.engine.session.ping_interval = Duration::from_millis(300);
    config.engine.session.ping_timeout = Duration::from_millis(200);
    config.client.connect_timeout = Duration::from_millis(1_000);
    let server = Server::builder(config).namespace("/", Echo).unwrap().namespace("/custom", Echo).unwrap().build();
    listening(&server).await
}

/// A client that has read its greeting in `/` and the `auth` behind it.
async fn joined(address: SocketAddr) -> Client {
    let mut client = Client::open(address).await;
    client.send("40").await;
    assert!(client.text().await.starts_with(r#"40{"sid":""#));
    assert_eq!(client.text().await, r#"42["auth",{}]"#);
    client
}

#[tokio::test]
async fn a_client_connects_with_and_without_credentials_to_either_namespace() {
    let address = echo().await;
    for (connect, greeting, auth) in [
        ("40", r#"40{"sid":""#, r#"42["auth",{}]"#),
        (r#"40{"token":"123"}"#, r#"40{"sid":""#, r#"42["auth",{"token":"123"}]"#),
        ("40/custom,", r#"40/custom,{"sid":""#, r#"42/custom,["auth",{}]"#),
        (r#"40/custom,{"token":"abc"}"#, r#"40/custom,{"sid":""#, r#"42/custom,["auth",{"token":"abc"}]"#),
        ("40/custom?a=b,", r#"40/custom,{"sid":""#, r#"42/custom,["auth",{}]"#),
    ] {
        let mut client = Client::open(address).await;
        client.send(connect).await;
        assert!(client.text().await.starts_with(greeting));
        assert_eq!(client.text().await, auth);
    }
    let mut client = Client::open(address).await;
    client.send("40/random").await;
    assert_eq!(client.text().await, r#"44/random,{"message":"Invalid namespace"}"#);
}

#[tokio::test]
async fn a_client_that_says_something_else_first_or_nothing_is_closed() {
    let address = echo().await;
    let opened = Instant::now();
    let mut early = Client::open(address).await;
    early.send(r#"42["message","too early"]"#).await;
    assert!(early.is_ended().await);
    let mut silent = Client::open(address).await;
    loop {
        match crate::support::next(&mut silent.ws).await {
            Some(message) if message.to_text().is_ok_and(|text| text == "2") => silent.send("3").await,
            Some(message) => assert!(message.is_close(), "{message:?}"),
            None => break,
        }
    }
    let took = opened.elapsed();
    assert!(Duration::from_millis(900) < took && took < Duration::from_secs(4), "{took:?}");
}

#[tokio::test]
async fn messages_come_back_with_their_arguments_and_attachments() {
    let mut client = joined(echo().await).await;
    client.send(r#"42["message",1,"2",{"3":[true]}]"#).await;
    assert_eq!(client.text().await, r#"42["message-back",1,"2",{"3":[true]}]"#);
    client.send(r#"452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#).await;
    client.send_binary(&[1, 2, 3]).await;
    client.send_binary(&[4, 5, 6]).await;
    let expected = r#"452-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    assert_eq!(client.text().await, expected);
    assert_eq!((client.binary().await, client.binary().await), (vec![1, 2, 3], vec![4, 5, 6]));
    client.send(r#"42456["message-with-ack",1,"2",{"3":[false]}]"#).await;
    assert_eq!(client.text().await, r#"43456[1,"2",{"3":[false]}]"#);
    client.send(r#"452-789["message-with-ack",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#).await;
    client.send_binary(&[1]).await;
    client.send_binary(&[2]).await;
    let expected = r#"462-789[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    assert_eq!(client.text().await, expected);
    assert_eq!((client.binary().await, client.binary().await), (vec![1], vec![2]));
}

#[tokio::test]
async fn a_client_leaves_one_namespace_and_stays_in_the_other() {
    let mut client = joined(echo().await).await;
    client.send("40/custom").await;
    assert!(client.text().await.starts_with("40/custom,"));
    assert_eq!(client.text().await, r#"42/custom,["auth",{}]"#);
    client.send("41").await;
    client.send(r#"42/custom,["message","message to custom"]"#).await;
    assert_eq!(client.text().await, r#"42/custom,["message-back","message to custom"]"#);
}

#[tokio::test]
async fn packets_that_are_none_close_the_connection() {
    let address = echo().await;
    for packet in ["4abc", "42{}", "42[]", "4", "4x"] {
        let mut client = joined(address).await;
        client.send(packet).await;
        assert!(client.is_ended().await, "{packet}");
    }
    let mut client = joined(address).await;
    client.send_binary(&[1, 2, 3]).await;
    assert!(client.is_ended().await);
}
