//! Applications that panic take nothing with them but the session it happened in.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use engineio::proto::{CloseReason, Message};
use engineio::{Application, Connection, Engine, Handshake, Link, Verdict, serve};
use tokio::net::TcpListener;

use crate::app::{PATH, WEBSOCKET, quick};
use crate::support::{Http, Poller, connect, eventually, is_ended, send, text, within};

/// Panics where the request or the message says so.
#[derive(Clone, Default)]
struct Fragile {
    /// Why its sessions ended.
    ends: Arc<Mutex<Vec<CloseReason>>>,
}

impl Application for Fragile {
    fn accept(&self, handshake: &Handshake) -> Verdict {
        assert_ne!(handshake.uri.query(), Some("EIO=4&transport=polling&panic=accept"), "as asked");
        Verdict::accept()
    }

    fn open(&self, handshake: Handshake, _: Arc<Link>) -> Box<dyn Connection> {
        assert!(!handshake.uri.query().is_some_and(|query| query.ends_with("&panic=open")), "as asked");
        Box::new(self.clone())
    }
}

impl Connection for Fragile {
    fn handle_message(&mut self, _: Message, _: Instant) -> Result<(), CloseReason> {
        panic!("as asked");
    }

    fn handle_close(&mut self, reason: CloseReason) {
        self.ends.lock().unwrap().push(reason);
        // As with a lock that the first panic has poisoned.
        panic!("as asked, again");
    }
}

async fn fragile() -> (Engine, std::net::SocketAddr, Fragile) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Fragile::default();
    let engine = Engine::new(quick(), app.clone());
    let service = engine.clone();
    let service = move |request| service.call(request);
    tokio::spawn(serve(listener, service, std::future::pending()));
    (engine, address, app)
}

#[tokio::test]
async fn a_panic_upon_a_message_ends_only_that_session_even_if_the_end_panics_too() {
    let (engine, address, app) = fragile().await;
    let mut poller = Poller::open(address, PATH).await;
    let mut ws = connect(address, WEBSOCKET).await;
    let mut survivor = Poller::open(address, PATH).await;
    assert!(text(&mut ws).await.starts_with("0{"));
    assert_eq!(engine.session_count(), 3);
    send(&mut ws, "4x").await;
    assert!(is_ended(&mut ws).await);
    assert_eq!(poller.post("4x").await.status, 200);
    eventually("one session is left", || engine.session_count() == 1).await;
    // It was ours, and not the connection's.
    eventually("both ends are told", || *app.ends.lock().unwrap() == [CloseReason::Internal; 2]).await;
    assert_eq!(poller.poll_answer().await.status, 400);
    survivor.begin_poll().await;
    survivor.post("6").await;
    engine.close();
    assert!(survivor.polls.end().await.is_empty());
    eventually("no session is left", || engine.session_count() == 0).await;
    within(engine.drained()).await;
}

#[tokio::test]
async fn a_panic_at_the_opening_leaves_no_session() {
    let (engine, address, _) = fragile().await;
    for (transport, place) in [("polling", "accept"), ("polling", "open")] {
        let mut http = Http::connect(address).await;
        http.send("GET", &format!("{PATH}?EIO=4&transport={transport}&panic={place}"), &[], b"").await;
        assert!(within(http.try_answer()).await.is_none(), "{place}");
    }
    let mut ws = connect(address, &format!("{WEBSOCKET}&panic=open")).await;
    assert!(is_ended(&mut ws).await);
    assert_eq!(engine.session_count(), 0);
    within(engine.drained()).await;
}
