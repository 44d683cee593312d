//! Clients in the background, some of which flood.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::session::Room;
use crate::load::{Fleet, Signal, Transport};
use crate::wire::event::{self, Name};

/// Members of the room `crowd` that only read, and a few clients beside them that flood while told to.
///
/// They have a thread of their own, which gives way to every other: what is measured meanwhile by another thread of this
/// program must not wait for a load that counts a flood.
pub(crate) struct Crowd {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// What floods the server.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Flood {
    /// Each flooder sends events of 100 bytes to the room, as fast as the server takes them.
    Stream,
    /// The first flooder, which polls, posts one body: as many small events to everybody as fit into 1 MB.
    Post,
}

#[derive(Debug, Default)]
struct Shared {
    is_flooding: AtomicBool,
    is_over: AtomicBool,
    /// Events of the flood that came to any of them.
    delivered: AtomicU64,
    closed: AtomicU64,
}

impl Crowd {
    /// Connects all of them, and returns when they are ready and in the room.
    pub(crate) fn start(
        address: SocketAddr,
        members: usize,
        flooders: &'static [Transport],
        flood: Flood,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (is_ready, ready) = mpsc::channel();
        let theirs = Arc::clone(&shared);
        let thread =
            thread::spawn(move || Background::connect(address, members, flooders, theirs)?.run(flood, is_ready));
        let mut crowd = Self { shared, thread: Some(thread) };
        match ready.recv_timeout(CONNECT_MAX) {
            Ok(()) => Ok(crowd),
            Err(_) => Err(crowd.stop().err().unwrap_or_else(|| io::Error::other("the crowd did not connect in time"))),
        }
    }

    /// Begins to flood, or stops doing so.
    pub(crate) fn set_flooding(&self, is_flooding: bool) {
        self.shared.is_flooding.store(is_flooding, Ordering::Relaxed);
    }

    /// How many events of the flood have come to any of them so far.
    pub(crate) fn delivered(&self) -> u64 {
        self.shared.delivered.load(Ordering::Relaxed)
    }

    /// How many of them were cut off.
    pub(crate) fn closed(&self) -> u64 {
        self.shared.closed.load(Ordering::Relaxed)
    }

    fn stop(&mut self) -> io::Result<()> {
        self.shared.is_over.store(true, Ordering::Relaxed);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(outcome)) => outcome,
            Some(Err(_)) => Err(io::Error::other("the crowd's thread panicked")),
            None => Ok(()),
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("the crowd: {error}");
        }
    }
}

/// The thread's side.
struct Background {
    fleet: Fleet,
    members: usize,
    flooders: usize,
    shared: Arc<Shared>,
}

impl Background {
    fn connect(address: SocketAddr, members: usize, flooders: &[Transport], shared: Arc<Shared>) -> io::Result<Self> {
        // Only this thread gives way; where it may not, figures are a little worse for everybody alike.
        let _ = rustix::process::nice(NICENESS);
        let mut fleet = Fleet::new(address, Vec::new())?;
        let mut ready = 0;
        let end = Instant::now() + CONNECT_MAX;
        let transports = std::iter::repeat_n(Transport::WebSocket, members).chain(flooders.iter().copied());
        for (started, transport) in transports.enumerate() {
            fleet.connect(transport)?;
            while ready <= started {
                let mut refused = None;
                fleet.turn(TURN_MAX, |_, signal| match signal {
                    Signal::Ready => ready += 1,
                    Signal::Closed(why) => refused = Some(why),
                    Signal::Event(_) | Signal::Ping | Signal::Probed => {}
                })?;
                if let Some(why) = refused.or((Instant::now() > end).then_some("the time is over")) {
                    return Err(io::Error::other(format!("only {ready} of the crowd connected: {why}")));
                }
            }
        }
        for member in 0..members {
            fleet.send(member, &Room::Crowd.entry())?;
        }
        Ok(Self { fleet, members, flooders: flooders.len(), shared })
    }

    fn run(mut self, flood: Flood, is_ready: Sender<()>) -> io::Result<()> {
        self.turn(ENTER_SETTLE)?;
        // Nobody waits for it any more only if the run is over.
        let _ = is_ready.send(());
        let mut has_posted = false;
        while !self.shared.is_over.load(Ordering::Relaxed) {
            if self.shared.is_flooding.load(Ordering::Relaxed) {
                match flood {
                    Flood::Stream => self.top_up()?,
                    Flood::Post if !has_posted => {
                        self.fleet.send(self.members, &post_body())?;
                        has_posted = true;
                    }
                    Flood::Post => {}
                }
            }
            self.turn(TURN_MAX)?;
        }
        Ok(())
    }

    /// Gives each flooder something to send, so that its socket is never empty.
    fn top_up(&mut self) -> io::Result<()> {
        let message = event::flood(Name::ToCrowd, FLOOD_ARGUMENT_BYTES);
        for flooder in self.members..self.members + self.flooders {
            if self.fleet.waiting_bytes(flooder) < AHEAD_BYTES {
                for _ in 0..EVENTS_AT_ONCE {
                    self.fleet.send(flooder, &message)?;
                }
            }
        }
        Ok(())
    }

    fn turn(&mut self, wait: Duration) -> io::Result<()> {
        let (mut delivered, mut closed) = (0, 0);
        self.fleet.turn(wait, |_, signal| match signal {
            Signal::Event(message) if event::is_flood(message) => delivered += 1,
            Signal::Closed(_) => closed += 1,
            Signal::Event(_) | Signal::Ready | Signal::Ping | Signal::Probed => {}
        })?;
        self.shared.delivered.fetch_add(delivered, Ordering::Relaxed);
        self.shared.closed.fetch_add(closed, Ordering::Relaxed);
        Ok(())
    }
}

/// How many events [`Flood::Post`] posts.
pub(crate) fn posted_events() -> u64 {
    // Each but the last with a separator.
    ((MAX_PAYLOAD_BYTES + 1) / (small_event().len() + 1)) as u64
}

fn post_body() -> Vec<u8> {
    vec![small_event(); posted_events() as usize].join(&SEPARATOR)
}

/// The smallest that every peer relays, and that is known for what it is.
fn small_event() -> Vec<u8> {
    event::flood(Name::Update, 1)
}

/// Every server's default.
const MAX_PAYLOAD_BYTES: usize = 1_000_000;
/// What joins packets in a payload (Engine.IO v4).
const SEPARATOR: u8 = 0x1e;
const CONNECT_MAX: Duration = Duration::from_secs(20);
const ENTER_SETTLE: Duration = Duration::from_millis(300);
const TURN_MAX: Duration = Duration::from_millis(5);
/// The most there is.
const NICENESS: i32 = 19;
/// With its name, 100 bytes.
const FLOOD_ARGUMENT_BYTES: usize = 83;
const AHEAD_BYTES: usize = 64 * 1024;
const EVENTS_AT_ONCE: usize = 600;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_as_full_as_it_may_be() {
        let body = post_body();
        assert!(body.len() <= MAX_PAYLOAD_BYTES && body.len() + small_event().len() + 1 > MAX_PAYLOAD_BYTES);
        assert_eq!(body.split(|byte| *byte == SEPARATOR).count() as u64, posted_events());
        assert_eq!(event::flood(Name::ToCrowd, FLOOD_ARGUMENT_BYTES).len(), 100);
    }
}
