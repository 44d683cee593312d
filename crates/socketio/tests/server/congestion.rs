//! More than the lanes can do at once.

use std::collections::HashMap;

use socketio::{AckSender, Event, Handler, Server, ServerConfig, Socket, serve};
use tokio::net::TcpListener;

use crate::app::quick;
use crate::client::Client;
use crate::support::within;

/// Sends everything to everyone.
struct Relay;

impl Handler for Relay {
    fn event(&self, socket: &Socket, event: Event, _: Option<AckSender>) {
        socket.everyone().relay(event.raw_name(), event.arguments());
    }
}

const CLIENTS: usize = 6;
const EVENTS: usize = 300;

/// With mailboxes and allowances so small that clients are held back all the time, and turns that end all the time.
async fn everyone_floods_everyone(lanes: usize) {
    let mut config = ServerConfig { lanes: lanes.try_into().unwrap(), ..quick() };
    config.mailbox.ops_max = 2;
    config.mailbox.session_work_max = 300;
    config.lane.turn_work_max = 5;
    let server = Server::builder(config).namespace("/", Relay).unwrap().build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = move |request| {
        let server = server.clone();
        async move { server.call(request).await }
    };
    tokio::spawn(serve(listener, service, std::future::pending()));

    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(Client::join(address).await.0);
    }
    let flooding: Vec<_> = clients.into_iter().enumerate().map(|(n, client)| tokio::spawn(flood(n, client))).collect();
    for flooded in flooding {
        within(flooded).await.unwrap();
    }
}

/// Sends its numbers, and reads those of all.
async fn flood(name: usize, mut client: Client) {
    for number in 0..EVENTS {
        client.send(&format!(r#"42["{name}",{number}]"#)).await;
    }
    let mut counts: HashMap<String, usize> = HashMap::new();
    for _ in 0..CLIENTS * EVENTS {
        let packet = client.text().await;
        let (name, number) = packet.split_once(',').unwrap();
        let count = counts.entry(name.to_owned()).or_default();
        assert_eq!(number, format!("{count}]"), "in each sender's order");
        *count += 1;
    }
    assert_eq!(counts.len(), CLIENTS);
}

#[tokio::test]
async fn a_flood_is_held_back_and_loses_nothing_on_one_thread() {
    everyone_floods_everyone(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_held_back_and_loses_nothing_on_several_threads() {
    everyone_floods_everyone(2).await;
}
