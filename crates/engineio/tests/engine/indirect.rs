//! Connections that only the session's task can write to, as TLS has them: here pipes in memory.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use engineio::proto::{CloseReason, Delivery, Encoded, Queued, Recipient};
use engineio::{Engine, EngineConfig, Link, NoPeerAddr};
use http::Request;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::app::{Gate, Told, WEBSOCKET, echo, engine, quick, tell};
use crate::support::{Ws, connect_over, eventually, is_ended, next, send, text, within};

/// A pipe has no address.
fn unaddressed<B>(mut request: Request<B>) -> Request<B> {
    request.extensions_mut().insert(NoPeerAddr);
    request
}

struct Piped {
    engine: Engine,
    told: UnboundedReceiver<Told>,
}

impl Piped {
    fn new(config: EngineConfig) -> Self {
        let (engine, told) = engine(config, echo, Gate::default());
        Self { engine, told }
    }

    /// A session over a pipe that holds so many bytes.
    async fn connect(&mut self, capacity: usize) -> (Arc<Link>, Ws<DuplexStream>) {
        let (client, server) = tokio::io::duplex(capacity);
        let engine = self.engine.clone();
        let service = service_fn(move |request| {
            let engine = engine.clone();
            async move { Ok::<_, Infallible>(engine.call(unaddressed(request)).await) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(server), service).with_upgrades());
        let ws = connect_over(client, WEBSOCKET).await;
        let Told::Opened(link) = within(self.told.recv()).await.unwrap() else { panic!("no session was opened") };
        (link, ws)
    }

    async fn closed(&mut self) -> CloseReason {
        loop {
            if let Told::Closed(reason) = within(self.told.recv()).await.unwrap() {
                return reason;
            }
        }
    }

    async fn emptied(&self) {
        eventually("no session is left", || self.engine.session_count() == 0).await;
        within(self.engine.drained()).await;
    }
}

#[tokio::test]
async fn messages_go_both_ways_through_a_pipe_of_any_width() {
    for capacity in [7, 64, 4096, 1 << 20] {
        let mut piped = Piped::new(quick());
        let (_link, mut ws) = piped.connect(capacity).await;
        assert!(text(&mut ws).await.starts_with("0{"));
        for message in ["4hello".to_owned(), format!("4{}", "x".repeat(10_000)), "4é".to_owned()] {
            send(&mut ws, message.as_str()).await;
            assert_eq!(text(&mut ws).await, message);
        }
        send(&mut ws, vec![0_u8, 255, 128]).await;
        assert_eq!(next(&mut ws).await.unwrap().into_data().as_ref(), [0, 255, 128]);
        drop(ws);
        piped.emptied().await;
    }
}

#[tokio::test]
async fn a_backlog_arrives_in_order() {
    let mut piped = Piped::new(quick());
    let (link, mut ws) = piped.connect(64).await;
    for number in 0..1_000 {
        link.queue(&Encoded::text(&number.to_string()), Delivery::Reliable);
    }
    link.flush();
    assert!(text(&mut ws).await.starts_with("0{"));
    for number in 0..1_000 {
        assert_eq!(text(&mut ws).await, format!("4{number}"));
    }
}

#[tokio::test]
async fn a_reader_that_stalls_is_closed_by_bytes() {
    let mut config = quick();
    config.outbox_bytes_max = 10_000;
    let mut piped = Piped::new(config);
    let (link, mut ws) = piped.connect(1024).await;
    assert!(text(&mut ws).await.starts_with("0{"));
    while tell(&link, &Encoded::text(&"x".repeat(100))) != Queued::Closed {}
    assert_eq!(piped.closed().await, CloseReason::SlowConsumer);
    piped.emptied().await;
}

#[tokio::test]
async fn a_reader_that_stalls_is_closed_by_time() {
    let mut config = quick();
    config.outbox_stall_max = Duration::from_millis(100);
    let mut piped = Piped::new(config);
    let (link, mut ws) = piped.connect(1024).await;
    assert!(text(&mut ws).await.starts_with("0{"));
    tell(&link, &Encoded::text(&"x".repeat(5_000)));
    assert_eq!(piped.closed().await, CloseReason::SlowConsumer);
    piped.emptied().await;
}

#[tokio::test]
async fn volatile_messages_are_dropped_while_the_pipe_is_full() {
    let mut piped = Piped::new(quick());
    let (link, mut ws) = piped.connect(1024).await;
    assert!(text(&mut ws).await.starts_with("0{"));
    tell(&link, &Encoded::text(&"x".repeat(5_000)));
    let volatile = || {
        let queued = link.queue(&Encoded::text("volatile"), Delivery::Volatile);
        link.flush();
        queued
    };
    // The task learns a moment later that the pipe is full.
    eventually("a volatile message is dropped", || volatile() == Queued::Dropped).await;
    while text(&mut ws).await != "4volatile" {}
    eventually("the pipe is free again", || volatile().is_queued()).await;
}

#[tokio::test]
async fn a_goodbye_comes_behind_everything_else() {
    let mut piped = Piped::new(quick());
    let (link, mut ws) = piped.connect(64).await;
    assert!(text(&mut ws).await.starts_with("0{"));
    for number in 0..100 {
        tell(&link, &Encoded::text(&number.to_string()));
    }
    link.close(CloseReason::Application("enough"));
    for number in 0..100 {
        assert_eq!(text(&mut ws).await, format!("4{number}"));
    }
    assert!(is_ended(&mut ws).await);
    drop(ws);
    piped.emptied().await;
}

#[tokio::test]
async fn a_shutdown_ends_a_pipe_that_nobody_reads() {
    let mut piped = Piped::new(quick());
    let (link, _ws) = piped.connect(64).await;
    tell(&link, &Encoded::text(&"x".repeat(1_000)));
    piped.engine.close();
    assert_eq!(piped.closed().await, CloseReason::Shutdown);
    piped.emptied().await;
}
