//! What one connection says, in virtual time, and what the server answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hub::{Client, ClientConfig, ConnectRefusal, Incoming, SocketId, Violation};
use socketio_codec::{DecodeError, Decoder, Namespace, Packet, Text};

use crate::frames::{self, Frame};

/// A client is heard in the namespaces it is connected to and in no other, as the socket it has there; it is told off
/// for the first thing it may not say, or does not say in time, and for nothing else.
///
/// The input is frames, and among them things that happen: `t` is twenty seconds, `+` that the server accepts whoever
/// waits, `-` that it makes a socket leave. It refuses namespaces with `no` in their names, lets those with `later`
/// wait, and accepts all others at once.
pub fn check(data: &[u8]) {
    let mut run = Run::new(Instant::now());
    for frame in frames::split(data) {
        let is_over = match &frame {
            Frame::Text(text) if text[..] == b"t"[..] => run.pass(),
            Frame::Text(text) if text[..] == b"+"[..] => run.accept_all(),
            Frame::Text(text) if text[..] == b"-"[..] => run.make_leave(),
            _ => run.receive(frame),
        };
        if is_over {
            return;
        }
        run.compare();
    }
}

struct Run {
    client: Client,
    decoder: Decoder,
    now: Instant,
    /// The slow version: who is where, `None` while the server has not answered.
    entered: BTreeMap<String, Option<SocketId>>,
    connect_by: Option<Instant>,
    attachment_by: Option<Instant>,
    /// When all refusals are forgiven.
    full_at: Instant,
    sockets: u8,
}

impl Run {
    fn new(now: Instant) -> Self {
        let mut config = ClientConfig::default();
        config.namespaces_max = NAMESPACES_MAX;
        config.auth_bytes_max = AUTH_BYTES_MAX;
        config.refusals_max = REFUSALS_MAX;
        config.refusal_interval = REFUSAL_INTERVAL;
        Self {
            decoder: Decoder::new(config.limits),
            client: Client::new(now, Arc::new(config)),
            now,
            entered: BTreeMap::new(),
            connect_by: Some(now + PATIENCE),
            attachment_by: None,
            full_at: now,
            sockets: 0,
        }
    }

    fn receive(&mut self, frame: Frame) -> bool {
        let (found, decoded) = match frame {
            Frame::Text(text) => {
                let Ok(text) = Text::try_from(text) else { return false };
                (self.client.handle_text(self.now, text.clone()), self.decoder.handle_text(text))
            }
            Frame::Binary(data) => {
                (self.client.handle_binary(self.now, data.clone()), self.decoder.handle_binary(data))
            }
        };
        let expected = self.expect(decoded);
        assert_eq!(found, expected);
        if let Ok(Some(Incoming::Connect { namespace, .. })) = &expected {
            return self.answer(namespace);
        }
        expected.is_err()
    }

    /// Few refusals within a long time, so that they run out too: each is remembered for as long as the slow version
    /// of a bucket remembers it.
    fn refused(&mut self) -> Result<(), Violation> {
        let full_at = self.full_at.max(self.now) + REFUSAL_INTERVAL;
        if full_at - self.now > REFUSAL_INTERVAL * REFUSALS_MAX {
            return Err(Violation::TooManyRefusals);
        }
        self.full_at = full_at;
        Ok(())
    }

    fn expect(&mut self, decoded: Result<Option<Packet>, DecodeError>) -> Result<Option<Incoming>, Violation> {
        let Some(packet) = decoded? else {
            self.attachment_by = Some(self.now + PATIENCE);
            return Ok(None);
        };
        self.attachment_by = None;
        let as_written = packet.namespace().clone();
        let name = as_written.as_str().split('?').next().unwrap_or_default().to_owned();
        let namespace = Namespace::try_from(&*name).expect("the beginning of a name is one");
        let entered = self.entered.get(&name).copied();
        if let Packet::ConnectError { .. } = packet {
            return Err(Violation::ConnectErrorFromClient);
        }
        if let Packet::Connect { auth, .. } = packet {
            if entered.is_some() {
                return Err(Violation::ConnectedTwice);
            }
            let why = match auth.as_ref().map(|auth| auth.as_str().len()) {
                _ if self.entered.len() == NAMESPACES_MAX => Some(ConnectRefusal::TooManyNamespaces),
                Some(length) if length > AUTH_BYTES_MAX => Some(ConnectRefusal::AuthTooLarge(AUTH_BYTES_MAX)),
                _ => None,
            };
            if let Some(why) = why {
                self.refused()?;
                return Ok(Some(Incoming::Refused { as_written, why }));
            }
            self.entered.insert(name, None);
            return Ok(Some(Incoming::Connect { namespace, as_written, auth }));
        }
        let Some(Some(socket)) = entered else { return Err(Violation::NotConnected) };
        Ok(match packet {
            Packet::Event { id, event, .. } => Some(Incoming::Event { socket, namespace, id, event }),
            Packet::Ack { id: Some(id), arguments, .. } => Some(Incoming::Ack { socket, namespace, id, arguments }),
            Packet::Disconnect { .. } => {
                self.entered.remove(&name);
                Some(Incoming::Disconnect { socket, namespace })
            }
            _ => None,
        })
    }

    /// What the server says to one who asks to connect.
    fn answer(&mut self, namespace: &Namespace) -> bool {
        if namespace.as_str().contains("no") {
            let expected = self.refused();
            assert_eq!(self.client.refuse(self.now, namespace), expected);
            self.entered.remove(namespace.as_str());
            return expected.is_err();
        }
        if !namespace.as_str().contains("later") {
            self.accept(namespace);
        }
        false
    }

    fn accept(&mut self, namespace: &Namespace) {
        self.sockets = self.sockets.wrapping_add(1);
        let socket = SocketId::from_random([self.sockets; 15]);
        assert!(self.client.accept(namespace, socket));
        assert!(!self.client.accept(namespace, socket), "it asked once");
        self.entered.insert(namespace.as_str().to_owned(), Some(socket));
        self.connect_by = None;
    }

    fn accept_all(&mut self) -> bool {
        let waiting: Vec<String> =
            self.entered.iter().filter(|(_, socket)| socket.is_none()).map(|(name, _)| name.clone()).collect();
        for name in waiting {
            self.accept(&Namespace::try_from(name).expect("it is a name"));
        }
        false
    }

    fn make_leave(&mut self) -> bool {
        let first = self.entered.iter().find_map(|(name, socket)| Some((name.clone(), (*socket)?)));
        if let Some((name, socket)) = first {
            assert!(self.client.left(socket).is_some_and(|namespace| namespace == *name));
            assert_eq!(self.client.left(socket), None);
            self.entered.remove(&name);
        }
        false
    }

    /// Twenty seconds, and a call when it was asked for.
    fn pass(&mut self) -> bool {
        let until = self.now + Duration::from_secs(20);
        let due = self.client.poll_timeout().filter(|due| *due <= until);
        self.now = due.unwrap_or(until);
        let is_late = |by: Option<Instant>| by.is_some_and(|by| by <= self.now);
        let expected = match () {
            () if is_late(self.connect_by) => Err(Violation::ConnectTimeout),
            () if is_late(self.attachment_by) => Err(Violation::AttachmentTimeout),
            () => Ok(()),
        };
        assert_eq!(expected.is_err(), due.is_some());
        assert_eq!(self.client.handle_timeout(self.now), expected);
        expected.is_err()
    }

    fn compare(&self) {
        let mut found: Vec<(SocketId, String)> =
            self.client.sockets().map(|(socket, namespace)| (socket, namespace.to_string())).collect();
        found.sort();
        let mut expected: Vec<(SocketId, String)> =
            self.entered.iter().filter_map(|(name, socket)| Some(((*socket)?, name.clone()))).collect();
        expected.sort();
        assert_eq!(found, expected);
        assert_eq!(self.client.poll_timeout(), self.connect_by.into_iter().chain(self.attachment_by).min());
    }
}

/// Few, so that they run out.
const NAMESPACES_MAX: usize = 3;
const AUTH_BYTES_MAX: usize = 16;
const REFUSALS_MAX: u32 = 4;
const REFUSAL_INTERVAL: Duration = Duration::from_secs(15);
/// Both time-outs by default.
const PATIENCE: Duration = Duration::from_secs(45);
