//! An engine on a port of its own, and an application that tells the test what it is told.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use engineio::proto::{CloseReason, Delivery, Encoded, Message, Queued, Recipient};
use engineio::{Application, Connection, Engine, EngineConfig, Handshake, Link, Verdict, serve};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::support::{Poller, Ws, connect, connect_slow, text, within};

/// What the engine told the application.
pub(crate) enum Told {
    Opened(Arc<Link>),
    Message(Message),
    Closed(CloseReason),
}

/// An engine that is served, with an ear at its application.
pub(crate) struct Served {
    pub(crate) engine: Engine,
    pub(crate) address: SocketAddr,
    told: UnboundedReceiver<Told>,
}

/// What the application does with a message, beside telling it.
pub(crate) type Act = fn(&Link, &Message) -> Result<(), CloseReason>;

/// Sends it back.
pub(crate) fn echo(link: &Link, message: &Message) -> Result<(), CloseReason> {
    tell(
        link,
        &match message {
            Message::Text(text) => Encoded::text(std::str::from_utf8(text).unwrap()),
            Message::Binary(data) => Encoded::binary(data),
        },
    );
    Ok(())
}

/// Queues and flushes.
pub(crate) fn tell(link: &Link, encoded: &Encoded) -> Queued {
    let queued = link.queue(encoded, Delivery::Reliable);
    link.flush();
    queued
}

/// Serves an engine with these settings whose application echoes.
pub(crate) async fn served(config: EngineConfig) -> Served {
    served_with(config, echo, Gate::default()).await
}

pub(crate) async fn served_with(config: EngineConfig, act: Act, gate: Gate) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    serve_on(listener, config, act, gate)
}

/// On sockets with the smallest send buffer there is.
pub(crate) async fn served_narrowly(config: EngineConfig) -> Served {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(2048).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    serve_on(socket.listen(64).unwrap(), config, echo, Gate::default())
}

fn serve_on(listener: TcpListener, config: EngineConfig, act: Act, gate: Gate) -> Served {
    let address = listener.local_addr().unwrap();
    let (engine, told) = engine(config, act, gate);
    let service = engine.clone();
    let service = move |request| service.call(request);
    tokio::spawn(serve(listener, service, std::future::pending()));
    Served { engine, address, told }
}

/// An engine that nobody serves yet.
pub(crate) fn engine(config: EngineConfig, act: Act, gate: Gate) -> (Engine, UnboundedReceiver<Told>) {
    let (teller, told) = unbounded_channel();
    (Engine::new(config, App { teller, act, gate }), told)
}

/// Heartbeats that no test lives to see, and short times for everything else.
pub(crate) fn quick() -> EngineConfig {
    quick_with(|_| ())
}

/// The same, with what `set` sets.
pub(crate) fn quick_with(set: impl FnOnce(&mut EngineConfig)) -> EngineConfig {
    let mut config = EngineConfig::default();
    config.session.upgrade_timeout = Duration::from_secs(2);
    config.session.close_timeout = Duration::from_millis(500);
    set(&mut config);
    config
}

/// The same, with heartbeats as short as the official conformance tests have them.
pub(crate) fn quick_heartbeat() -> EngineConfig {
    let mut config = quick();
    config.session.ping_interval = Duration::from_millis(300);
    config.session.ping_timeout = Duration::from_millis(200);
    config
}

pub(crate) const PATH: &str = "/engine.io/";
pub(crate) const WEBSOCKET: &str = "/engine.io/?EIO=4&transport=websocket";

impl Served {
    pub(crate) async fn poller(&self) -> Poller {
        Poller::open(self.address, PATH).await
    }

    /// A session on WebSocket whose open packet was read.
    pub(crate) async fn websocket(&self) -> Ws {
        let mut ws = connect(self.address, WEBSOCKET).await;
        assert!(text(&mut ws).await.starts_with("0{"));
        ws
    }

    /// The same with a small receive buffer, from which nothing was read.
    pub(crate) async fn slow_websocket(&self) -> Ws {
        connect_slow(self.address, WEBSOCKET).await
    }

    pub(crate) async fn told(&mut self) -> Told {
        within(self.told.recv()).await.expect("the application lives as long as the engine")
    }

    /// The link of the session that was opened next.
    pub(crate) async fn opened(&mut self) -> Arc<Link> {
        loop {
            if let Told::Opened(link) = self.told().await {
                return link;
            }
        }
    }

    /// Why the session ended that ended next.
    pub(crate) async fn closed(&mut self) -> CloseReason {
        loop {
            if let Told::Closed(reason) = self.told().await {
                return reason;
            }
        }
    }

    pub(crate) async fn message(&mut self) -> Message {
        loop {
            match self.told().await {
                Told::Message(message) => return message,
                Told::Opened(_) => {}
                Told::Closed(reason) => panic!("no message, but the end: {reason}"),
            }
        }
    }

    /// What was told up to now, without waiting.
    pub(crate) fn told_so_far(&mut self) -> Vec<Told> {
        std::iter::from_fn(|| self.told.try_recv().ok()).collect()
    }

    /// Waits until nothing at all is left of any session.
    pub(crate) async fn emptied(&self) {
        crate::support::eventually("no session is left", || self.engine.session_count() == 0).await;
        within(self.engine.drained()).await;
    }
}

/// Whether the application takes messages: open until it is shut.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<GateState>);

#[derive(Default)]
struct GateState {
    is_shut: AtomicBool,
    looks: AtomicUsize,
    waiting: Mutex<Vec<Waker>>,
}

impl Gate {
    pub(crate) fn shut(&self) {
        self.0.is_shut.store(true, Ordering::SeqCst);
    }

    pub(crate) fn open(&self) {
        self.0.is_shut.store(false, Ordering::SeqCst);
        self.0.waiting.lock().unwrap().drain(..).for_each(Waker::wake);
    }

    /// How often sessions have asked, which they do whenever they wake up.
    pub(crate) fn looks(&self) -> usize {
        self.0.looks.load(Ordering::SeqCst)
    }

    fn poll_open(&self, cx: &Context<'_>) -> Poll<()> {
        self.0.looks.fetch_add(1, Ordering::SeqCst);
        let mut waiting = self.0.waiting.lock().unwrap();
        if self.0.is_shut.load(Ordering::SeqCst) {
            waiting.push(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}

struct App {
    teller: UnboundedSender<Told>,
    act: Act,
    gate: Gate,
}

impl Application for App {
    fn accept(&self, handshake: &Handshake) -> Verdict {
        match handshake.headers.get("x-refuse") {
            Some(why) => Verdict::forbid(why.to_str().unwrap()),
            None => Verdict::accept(),
        }
    }

    fn open(&self, _: Handshake, link: Arc<Link>) -> Box<dyn Connection> {
        let _ = self.teller.send(Told::Opened(Arc::clone(&link)));
        Box::new(One { teller: self.teller.clone(), act: self.act, gate: self.gate.clone(), link })
    }
}

struct One {
    teller: UnboundedSender<Told>,
    act: Act,
    gate: Gate,
    link: Arc<Link>,
}

impl Connection for One {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.gate.poll_open(cx)
    }

    fn handle_message(&mut self, message: Message, _: Instant) -> Result<(), CloseReason> {
        let outcome = (self.act)(&self.link, &message);
        let _ = self.teller.send(Told::Message(message));
        outcome
    }

    fn handle_close(&mut self, reason: CloseReason) {
        let _ = self.teller.send(Told::Closed(reason));
    }
}
