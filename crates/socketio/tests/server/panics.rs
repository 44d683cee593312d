//! Handlers and callbacks that panic: the server goes on, and nothing of the client is left.

use std::net::SocketAddr;

use socketio::{AckSender, DisconnectReason, Event, Handler, Server, Socket, serve};
use tokio::net::TcpListener;

use crate::app::quick;
use crate::client::Client;
use crate::support::{eventually, within};

struct Fragile;

impl Handler for Fragile {
    fn connected(&self, socket: &Socket) {
        socket.join("room");
    }

    fn event(&self, socket: &Socket, event: Event, ack: Option<AckSender>) {
        match (&*event.name(), ack) {
            ("echo", Some(ack)) => ack.send_arguments(event.arguments()),
            ("count", _) => {
                socket.everyone().relay_counted(event.raw_name(), event.arguments(), |_| panic!("as asked"))
            }
            _ => panic!("as asked"),
        }
    }

    fn disconnected(&self, _: &Socket, _: DisconnectReason) {
        // As with a lock that the first panic has poisoned.
        panic!("as asked, again");
    }
}

async fn fragile() -> (Server, SocketAddr) {
    let server = Server::builder(quick());
    let server = server.namespace("/", Fragile).unwrap().namespace("/other", Fragile).unwrap().build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = server.clone();
    let service = move |request| {
        let server = service.clone();
        async move { server.call(request).await }
    };
    tokio::spawn(serve(listener, service, std::future::pending()));
    (server, address)
}

#[tokio::test]
async fn a_panic_ends_one_connection_and_leaves_nothing_of_it() {
    let (server, address) = fragile().await;
    let (mut witness, _) = Client::join(address).await;
    for packets in [&[r#"42["panic"]"#][..], &["41"], &["1"]] {
        let (mut client, _) = Client::join(address).await;
        client.connect("/other").await;
        assert_eq!(within(server.of("/").unwrap().fetch_sockets()).await.len(), 2);
        for packet in packets {
            client.send(packet).await;
        }
        assert!(client.is_ended().await);
        eventually("one connection is left", || server.connection_count() == 1).await;
        assert_eq!(within(server.of("/").unwrap().fetch_sockets()).await.len(), 1);
        assert_eq!(within(server.of("/other").unwrap().fetch_sockets()).await.len(), 0);
        assert_eq!(within(server.of("/").unwrap().fetch_rooms()).await.len(), 1);
    }
    witness.has_got_nothing().await;
}

#[tokio::test]
async fn a_panic_on_a_lane_does_not_stop_deliveries() {
    let (_server, address) = fragile().await;
    let (mut client, _) = Client::join(address).await;
    for number in 0..3 {
        client.send(&format!(r#"42["count",{number}]"#)).await;
        assert_eq!(client.text().await, format!(r#"42["count",{number}]"#));
    }
    client.has_got_nothing().await;
}
