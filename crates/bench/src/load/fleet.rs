//! All clients of a run, and the loop that drives them.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventFlags};

use super::connection::Connection;
use super::polling::Polling;
use super::poster::Poster;
use super::websocket::WebSocket;
use super::{Signal, Transport};
use crate::wire::frame::write_client_text;

/// Clients of one server, numbered from 0 in the order of [`connect`](Self::connect).
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
}

#[derive(Debug)]
struct Client {
    connection: Connection,
    protocol: Protocol,
    /// For a polling client that has sent something.
    poster: Option<Box<(Connection, Poster)>>,
    is_closed: bool,
}

#[derive(Debug)]
enum Protocol {
    WebSocket(WebSocket),
    Polling(Polling),
}

impl Fleet {
    pub(crate) fn new(address: SocketAddr) -> io::Result<Self> {
        Ok(Self {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            address,
            host: address.to_string(),
            clients: Vec::new(),
            touched: Vec::new(),
            events: Vec::with_capacity(EVENTS_PER_TURN),
            buffer: vec![0; READ_BYTES],
        })
    }

    /// Begins to connect one more client, which will signal that it is ready.
    pub(crate) fn connect(&mut self, transport: Transport) -> io::Result<()> {
        let token = main_token(self.clients.len());
        let mut connection = Connection::open(&self.epoll, self.address, token)?;
        let protocol = match transport {
            Transport::WebSocket => Protocol::WebSocket(WebSocket::start(&self.host, &mut connection.out)),
            Transport::Polling => Protocol::Polling(Polling::start(&self.host, &mut connection.out)),
        };
        self.clients.push(Client { connection, protocol, poster: None, is_closed: false });
        self.touched.push(token);
        Ok(())
    }

    /// Queues a message of a client; it is written at the next turn, together with what else is queued.
    pub(crate) fn send(&mut self, client: usize, message: &[u8]) -> io::Result<()> {
        let Some(sender) = self.clients.get_mut(client) else { return Ok(()) };
        match &sender.protocol {
            Protocol::WebSocket(_) => {
                write_client_text(&mut sender.connection.out, message);
                self.touched.push(main_token(client));
            }
            Protocol::Polling(polling) => {
                let token = poster_token(client);
                if sender.poster.is_none() {
                    let connection = Connection::open(&self.epoll, self.address, token)?;
                    sender.poster = Some(Box::new((connection, Poster::new(&self.host, polling.sid()))));
                }
                if let Some((connection, poster)) = sender.poster.as_deref_mut() {
                    poster.send(message, &mut connection.out);
                    self.touched.push(token);
                }
            }
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
        for event in events.drain(..) {
            let (token, flags) = (event.data.u64(), event.flags);
            if flags.contains(EventFlags::OUT) {
                self.touched.push(token);
            }
            if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
                self.read(token, &mut on_signal);
            }
        }
        self.events = events;
        Ok(())
    }

    fn flush(&mut self, token: u64, on_signal: &mut impl FnMut(usize, Signal<'_>)) {
        let (index, is_poster) = client_of(token);
        let Some(client) = self.clients.get_mut(index).filter(|client| !client.is_closed) else { return };
        let connection = match client.poster.as_deref_mut().filter(|_| is_poster) {
            Some((connection, _)) => connection,
            None => &mut client.connection,
        };
        if connection.flush(&self.epoll).is_err() {
            client.close(&self.epoll, "the write failed", |signal| on_signal(index, signal));
        }
    }

    fn read(&mut self, token: u64, on_signal: &mut impl FnMut(usize, Signal<'_>)) {
        let (index, is_poster) = client_of(token);
        let Some(client) = self.clients.get_mut(index).filter(|client| !client.is_closed) else { return };
        let mut closed = None;
        let mut signal = |signal: Signal<'_>| match signal {
            Signal::Closed(why) => closed = Some(why),
            signal => on_signal(index, signal),
        };
        let is_touched = match client.receive(is_poster, &mut self.buffer, &mut signal) {
            Ok(is_touched) => is_touched,
            Err(why) => {
                closed = Some(why);
                false
            }
        };
        if let Some(why) = closed {
            client.close(&self.epoll, why, |signal| on_signal(index, signal));
        } else if is_touched {
            self.touched.push(token);
        }
    }
}

impl Client {
    /// Reads once; whether there is something to write for it.
    fn receive(
        &mut self,
        is_poster: bool,
        buffer: &mut [u8],
        signal: &mut impl FnMut(Signal<'_>),
    ) -> Result<bool, &'static str> {
        let connection = match self.poster.as_deref_mut().filter(|_| is_poster) {
            Some((connection, _)) => connection,
            None => &mut self.connection,
        };
        let bytes = match connection.read(buffer) {
            Ok(None) => return Ok(false),
            Ok(Some(0)) => return Err("the server ended the connection"),
            Ok(Some(bytes)) => buffer.get(..bytes).unwrap_or_default(),
            Err(_) => return Err("the read failed"),
        };
        if let Some((connection, poster)) = self.poster.as_deref_mut().filter(|_| is_poster) {
            if !poster.receive(bytes, &mut connection.out) {
                return Err("a post was refused");
            }
            return Ok(!connection.out.is_empty());
        }
        let out = &mut self.connection.out;
        match &mut self.protocol {
            Protocol::WebSocket(websocket) => websocket.receive(bytes, out, signal),
            Protocol::Polling(polling) => polling.receive(bytes, out, signal),
        }
        Ok(!out.is_empty())
    }

    fn close(&mut self, epoll: &OwnedFd, why: &'static str, mut signal: impl FnMut(Signal<'_>)) {
        self.is_closed = true;
        self.connection.forget(epoll);
        if let Some(poster) = self.poster.take() {
            poster.0.forget(epoll);
        }
        signal(Signal::Closed(why));
    }
}

/// The token of a client's connection; the next number is that of its poster.
fn main_token(client: usize) -> u64 {
    client as u64 * 2
}

fn poster_token(client: usize) -> u64 {
    main_token(client) + 1
}

fn client_of(token: u64) -> (usize, bool) {
    ((token / 2) as usize, token % 2 == 1)
}

const EVENTS_PER_TURN: usize = 1024;
/// One read takes what has gathered for a client, whatever the size of the events.
const READ_BYTES: usize = 256 * 1024;
