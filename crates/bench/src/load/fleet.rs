//! All clients of a run, and the loop that drives them.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventFlags};

use super::api::Api;
use super::connection::Connection;
use super::inflater::Inflater;
use super::polling::Polling;
use super::poster::Poster;
use super::upgrading::Upgrading;
use super::websocket::{CONNECT, WebSocket};
use super::{Signal, Transport};
use crate::wire::frame::write_client_text;

/// Clients of a server (or of several, one after the other), numbered from 0 in the order of [`connect`](Self::connect).
///
/// Nothing is read or written but in [`turn`](Self::turn).
pub(crate) struct Fleet {
    epoll: OwnedFd,
    address: SocketAddr,
    host: String,
    clients: Vec<Client>,
    /// The tokens of connections with something new to write.
    touched: Vec<u64>,
    events: Vec<Event>,
    buffer: Vec<u8>,
    inflater: Rc<RefCell<Inflater>>,
    /// How much each client reads, if not as much as comes.
    limit: Option<Limit>,
    /// The messages by which clients over WebSocket connect to `/`, in turn, if not all by the shortest.
    greetings: Vec<Vec<u8>>,
}

/// Bytes per second and client, from a moment on.
#[derive(Debug, Clone, Copy)]
struct Limit {
    bytes_per_s: f64,
    since: Instant,
}

#[derive(Debug)]
struct Client {
    connection: Connection,
    protocol: Protocol,
    second: Option<Box<(Connection, Second)>>,
    is_closed: bool,
    /// Since there is a limit.
    read_bytes: usize,
}

#[derive(Debug)]
enum Protocol {
    WebSocket(WebSocket),
    Polling(Polling),
    Upgrading(Upgrading),
    Api(Api),
}

/// What a client has a second connection for.
#[derive(Debug)]
enum Second {
    /// It polls, and has sent something.
    Poster(Poster),
    /// It polls, and is about to move here.
    Probe(WebSocket),
}

/// What is to be done when a client has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Nothing,
    Flush,
    /// And open a second connection.
    FlushAndProbe,
}

impl Fleet {
    pub(crate) fn new(address: SocketAddr, greetings: Vec<Vec<u8>>) -> io::Result<Self> {
        Ok(Self {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            address,
            host: address.to_string(),
            clients: Vec::new(),
            touched: Vec::new(),
            events: Vec::with_capacity(EVENTS_PER_TURN),
            buffer: vec![0; READ_BYTES],
            inflater: Rc::default(),
            limit: None,
            greetings,
        })
    }

    /// From now on clients connect to this server.
    pub(crate) fn go_on_at(&mut self, address: SocketAddr) {
        self.address = address;
        self.host = address.to_string();
    }

    /// Begins to connect one more client, which will signal that it is ready.
    pub(crate) fn connect(&mut self, transport: Transport) -> io::Result<()> {
        let token = main_token(self.clients.len());
        let mut connection = Connection::open(&self.epoll, self.address, token)?;
        let (host, out) = (&self.host, &mut connection.out);
        let protocol = match transport {
            Transport::WebSocket => Protocol::WebSocket(WebSocket::start(host, out)),
            Transport::Polling => Protocol::Polling(Polling::start(host, CONNECT, None, out)),
            Transport::GzipPolling => {
                Protocol::Polling(Polling::start(host, CONNECT, Some(Rc::clone(&self.inflater)), out))
            }
            Transport::Api { key } => Protocol::Api(Api::start(host, key, out)),
            Transport::Upgraded => Protocol::Upgrading(Upgrading::start(host, out)),
        };
        self.clients.push(Client { connection, protocol, second: None, is_closed: false, read_bytes: 0 });
        self.touched.push(token);
        Ok(())
    }

    /// What a client has queued and not written.
    pub(crate) fn waiting_bytes(&self, client: usize) -> usize {
        let Some(client) = self.clients.get(client) else { return 0 };
        match client.second.as_deref() {
            Some((connection, Second::Poster(poster))) => connection.out.len() + poster.waiting_bytes(),
            _ => client.connection.out.len(),
        }
    }

    /// Queues a message of a client; it is written at the next turn, together with what else is queued.
    pub(crate) fn send(&mut self, client: usize, message: &[u8]) -> io::Result<()> {
        let Some(sender) = self.clients.get_mut(client) else { return Ok(()) };
        match &mut sender.protocol {
            Protocol::WebSocket(_) => {
                write_client_text(&mut sender.connection.out, message);
                self.touched.push(main_token(client));
            }
            Protocol::Polling(polling) => {
                let token = second_token(client);
                if sender.second.is_none() {
                    let connection = Connection::open(&self.epoll, self.address, token)?;
                    let poster = Second::Poster(Poster::new(&self.host, polling.sid()));
                    sender.second = Some(Box::new((connection, poster)));
                }
                if let Some((connection, Second::Poster(poster))) = sender.second.as_deref_mut() {
                    poster.send(message, &mut connection.out);
                    self.touched.push(token);
                }
            }
            Protocol::Api(api) => {
                api.send(message, &mut sender.connection.out);
                self.touched.push(main_token(client));
            }
            // It is not ready yet.
            Protocol::Upgrading(_) => {}
        }
        Ok(())
    }

    /// From now on this client reads nothing.
    pub(crate) fn stall(&mut self, client: usize) -> io::Result<()> {
        match self.clients.get_mut(client) {
            Some(client) => client.connection.stall(&self.epoll),
            None => Ok(()),
        }
    }

    /// From now on each client reads so many bytes a second, and as much as comes without a number.
    pub(crate) fn limit_reading(&mut self, bytes_per_s: Option<f64>) {
        self.limit = bytes_per_s.map(|bytes_per_s| Limit { bytes_per_s, since: Instant::now() });
        self.clients.iter_mut().for_each(|client| client.read_bytes = 0);
    }

    /// Writes what is queued, waits until something can be read or the time is over, and reads each connection once.
    pub(crate) fn turn(&mut self, wait: Duration, mut on_signal: impl FnMut(usize, Signal<'_>)) -> io::Result<()> {
        let mut touched = std::mem::take(&mut self.touched);
        for token in touched.drain(..) {
            self.flush(token, &mut on_signal);
        }
        self.touched = touched;

        let timeout = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) };
        let mut events = std::mem::take(&mut self.events);
        match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let mut has_waited = false;
        for event in events.drain(..) {
            let (token, flags) = (event.data.u64(), event.flags);
            if flags.contains(EventFlags::OUT) {
                self.touched.push(token);
            }
            if !flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
                continue;
            }
            if !self.has_read_enough(token) {
                self.read(token, &mut on_signal);
            } else if !std::mem::replace(&mut has_waited, true) {
                // It will be reported again at once.
                thread::sleep(LIMIT_STEP.min(wait));
            }
        }
        self.events = events;
        Ok(())
    }

    fn has_read_enough(&self, token: u64) -> bool {
        let Some(limit) = self.limit else { return false };
        let client = self.clients.get(client_of(token).0);
        client.is_some_and(|client| client.read_bytes as f64 > limit.since.elapsed().as_secs_f64() * limit.bytes_per_s)
    }

    fn flush(&mut self, token: u64, on_signal: &mut impl FnMut(usize, Signal<'_>)) {
        let (index, is_second) = client_of(token);
        let Some(client) = self.clients.get_mut(index).filter(|client| !client.is_closed) else { return };
        if client.connection_mut(is_second).flush(&self.epoll).is_err() {
            client.close(&self.epoll, "the write failed", |signal| on_signal(index, signal));
        }
    }

    fn read(&mut self, token: u64, on_signal: &mut impl FnMut(usize, Signal<'_>)) {
        let (index, is_second) = client_of(token);
        let Some(client) = self.clients.get_mut(index).filter(|client| !client.is_closed) else { return };
        let mut closed = None;
        let mut signal = |signal: Signal<'_>| match signal {
            Signal::Closed(why) => closed = Some(why),
            signal => on_signal(index, signal),
        };
        let greeting = self.greetings.get(index % self.greetings.len().max(1)).map_or(CONNECT, Vec::as_slice);
        let then = match client.receive(is_second, greeting, &mut self.buffer, &mut signal) {
            Ok(then) => then,
            Err(why) => {
                closed = Some(why);
                Then::Nothing
            }
        };
        if then == Then::FlushAndProbe
            && client.probe(&self.epoll, self.address, &self.host, second_token(index)).is_err()
        {
            closed = Some("no second connection");
        }
        if let Some(why) = closed {
            client.close(&self.epoll, why, |signal| on_signal(index, signal));
            return;
        }
        if client.moves(&self.epoll) {
            self.touched.push(second_token(index));
            on_signal(index, Signal::Ready);
        }
        match then {
            Then::Nothing => {}
            Then::Flush => self.touched.push(token),
            Then::FlushAndProbe => self.touched.extend([token, second_token(index)]),
        }
    }
}

impl Client {
    /// The second one, where there is a second; one that a client has moved to keeps its token.
    fn connection_mut(&mut self, is_second: bool) -> &mut Connection {
        match self.second.as_deref_mut().filter(|_| is_second) {
            Some((connection, _)) => connection,
            None => &mut self.connection,
        }
    }

    /// Reads once.
    fn receive(
        &mut self,
        is_second: bool,
        greeting: &[u8],
        buffer: &mut [u8],
        signal: &mut impl FnMut(Signal<'_>),
    ) -> Result<Then, &'static str> {
        let bytes = match self.connection_mut(is_second).read(buffer) {
            Ok(None) => return Ok(Then::Nothing),
            Ok(Some(0)) => return Err("the server ended the connection"),
            Ok(Some(bytes)) => buffer.get(..bytes).unwrap_or_default(),
            Err(_) => return Err("the read failed"),
        };
        self.read_bytes += bytes.len();
        let mut wants_probe = false;
        let out = match (self.second.as_deref_mut().filter(|_| is_second), &mut self.protocol) {
            (Some((connection, Second::Poster(poster))), _) => {
                if !poster.receive(bytes, &mut connection.out) {
                    return Err("a post was refused");
                }
                &connection.out
            }
            (Some((connection, Second::Probe(websocket))), protocol) => {
                websocket.receive(bytes, greeting, &mut connection.out, &mut |seen| match (seen, &mut *protocol) {
                    (Signal::Probed, Protocol::Upgrading(upgrading)) => upgrading.on_probed(),
                    (seen, _) => signal(seen),
                });
                &connection.out
            }
            (None, protocol) => {
                let out = &mut self.connection.out;
                match protocol {
                    Protocol::WebSocket(websocket) => websocket.receive(bytes, greeting, out, signal),
                    Protocol::Polling(polling) => polling.receive(bytes, out, signal),
                    Protocol::Api(api) => api.receive(bytes, out, signal),
                    Protocol::Upgrading(upgrading) => wants_probe = upgrading.receive(bytes, out, signal),
                }
                out
            }
        };
        Ok(match out.is_empty() {
            _ if wants_probe => Then::FlushAndProbe,
            false => Then::Flush,
            true => Then::Nothing,
        })
    }

    /// Opens the connection that the client is to move to.
    fn probe(&mut self, epoll: &OwnedFd, address: SocketAddr, host: &str, token: u64) -> io::Result<()> {
        if let Protocol::Upgrading(upgrading) = &self.protocol {
            let mut connection = Connection::open(epoll, address, token)?;
            let websocket = upgrading.probe(host, &mut connection.out);
            self.second = Some(Box::new((connection, Second::Probe(websocket))));
        }
        Ok(())
    }

    /// Whether the client has just moved to its second connection; the first is closed then.
    fn moves(&mut self, epoll: &OwnedFd) -> bool {
        let Protocol::Upgrading(upgrading) = &self.protocol else { return false };
        if !self.second.as_deref_mut().is_some_and(|(connection, _)| upgrading.moves_to(connection)) {
            return false;
        }
        if let Some((connection, Second::Probe(websocket))) = self.second.take().map(|second| *second) {
            self.connection.forget(epoll);
            self.connection = connection;
            self.protocol = Protocol::WebSocket(websocket);
        }
        true
    }

    fn close(&mut self, epoll: &OwnedFd, why: &'static str, mut signal: impl FnMut(Signal<'_>)) {
        self.is_closed = true;
        self.connection.forget(epoll);
        if let Some(second) = self.second.take() {
            second.0.forget(epoll);
        }
        signal(Signal::Closed(why));
    }
}

/// The token of a client's connection; the next number is that of its second one.
fn main_token(client: usize) -> u64 {
    client as u64 * 2
}

fn second_token(client: usize) -> u64 {
    main_token(client) + 1
}

fn client_of(token: u64) -> (usize, bool) {
    ((token / 2) as usize, token % 2 == 1)
}

/// Few: a turn that takes a thousand lasts some milliseconds, and what is due meanwhile would be sent late.
const EVENTS_PER_TURN: usize = 64;
/// One read takes what has gathered for a client, whatever the size of the events.
const READ_BYTES: usize = 256 * 1024;
/// How long a limited load sleeps when nobody may read: a few reads' worth.
const LIMIT_STEP: Duration = Duration::from_millis(1);
