//! The floor for clients that poll.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::rc::Rc;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, Event, EventData, EventFlags};

use super::listen::{LISTENER, listen};
use crate::wire::http::{Request, ok_response};

/// Answers polls on a port of the loopback interface until the process is killed.
pub(crate) fn run() -> io::Result<()> {
    let (epoll, listener) = listen()?;
    Relay { epoll, listener, connections: Vec::new(), sessions: Vec::new() }.serve()
}

struct Relay {
    epoll: OwnedFd,
    listener: TcpListener,
    /// Their place is their token; one that has ended leaves it empty.
    connections: Vec<Option<Connection>>,
    /// Their place is their `sid`. They never end: a run has few.
    sessions: Vec<Session>,
}

struct Connection {
    stream: TcpStream,
    /// The start of a request whose rest has not come. Empty takes no memory.
    partial: Vec<u8>,
}

#[derive(Default)]
struct Session {
    /// Connected to the namespace: it gets events.
    is_member: bool,
    /// The connection whose poll waits.
    waiting: Option<usize>,
    /// Packets that no poll was there for.
    pending: Vec<Rc<[u8]>>,
}

impl Relay {
    fn serve(&mut self) -> io::Result<()> {
        let mut events: Vec<Event> = Vec::with_capacity(EVENTS_PER_TURN);
        let mut buffer = vec![0; READ_BYTES];
        loop {
            match epoll::wait(&self.epoll, spare_capacity(&mut events), None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in events.drain(..) {
                match event.data.u64() {
                    LISTENER => self.accept()?,
                    token => self.read(token as usize, &mut buffer),
                }
            }
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(true)?;
                    stream.set_nodelay(true)?;
                    let token = EventData::new_u64(self.connections.len() as u64);
                    epoll::add(&self.epoll, &stream, token, EventFlags::IN)?;
                    self.connections.push(Some(Connection { stream, partial: Vec::new() }));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // The client is gone already.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn read(&mut self, token: usize, buffer: &mut [u8]) {
        let Some(Some(connection)) = self.connections.get_mut(token) else { return };
        let bytes = match connection.stream.read(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Ok(0) | Err(_) => return self.end(token),
            Ok(bytes) => buffer.get(..bytes).unwrap_or_default(),
        };
        if !connection.partial.is_empty() {
            let mut gathered = std::mem::take(&mut connection.partial);
            gathered.extend_from_slice(bytes);
            return self.take_requests(token, &gathered);
        }
        self.take_requests(token, bytes);
    }

    fn take_requests(&mut self, token: usize, mut bytes: &[u8]) {
        while let Some(request) = Request::read(bytes) {
            bytes = bytes.get(request.bytes..).unwrap_or_default();
            self.answer(token, &request);
        }
        if let Some(Some(connection)) = self.connections.get_mut(token) {
            connection.partial = bytes.to_vec();
        }
    }

    fn answer(&mut self, token: usize, request: &Request<'_>) {
        let Some(sid) = request.sid else { return self.open(token) };
        let session = std::str::from_utf8(sid).ok().and_then(|sid| sid.parse::<usize>().ok());
        let Some((number, session)) = session.and_then(|at| Some((at, self.sessions.get_mut(at)?))) else {
            return self.end(token);
        };
        if !request.is_post {
            if session.pending.is_empty() {
                session.waiting = Some(token);
            } else {
                let answer = ok_response(&std::mem::take(&mut session.pending).join(&SEPARATOR));
                self.write(token, &answer);
            }
            return;
        }
        self.write(token, OK);
        for packet in request.body.split(|byte| *byte == SEPARATOR) {
            match packet {
                [b'4', b'2', ..] => self.send_to_all(packet),
                [b'4', b'0', ..] => {
                    if let Some(session) = self.sessions.get_mut(number) {
                        session.is_member = true;
                        session.pending.push(CONNECTED.into());
                    }
                }
                _ => {}
            }
        }
    }

    fn open(&mut self, token: usize) {
        // As long as the ids of others.
        let open = format!(
            "0{{\"sid\":\"{:020}\",\"upgrades\":[],\"pingInterval\":25000,\"pingTimeout\":20000,\"maxPayload\":1000000}}",
            self.sessions.len()
        );
        self.sessions.push(Session::default());
        self.write(token, &ok_response(open.as_bytes()));
    }

    fn send_to_all(&mut self, packet: &[u8]) {
        let answer = ok_response(packet);
        let packet: Rc<[u8]> = packet.into();
        let mut failed = Vec::new();
        for session in self.sessions.iter_mut().filter(|session| session.is_member) {
            match session.waiting.take() {
                Some(token) => {
                    let connection = self.connections.get_mut(token).and_then(Option::as_mut);
                    if connection.is_some_and(|connection| connection.stream.write_all(&answer).is_err()) {
                        failed.push(token);
                    }
                }
                None => session.pending.push(Rc::clone(&packet)),
            }
        }
        failed.into_iter().for_each(|token| self.end(token));
    }

    /// Answers are small beside a socket's buffer, and there is one at a time: a socket that does not take it has
    /// failed.
    fn write(&mut self, token: usize, answer: &[u8]) {
        let connection = self.connections.get_mut(token).and_then(Option::as_mut);
        if connection.is_some_and(|connection| connection.stream.write_all(answer).is_err()) {
            self.end(token);
        }
    }

    fn end(&mut self, token: usize) {
        if let Some(slot) = self.connections.get_mut(token) {
            *slot = None;
        }
    }
}

/// What joins packets in a payload (Engine.IO v4).
const SEPARATOR: u8 = 0x1e;
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok";
const CONNECTED: &[u8] = br#"40{"sid":"BBBBBBBBBBBBBBBBBBBB"}"#;
const EVENTS_PER_TURN: usize = 1024;
const READ_BYTES: usize = 256 * 1024;
