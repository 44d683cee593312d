//! Handlers and callbacks that panic: the server goes on, and nothing of the client is left.

use std::net::SocketAddr;
use std::task::Context;
use std::time::Instant;

use fanfare_socketio::{
    AckSender, Admission, ConnectRequest, DisconnectReason, Event, Member, Namespace, Server, Socket,
};

use crate::app::{listening, quick};
use crate::client::Client;
use crate::support::{eventually, within};

struct Fragile;

impl Namespace for Fragile {
    fn connect(&self, request: ConnectRequest) -> Admission {
        match request.auth.as_ref().map_or("", |auth| auth.as_str()) {
            r#"{"panic":"connect"}"# => panic!("as asked"),
            r#"{"panic":"pending"}"# => Admission::pending(async { panic!("as asked") }),
            r#"{"panic":"connected"}"# => FragileMember::breaking_at("connected"),
            _ => FragileMember::breaking_at(""),
        }
    }
}

struct FragileMember {
    /// The call that panics next.
    breaks_at: String,
    joined: Instant,
}

impl FragileMember {
    fn breaking_at(call: &str) -> Admission {
        Admission::accept(Self { breaks_at: call.to_owned(), joined: Instant::now() })
    }
}

impl Member for FragileMember {
    fn connected(&mut self, socket: &Socket) {
        socket.join("room");
        assert_ne!(self.breaks_at, "connected", "as asked");
    }

    fn event(&mut self, socket: &Socket, event: Event, ack: Option<AckSender>) {
        match (&*event.name(), ack) {
            ("echo", Some(ack)) => ack.send_arguments(event.arguments()),
            ("count", _) => {
                socket.everyone().relay_counted(event.raw_name(), event.arguments(), |_| panic!("as asked"))
            }
            ("break", _) => self.breaks_at = event.deserialize(0).unwrap(),
            _ => panic!("as asked"),
        }
    }

    fn poll(&mut self, _: &Socket, _: &mut Context<'_>) {
        assert_ne!(self.breaks_at, "poll", "as asked");
    }

    fn is_ready(&self) -> bool {
        assert_ne!(self.breaks_at, "is_ready", "as asked");
        true
    }

    fn poll_timeout(&self) -> Option<Instant> {
        assert_ne!(self.breaks_at, "poll_timeout", "as asked");
        (self.breaks_at == "handle_timeout").then_some(self.joined)
    }

    fn handle_timeout(&mut self, _: &Socket, _: Instant) {
        panic!("as asked");
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
        (&[r#"42["break","poll"]"#], "internal"),
        (&[r#"42["break","is_ready"]"#], "internal"),
        (&[r#"42["break","poll_timeout"]"#], "internal"),
        (&[r#"42["break","handle_timeout"]"#], "internal"),
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
        assert_eq!(within(server.of("/").unwrap().fetch_rooms()).await.here.len(), 1);
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
