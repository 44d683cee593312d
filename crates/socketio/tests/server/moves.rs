//! Members that hear into which rooms others have put them.

use fanfare_socketio::{Admission, ConnectRequest, Event, Member, Namespace, Room, Server, Socket};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::app::{listening, quick};
use crate::client::Client;
use crate::support::within;

/// What a member was told: into which rooms, out of which.
type Moved = (Vec<String>, Vec<String>);

struct Telling(UnboundedSender<Moved>);

impl Namespace for Telling {
    fn connect(&self, _: ConnectRequest) -> Admission {
        Admission::accept(Self(self.0.clone()))
    }
}

impl Member for Telling {
    fn connected(&mut self, socket: &Socket) {
        socket.join("own");
    }

    fn event(&mut self, socket: &Socket, event: Event, ack: Option<fanfare_socketio::AckSender>) {
        let room: String = event.deserialize(0).unwrap();
        match &*event.name() {
            "leave" => socket.leave(room),
            _ => socket.everyone().join(room),
        }
        ack.unwrap().send(()).unwrap();
    }

    fn moved(&mut self, _: &Socket, joined: &[Room], left: &[Room]) {
        let names = |rooms: &[Room]| rooms.iter().map(|room| room.as_str().to_owned()).collect();
        self.0.send((names(joined), names(left))).unwrap();
    }
}

#[tokio::test]
async fn a_member_hears_of_moves_by_others_and_then_of_all_of_its_socket() {
    let (teller, mut told) = unbounded_channel();
    let server = Server::builder(quick()).namespace("/", Telling(teller)).unwrap().build();
    let (mut client, id) = Client::join(listening(&server).await).await;
    let mut heard = async || within(told.recv()).await.unwrap();
    let moved = |joined: &[&str], left: &[&str]| {
        (joined.iter().map(ToString::to_string).collect(), left.iter().map(ToString::to_string).collect())
    };
    client.send(r#"421["leave","own"]"#).await;
    assert_eq!(client.text().await, "431[]");
    // Told first of all: what it did to itself was not.
    server.of("/").unwrap().to(id).join("given");
    assert_eq!(heard().await, moved(&["given"], &[]));
    server.of("/").unwrap().to("given").leave("given");
    assert_eq!(heard().await, moved(&[], &["given"]));
    // By way of everybody.
    client.send(r#"422["join all","crowd"]"#).await;
    assert_eq!(heard().await, moved(&["crowd"], &[]));
    assert_eq!(client.text().await, "432[]");
    client.send(r#"423["leave","crowd"]"#).await;
    assert_eq!(heard().await, moved(&[], &["crowd"]));
}
