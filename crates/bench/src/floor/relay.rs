//! The floor's loop.

use std::io::{self, ErrorKind, IoSlice};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, Event, EventFlags};

use super::client::Client;
use super::listen::{LISTENER, listen};
use crate::wire::frame::write_server_text;

/// Serves WebSockets on a port of the loopback interface until the process is killed.
pub(crate) fn run(is_batched: bool, has_others: bool, ping_interval: Option<Duration>) -> io::Result<()> {
    let (epoll, listener) = listen()?;
    Relay { epoll, listener, clients: Vec::new(), batch: Vec::new(), is_batched, has_others }.serve(ping_interval)
}

struct Relay {
    epoll: OwnedFd,
    listener: TcpListener,
    clients: Vec<Option<Client>>,
    /// Events that came with this wake-up and have not been written, with their sender's token.
    batch: Vec<(u64, Rc<[u8]>)>,
    is_batched: bool,
    /// Whether an event goes to everybody but its sender.
    has_others: bool,
}

impl Relay {
    fn serve(&mut self, ping_interval: Option<Duration>) -> io::Result<()> {
        let mut pinger = ping_interval.map(Pinger::new);
        let mut events: Vec<Event> = Vec::with_capacity(EVENTS_PER_TURN);
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let wait = pinger.as_ref().map(|_| Timespec { tv_sec: 0, tv_nsec: PING_TICK.as_nanos() as i64 });
            match epoll::wait(&self.epoll, spare_capacity(&mut events), wait.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in events.drain(..) {
                match event.data.u64() {
                    LISTENER => self.accept()?,
                    token => self.handle(token, event.flags, &mut buffer),
                }
            }
            self.broadcast();
            if let Some(pinger) = &mut pinger {
                pinger.tick(&self.epoll, &mut self.clients);
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    let free = self.clients.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
                    let client = Client::new(&self.epoll, stream, free as u64)?;
                    self.clients.truncate(free);
                    self.clients.push(Some(client));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // The client is gone already.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn handle(&mut self, token: u64, flags: EventFlags, buffer: &mut [u8]) {
        let Some(slot) = self.clients.get_mut(token as usize) else { return };
        let Some(client) = slot else { return };
        let mut outcome = Ok(());
        if flags.contains(EventFlags::OUT) {
            outcome = client.flush(&self.epoll);
        }
        if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
            outcome = outcome.and_then(|()| client.read(buffer, |event| self.batch.push((token, event))));
        }
        if outcome.is_err() {
            *slot = None;
        }
        if !self.is_batched {
            for event in std::mem::take(&mut self.batch) {
                self.write_to_all(&[event]);
            }
        }
    }

    fn broadcast(&mut self) {
        if !self.batch.is_empty() {
            let mut batch = std::mem::take(&mut self.batch);
            for events in batch.chunks(EVENTS_PER_WRITE) {
                self.write_to_all(events);
            }
            batch.clear();
            self.batch = batch;
        }
    }

    fn write_to_all(&mut self, batch: &[(u64, Rc<[u8]>)]) {
        let events: Vec<Rc<[u8]>> = batch.iter().map(|(_, event)| Rc::clone(event)).collect();
        let slices: Vec<IoSlice<'_>> = events.iter().map(|event| IoSlice::new(event)).collect();
        for (token, slot) in self.clients.iter_mut().enumerate() {
            let Some(client) = slot.as_mut().filter(|client| client.is_member) else { continue };
            let is_own = |(sender, _): &(u64, Rc<[u8]>)| *sender == token as u64;
            let outcome = if self.has_others && batch.iter().any(is_own) {
                write_others(client, &self.epoll, batch.iter().filter(|event| !is_own(event)))
            } else {
                client.write(&self.epoll, &events, &slices)
            };
            if outcome.is_err() {
                *slot = None;
            }
        }
    }
}

/// To one of the senders: the others' events.
fn write_others<'a>(
    client: &mut Client,
    epoll: &OwnedFd,
    others: impl Iterator<Item = &'a (u64, Rc<[u8]>)>,
) -> io::Result<()> {
    let events: Vec<Rc<[u8]>> = others.map(|(_, event)| Rc::clone(event)).collect();
    let slices: Vec<IoSlice<'_>> = events.iter().map(|event| IoSlice::new(event)).collect();
    if events.is_empty() { Ok(()) } else { client.write(epoll, &events, &slices) }
}

/// Pings each client once in an interval, evenly spread: the cheapest way to keep them alive.
struct Pinger {
    frame: Rc<[u8]>,
    interval: Duration,
    last: Instant,
    next: usize,
    /// The part of a ping that is due, between 0 and 1.
    due: f64,
}

impl Pinger {
    fn new(interval: Duration) -> Self {
        let mut frame = Vec::new();
        write_server_text(&mut frame, b"2");
        Self { frame: frame.into(), interval, last: Instant::now(), next: 0, due: 0.0 }
    }

    fn tick(&mut self, epoll: &OwnedFd, clients: &mut [Option<Client>]) {
        let now = Instant::now();
        let passed = now - self.last;
        if passed < PING_TICK || clients.is_empty() {
            return;
        }
        self.last = now;
        self.due += clients.len() as f64 * passed.as_secs_f64() / self.interval.as_secs_f64();
        while self.due >= 1.0 {
            self.due -= 1.0;
            self.next = (self.next + 1) % clients.len();
            let Some(slot) = clients.get_mut(self.next) else { return };
            let Some(client) = slot.as_mut().filter(|client| client.is_member) else { continue };
            let frame = std::slice::from_ref(&self.frame);
            if client.write(epoll, frame, &[IoSlice::new(&self.frame)]).is_err() {
                *slot = None;
            }
        }
    }
}

const EVENTS_PER_TURN: usize = 1024;
const READ_BYTES: usize = 256 * 1024;
/// `writev` takes no more.
const EVENTS_PER_WRITE: usize = 1024;
/// How late a ping may be, so that one wake-up serves several.
const PING_TICK: Duration = Duration::from_millis(10);
