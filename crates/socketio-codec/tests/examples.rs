//! The examples, as those who copy them will run them.
#![allow(dead_code, reason = "an example's main")]

#[path = "../examples/capture.rs"]
mod capture;
#[path = "../examples/client.rs"]
mod client;
#[path = "../examples/gateway.rs"]
mod gateway;

use futures_util::{SinkExt, StreamExt};
use socketio_codec::Namespace;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async, connect_async};

/// A listener, and where it is.
async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("it works");
    let url = format!("ws://{}", listener.local_addr().expect("it is bound"));
    (listener, url)
}

async fn accepted(listener: &TcpListener) -> WebSocketStream<TcpStream> {
    accept_async(listener.accept().await.expect("somebody comes").0).await.expect("it works")
}

async fn expect<S>(socket: &mut S, expected: Message)
where
    S: StreamExt<Item = Result<Message, tokio_tungstenite::tungstenite::Error>> + Unpin,
{
    assert_eq!(socket.next().await.expect("there is one").expect("it is whole"), expected);
}

#[test]
fn a_capture_is_printed() {
    let mut out = Vec::new();
    let recording = "# joins\n> 0/admin,\n< 4/admin,{\"message\":\"no\"}\n> 51-7[\"a\",{\"_placeholder\":true,\"num\":0}]\n\n> bff\n> 2[}\n";
    capture::print(recording, &mut out).unwrap();
    let lines: Vec<&str> = std::str::from_utf8(&out).unwrap().lines().collect();
    assert_eq!(lines[0], "client /admin connect None");
    assert!(lines[1].starts_with("server /admin connect error"), "{}", lines[1]);
    assert_eq!(lines[2], "client … attachments follow");
    assert!(lines[3].starts_with("client / event \"a\" 7"), "{}", lines[3]);
    assert_eq!(lines[4], "client refused: invalid json at byte 2");
    assert_eq!(lines.len(), 5);
    assert!(capture::print("2[]", &mut Vec::new()).is_err());
    capture::print(capture::SAMPLE, &mut out).unwrap();
}

#[tokio::test]
async fn a_client_joins_listens_and_acknowledges() {
    let (listener, url) = listener().await;
    let server = async {
        let mut socket = accepted(&listener).await;
        socket.send(Message::text("0{}")).await.unwrap();
        expect(&mut socket, Message::text("40/chat,")).await;
        for text in ["40/chat,{\"sid\":\"a\"}", "2"] {
            socket.send(Message::text(text)).await.unwrap();
        }
        expect(&mut socket, Message::text("3")).await;
        socket.send(Message::text(r#"42/chat,5["hello","world"]"#)).await.unwrap();
        expect(&mut socket, Message::text("43/chat,5[]")).await;
        socket.close(None).await.unwrap();
    };
    let mut printed = Vec::new();
    let namespace = Namespace::try_from("/chat").unwrap();
    let (ended, ()) = tokio::join!(client::listen(&url, &namespace, |text| printed.push(text)), server);
    ended.unwrap();
    assert_eq!(printed.len(), 2);
    assert_eq!(printed[0], "joined /chat");
    assert!(printed[1].starts_with("hello ") && printed[1].contains("world"), "{}", printed[1]);
}

#[tokio::test]
async fn a_gateway_renames_one_namespace_both_ways_and_nothing_else() {
    let (front, outside_url) = listener().await;
    let (behind, inside_url) = listener().await;
    let (outside, inside) = (Namespace::try_from("/chat").unwrap(), Namespace::try_from("/v2/chat").unwrap());
    let carried = async { gateway::carry(front.accept().await.unwrap().0, &inside_url, &outside, &inside).await };
    let talk = async {
        let ((mut client, _), mut server) =
            tokio::join!(async { connect_async(&outside_url).await.unwrap() }, accepted(&behind));
        for (sent, received) in [("2", "2"), ("40/chat,", "40/v2/chat,"), (r#"42["a"]"#, r#"42["a"]"#)] {
            client.send(Message::text(sent)).await.unwrap();
            expect(&mut server, Message::text(received)).await;
        }
        let upload = r#"["b",{"_placeholder":true,"num":0}]"#;
        server.send(Message::text(format!("451-/v2/chat,3{upload}"))).await.unwrap();
        server.send(Message::binary(b"\x01".as_slice())).await.unwrap();
        expect(&mut client, Message::text(format!("451-/chat,3{upload}"))).await;
        expect(&mut client, Message::binary(b"\x01".as_slice())).await;
        client.close(None).await.unwrap();
        expect(&mut server, Message::Close(None)).await;
    };
    let (ended, ()) = tokio::join!(carried, talk);
    ended.unwrap();
}
