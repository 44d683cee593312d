//! Handlers and callbacks that panic: the server goes on, and nothing of the client is left.

use std::net::SocketAddr;

use socketio::{AckSender, Admission, ConnectRequest, DisconnectReason, Event, Member, Namespace, Server, Socket};

use crate::app::{listening, quick};
use crate::client::Client;
use crate::support::{eventually, within};

struct Fragile;

impl Namespace for Fragile {
    fn connect(&self, request: ConnectRequest) -> Admission {
        match request.auth.as_ref().map_or("", |auth| auth.as_str()) {
            r#"{"panic":"connect"}"# => panic!("as asked"),
            r#"{"panic":"pending"}"# => Admission::pending(async { panic!("as asked") }),
            r#"{"panic":"connected"}"# => Admission::accept(FragileMember { is_broken: true }),
            _ => Admission::accept(FragileMember { is_broken: false }),
        }
    }
}

struct FragileMember {
    is_broken: bool,
}

impl Member for FragileMember {
    fn connected(&mut self, socket: &Socket) {
        socket.join("room");
        assert!(!self.is_broken, "as asked");
    }

    fn event(&mut self, socket: &Socket, event: Event, ack: Option<AckSender>) {
        match (&*event.name(), ack) {
            ("echo", Some(ack)) => ack.send_arguments(event.arguments()),
            ("count", _) => {
                socket.everyone().relay_counted(event.raw_name(), event.arguments(), |_| panic!("as asked"))
            }
            _ => panic!("as asked"),
        }
    }

    fn disconnected(&mut self, _: &Socket, _: DisconnectReason) {
        // As with a lock that the first panic has poisoned.
        panic!("as asked, again");
    }
}

async fn fragile() -> (Server, SocketAddr) {
    let server = Server::builder(quick());
    let server = server.namespace("/", Fragile).unwrap().namespace("/other", Fragile).unwrap().build();
    let address = listening(&server).await;
    (server, address)
}

#[tokio::test]
async fn a_panic_ends_one_connection_and_leaves_nothing_of_it() {
    let (server, address) = fragile().await;
    let (mut witness, _) = Client::join(address).await;
    for (packets, cause) in [
        (&[r#"42["panic"]"#][..], "internal"),
        (&["41"], "internal"),
        (&["1"], "transport_close"),
        (&["41/other,", r#"40/other,{"panic":"connect"}"#], "internal"),
        (&["41/other,", r#"40/other,{"panic":"pending"}"#], "internal"),
        (&["41/other,", r#"40/other,{"panic":"connected"}"#], "internal"),
    ] {
        let before = server.close_counts().get(cause).copied().unwrap_or_default();
        let (mut client, _) = Client::join(address).await;
        client.connect("/other").await;
        assert_eq!(within(server.of("/").unwrap().fetch_sockets()).await.len(), 2);
        for packet in packets {
            client.send(packet).await;
        }
        while crate::support::next(&mut client.ws).await.is_some_and(|message| !message.is_close()) {}
        eventually("one connection is left", || server.connection_count() == 1).await;
        assert_eq!(within(server.of("/").unwrap().fetch_sockets()).await.len(), 1);
        assert_eq!(within(server.of("/other").unwrap().fetch_sockets()).await.len(), 0);
        assert_eq!(within(server.of("/").unwrap().fetch_rooms()).await.len(), 1);
        assert_eq!(server.close_counts()[cause], before + 1, "{packets:?}");
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
