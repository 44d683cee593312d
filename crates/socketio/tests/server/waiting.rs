//! Members that are not ready, and their times.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use fanfare_socketio::{AckSender, Admission, ConnectRequest, Event, Member, Namespace, Server, ServerConfig, Socket};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::app::{listening, quick};
use crate::client::{Client, PATH, TARGET};
use crate::support::{Poller, Ws, connect_over, is_ended, send, text};

/// Lets members in that hold their clients back when they are asked to.
struct Patient(Arc<Semaphore>);

struct Holding {
    permits: Arc<Semaphore>,
    held: Held,
}

/// Whether the client is held back.
enum Held {
    No,
    Until(Instant),
    /// For that, and then for as long as it says.
    For(Pin<Box<dyn Future<Output = Duration> + Send>>),
}

impl Namespace for Patient {
    fn connect(&self, request: ConnectRequest) -> Admission {
        if request.auth.is_some() {
            return Admission::pending(async {
                sleep(Duration::from_millis(10)).await;
                Admission::try_later(Duration::from_millis(70))
            });
        }
        Admission::accept(Box::new(Holding { permits: Arc::clone(&self.0), held: Held::No }))
    }
}

impl Member for Holding {
    fn event(&mut self, socket: &Socket, event: Event, ack: Option<AckSender>) {
        let ms = || Duration::from_millis(event.deserialize(0).unwrap());
        match &*event.name() {
            "until" => self.held = Held::Until(now() + ms()),
            "then until" => {
                let ms = ms();
                self.held = Held::For(Box::pin(async move {
                    sleep(Duration::from_millis(10)).await;
                    ms
                }));
            }
            "permit" => {
                let permits = Arc::clone(&self.permits);
                self.held = Held::For(Box::pin(async move {
                    permits.acquire().await.unwrap().forget();
                    Duration::ZERO
                }));
                socket.emit("held", ()).unwrap();
            }
            _ => ack.unwrap().send_arguments(event.arguments()),
        }
    }

    fn poll(&mut self, _: &Socket, cx: &mut Context<'_>) {
        if let Held::For(future) = &mut self.held
            && let Poll::Ready(held) = future.as_mut().poll(cx)
        {
            self.held = Held::Until(now() + held);
        }
    }

    fn is_ready(&self) -> bool {
        matches!(self.held, Held::No)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self.held {
            Held::Until(until) => Some(until),
            _ => None,
        }
    }

    fn handle_timeout(&mut self, socket: &Socket, now: Instant) {
        assert!(self.poll_timeout().unwrap() <= now, "only those that are due are called");
        self.held = Held::No;
        socket.emit("free", ()).unwrap();
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

fn patient(config: ServerConfig) -> (Server, Arc<Semaphore>) {
    let permits = Arc::new(Semaphore::new(0));
    let namespace = || Patient(Arc::clone(&permits));
    let builder = Server::builder(config)
        .without_peer_addr()
        .namespace("/", namespace())
        .unwrap()
        .namespace("/other", namespace());
    (builder.unwrap().build(), permits)
}

/// A WebSocket in both namespaces, over memory: a clock that stands still but for who waits knows nothing of sockets.
async fn joined(server: &Server) -> Ws<DuplexStream> {
    let mut ws = opened(server).await;
    for namespace in ["40", "40/other,"] {
        send(&mut ws, namespace).await;
        assert!(text(&mut ws).await.starts_with(namespace));
    }
    ws
}

async fn opened(server: &Server) -> Ws<DuplexStream> {
    let (client, connection) = tokio::io::duplex(1 << 16);
    let connection = http1::Builder::new().serve_connection(TokioIo::new(connection), server.clone());
    tokio::spawn(connection.with_upgrades());
    let mut ws = connect_over(client, TARGET).await;
    assert!(text(&mut ws).await.starts_with("0{"));
    ws
}

#[tokio::test(start_paused = true)]
async fn who_is_held_until_a_time_is_read_on_from_then_and_nothing_is_lost() {
    for (event, held_ms) in [(r#"42["until",80]"#, 80), (r#"42["then until",70]"#, 80), (r#"42["until",0]"#, 0)] {
        let (server, _) = patient(quick());
        let mut ws = joined(&server).await;
        let begun = now();
        send(&mut ws, event).await;
        for number in 0..200 {
            // Another namespace's events are held back with it.
            let namespace = if number % 2 == 0 { "" } else { "/other," };
            send(&mut ws, format!(r#"42{namespace}{number}["echo"]"#)).await;
        }
        assert_eq!(text(&mut ws).await, r#"42["free"]"#);
        let elapsed = now() - begun;
        assert!((held_ms..=held_ms + 2).contains(&elapsed.as_millis()), "{event}: {elapsed:?}");
        for number in 0..200 {
            let namespace = if number % 2 == 0 { "" } else { "/other," };
            assert_eq!(text(&mut ws).await, format!("43{namespace}{number}[]"));
        }
        assert!(now() - begun < elapsed + Duration::from_millis(5));
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_held_for_longer_than_a_ping_may_take_is_pinged_and_not_blamed_for_its_silence() {
    let mut config = quick();
    config.engine.session.ping_interval = Duration::from_millis(300);
    config.engine.session.ping_timeout = Duration::from_millis(200);
    let (server, _) = patient(config);
    let mut ws = joined(&server).await;
    send(&mut ws, r#"42["until",2000]"#).await;
    assert_eq!(text(&mut ws).await, "2");
    send(&mut ws, "3").await;
    send(&mut ws, r#"421["echo"]"#).await;
    // What it would give up for want of: a ping within interval and time-out of the one before.
    let mut pinged = now();
    let mut told = text(&mut ws).await;
    while told == "2" {
        assert!(now() - pinged < Duration::from_millis(500));
        pinged = now();
        told = text(&mut ws).await;
    }
    assert_eq!(told, r#"42["free"]"#);
    assert_eq!(text(&mut ws).await, "431[]");
    // And from here on it counts again.
    let freed = now();
    while !is_ended(&mut ws).await {}
    assert!(now() - freed < Duration::from_millis(750));
    assert_eq!(server.close_counts()["ping_timeout"], 1);
}

#[tokio::test]
async fn who_is_held_for_a_future_is_read_on_when_that_is_ready_by_socket_and_by_post() {
    let (server, permits) = patient(quick());
    let address = listening(&server).await;
    let everyone = server.of("/").unwrap();

    let (mut client, _) = Client::join(address).await;
    client.send(r#"42["permit"]"#).await;
    client.send(r#"421["echo"]"#).await;
    assert_eq!(client.text().await, r#"42["held"]"#);
    everyone.clone().emit("meanwhile", ()).unwrap();
    assert_eq!(client.text().await, r#"42["meanwhile"]"#, "what goes out is not held back");
    permits.add_permits(1);
    assert_eq!((client.text().await, client.text().await), (r#"42["free"]"#.into(), "431[]".into()));
    drop(client);

    let mut poller = Poller::open(address, PATH).await;
    poller.post("40").await;
    poller.poll().await;
    let target = poller.target();
    let body = "42[\"permit\"]\u{1e}421[\"echo\"]\u{1e}422[\"echo\"]";
    poller.posts.send("POST", &target, &[], body.as_bytes()).await;
    assert_eq!(poller.poll().await, r#"42["held"]"#);
    everyone.emit("meanwhile", ()).unwrap();
    assert_eq!(poller.poll().await, r#"42["meanwhile"]"#);
    // It is answered behind its last packet.
    let early = timeout(Duration::from_millis(20), poller.posts.answer()).await;
    assert!(early.is_err());
    permits.add_permits(1);
    assert_eq!(poller.posts.answer().await.text(), "ok");
    let mut got = poller.poll().await;
    while !got.contains("432") {
        got = format!("{got}\u{1e}{}", poller.poll().await);
    }
    assert_eq!(got, "42[\"free\"]\u{1e}431[]\u{1e}432[]");
}

#[tokio::test(start_paused = true)]
async fn a_time_that_a_decision_sets_is_kept() {
    let (server, _) = patient(quick());
    let mut ws = opened(&server).await;
    let begun = now();
    send(&mut ws, "40{}").await;
    assert!(is_ended(&mut ws).await);
    assert!((80..85).contains(&(now() - begun).as_millis()), "{:?}", now() - begun);
    assert_eq!(server.close_counts()["unavailable"], 1);
}
