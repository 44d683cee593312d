//! More than the lanes can do at once.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::task::{Context, Waker};

use fanfare_socketio::{AckSender, Admission, Broadcast, ConnectRequest, Event, Member, Namespace, Server, Socket};

use crate::app::{Served, listening, quick, served_with};
use crate::client::Client;
use crate::support::within;

/// Sends everything to everyone.
struct Relay;

impl Namespace for Relay {
    fn connect(&self, _: ConnectRequest) -> Admission {
        Admission::accept(Self)
    }
}

impl Member for Relay {
    fn event(&mut self, socket: &Socket, event: Event, _: Option<AckSender>) {
        socket.everyone().relay(event.raw_name(), event.arguments());
    }
}

const CLIENTS: usize = 6;
const EVENTS: usize = 300;

/// With mailboxes and allowances so small that clients are held back all the time, and turns that end all the time.
async fn everyone_floods_everyone(lanes: usize) {
    let mut config = quick();
    config.lanes = NonZeroUsize::new(lanes);
    config.mailbox.ops_max = 2;
    config.mailbox.session_work_max = 300;
    config.lane.turn_work_max = 5;
    let server = Server::builder(config).namespace("/", Relay).unwrap().build();
    let address = listening(&server).await;

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

#[tokio::test]
async fn a_program_that_asks_before_each_event_is_held_back() {
    let mut config = quick();
    config.lanes = NonZeroUsize::new(1);
    config.mailbox.ops_max = 10;
    let mut server: Served = served_with(config).await;
    let (mut client, _) = Client::join(server.address).await;
    let everyone = server.connected().await.everyone();
    // Nobody else runs while this does not wait: the lane takes nothing.
    for number in 0..=10 {
        assert!(is_ready(&everyone), "{number}");
        everyone.clone().emit("number", (number,)).unwrap();
    }
    assert!(!is_ready(&everyone), "one more than may wait");
    within(everyone.ready()).await;
    let outcome = everyone.clone().emit_counted("number", (11,)).unwrap();
    for number in 0..=11 {
        assert_eq!(client.text().await, format!(r#"42["number",{number}]"#));
    }
    let outcome = within(outcome).await;
    assert_eq!((outcome.queued, outcome.dropped, outcome.closed), (1, 0, 0));
    assert!(everyone.emit_counted("connect", ()).is_err(), "reserved");
}

fn is_ready(broadcast: &Broadcast) -> bool {
    let ready = pin!(broadcast.ready());
    ready.poll(&mut Context::from_waker(Waker::noop())).is_ready()
}
