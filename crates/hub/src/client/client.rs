//! What one connection may say next.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use socketio_codec::{AckId, Arguments, Decoder, Event, Json, Limits, Namespace, Packet, Text, msgpack};

use super::bucket::Bucket;
use super::violation::Violation;
use crate::{Parser, SocketId};

/// The Socket.IO side of one client's connection: which namespaces it is in, and what it sent.
///
/// Owned by the session's task, which hands in every message (without the `4` of its Engine.IO packet) and acts on
/// what comes back. In each namespace:
///
/// ```text
///             CONNECT                   accept(socket)
///    absent ──────────► connecting ─────────────────────► connected
///     ▲  ▲                  │ refuse                       │     │
///     │  └──────────────────┘                  DISCONNECT  │     │ left (the server made it leave)
///     └────────────────────────────────────────────────────┴─────┘
///
///    EVENT, ACK, DISCONNECT while absent or connecting: Violation::NotConnected
///    CONNECT while connecting or connected:             Violation::ConnectedTwice
/// ```
///
/// A CONNECT over [`ClientConfig::namespaces_max`] or [`ClientConfig::auth_bytes_max`] is refused here, and comes
/// out as [`Incoming::Refused`]. Too many refusals, whoever refused, are a violation: [`ClientConfig::refusals_max`].
///
/// The connection as a whole has [`ClientConfig::connect_timeout`] to be connected somewhere; from then on it may
/// be in no namespace for as long as it likes, as with the reference.
///
/// A [`Violation`] is final: close the connection and drop this. For each of [`sockets`](Self::sockets), tell the
/// hub and the acknowledgements.
///
/// ```
/// use std::time::Instant;
/// use fanfare_hub::{Client, Incoming, SocketId};
///
/// let now = Instant::now();
/// let mut client = Client::new(now, Default::default());
/// let Some(Incoming::Connect { namespace, .. }) = client.handle_text(now, "0".into())? else { panic!() };
///
/// let socket = SocketId::from_random([7; 15]);
/// assert!(client.accept(&namespace, socket));
///
/// let incoming = client.handle_text(now, r#"20["hello",1]"#.into())?;
/// let Some(Incoming::Event { socket: from, id: Some(_), event, .. }) = incoming else { panic!() };
/// assert_eq!((from, &*event.name()), (socket, "hello"));
/// # Ok::<(), fanfare_hub::Violation>(())
/// ```
#[derive(Debug)]
pub struct Client {
    config: Arc<ClientConfig>,
    decoder: Decoder,
    /// Few, and usually one: searched from the start.
    entered: Vec<Entered>,
    /// As configured, or more where more exist.
    namespaces_max: usize,
    refusals: Bucket,
    /// Until when it has to be connected somewhere. `None` once it was.
    connect_by: Option<Instant>,
    /// Until when the next attachment has to come. `Some` while one is due.
    attachment_by: Option<Instant>,
}

/// The bounds of one client.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientConfig {
    /// In which form its packets come. JSON.
    pub parser: Parser,
    /// The bounds of one packet.
    pub limits: Limits,
    /// How long it may take to be connected to a first namespace. 45 s, as `connectTimeout` of the reference.
    pub connect_timeout: Duration,
    /// How long the next attachment of a packet may take. 45 s, the time in which a heartbeat finds a connection
    /// dead; the reference waits for ever.
    pub attachment_timeout: Duration,
    /// Namespaces a client may be in, or wait for, at a time; a further one is refused. 64: more than applications
    /// have, and each takes some hundred bytes here and a socket in the hub. The reference has no bound. See
    /// [`Client::allow_namespaces`].
    pub namespaces_max: usize,
    /// Bytes of the credentials in a CONNECT, as JSON; one with more is refused. 16 KiB: several times the largest
    /// token that proxies let pass in a header. The reference takes what fits into a packet.
    pub auth_bytes_max: usize,
    /// Refused CONNECTs in a row before the connection is closed; the reference answers for ever. 100: a client
    /// that is in everything an application has, and may be in none of it, gets as far.
    pub refusals_max: u32,
    /// After how long one refusal is forgiven. 200 ms: a client may retry several namespaces each second, for days.
    pub refusal_interval: Duration,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            parser: Parser::default(),
            limits: Limits::default(),
            connect_timeout: Duration::from_secs(45),
            attachment_timeout: Duration::from_secs(45),
            namespaces_max: 64,
            auth_bytes_max: 16 * 1024,
            refusals_max: 100,
            refusal_interval: Duration::from_millis(200),
        }
    }
}

/// What a client said that somebody has to act on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Incoming {
    /// It asks to connect. Answer by [`Client::accept`] or [`Client::refuse`], now or later.
    Connect {
        /// The namespace, without a query.
        namespace: Namespace,
        /// The namespace as it was written, which a refusal repeats.
        as_written: Namespace,
        /// Its credentials: a JSON object, in a buffer of its own.
        auth: Option<Json>,
    },
    /// It asked to connect, and may not. Send it a [`connect_error`](crate::encode::connect_error).
    Refused {
        /// The namespace as it was written.
        as_written: Namespace,
        /// Why.
        why: ConnectRefusal,
    },
    /// An event.
    Event {
        /// The sender.
        socket: SocketId,
        /// Its namespace.
        namespace: Namespace,
        /// Present when an acknowledgement is wanted.
        id: Option<AckId>,
        /// Name and arguments.
        event: Event,
    },
    /// An answer to an event of the server's. Whether anyone waits for it is for [`Acks`](crate::Acks) to tell.
    Ack {
        /// Who answers.
        socket: SocketId,
        /// Its namespace.
        namespace: Namespace,
        /// The event's id.
        id: AckId,
        /// What it answers.
        arguments: Arguments,
    },
    /// It left a namespace; the connection lives, and may connect again.
    Disconnect {
        /// The socket that is no more.
        socket: SocketId,
        /// What it left.
        namespace: Namespace,
    },
}

/// Why a CONNECT is refused before the application is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectRefusal {
    /// The client is in as many namespaces as it may be.
    TooManyNamespaces,
    /// Its credentials are larger than [`ClientConfig::auth_bytes_max`], which is given.
    AuthTooLarge(usize),
}

impl fmt::Display for ConnectRefusal {
    /// The message of the CONNECT_ERROR.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyNamespaces => f.write_str("too many namespaces on one connection"),
            Self::AuthTooLarge(most) => write!(f, "auth is larger than {most} bytes"),
        }
    }
}

/// A namespace that is not absent.
#[derive(Debug)]
struct Entered {
    namespace: Namespace,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Connecting,
    Connected(SocketId),
}

impl Client {
    /// A client whose connection was opened at `now`.
    pub fn new(now: Instant, config: Arc<ClientConfig>) -> Self {
        Self {
            decoder: Decoder::new(config.limits),
            entered: Vec::new(),
            namespaces_max: config.namespaces_max,
            refusals: Bucket::default(),
            connect_by: now.checked_add(config.connect_timeout),
            attachment_by: None,
            config,
        }
    }

    /// A text message came. `None` means that there is nothing to do (yet).
    ///
    /// # Errors
    /// A [`Violation`], upon which the connection is to be closed.
    pub fn handle_text(&mut self, now: Instant, text: Text) -> Result<Option<Incoming>, Violation> {
        let packet = match self.config.parser {
            Parser::Json => self.decoder.handle_text(text)?,
            Parser::Msgpack => return Err(Violation::TextMessage),
        };
        self.handle_decoded(now, packet)
    }

    /// A binary message came: an attachment, or with [`Parser::Msgpack`] a packet. `None` means that there is nothing to do
    /// (yet).
    ///
    /// # Errors
    /// A [`Violation`], upon which the connection is to be closed.
    pub fn handle_binary(&mut self, now: Instant, message: Bytes) -> Result<Option<Incoming>, Violation> {
        let packet = match self.config.parser {
            Parser::Json => self.decoder.handle_binary(message)?,
            Parser::Msgpack => {
                let limits = &self.config.limits;
                Some(msgpack::decode(message, limits)?.to_json(limits)?)
            }
        };
        self.handle_decoded(now, packet)
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if nothing comes before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.connect_by.into_iter().chain(self.attachment_by).min()
    }

    /// Time has passed.
    ///
    /// # Errors
    /// The [`Violation`] of whoever let it pass, upon which the connection is to be closed.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Violation> {
        let is_over = |until: Option<Instant>| until.is_some_and(|until| until <= now);
        if is_over(self.connect_by) {
            return Err(Violation::ConnectTimeout);
        }
        if is_over(self.attachment_by) {
            return Err(Violation::AttachmentTimeout);
        }
        Ok(())
    }

    /// It was not read for a while, because what it had asked for was still being done: what is due from it may have
    /// come, and has all its time again.
    pub fn excuse_silence(&mut self, now: Instant) {
        let ClientConfig { connect_timeout, attachment_timeout, .. } = *self.config;
        self.connect_by = self.connect_by.and_then(|_| now.checked_add(connect_timeout));
        self.attachment_by = self.attachment_by.and_then(|_| now.checked_add(attachment_timeout));
    }

    /// The application accepted: from now on the client is `socket` in `namespace`.
    ///
    /// False, and nothing happens, if the client did not ask. If true, the greeting and the socket go to
    /// [`Hub::connect`](crate::Hub::connect).
    #[must_use = "only a client that asked has a socket to be connected"]
    pub fn accept(&mut self, namespace: &Namespace, socket: SocketId) -> bool {
        let asked = self.entered.iter_mut().find(|entered| entered.namespace == *namespace);
        match asked {
            Some(Entered { stage: stage @ Stage::Connecting, .. }) => {
                *stage = Stage::Connected(socket);
                self.connect_by = None;
                true
            }
            _ => false,
        }
    }

    /// The application refused, or there is no such namespace: the client may ask again.
    ///
    /// Send it a [`connect_error`](crate::encode::connect_error) with the namespace as it was written.
    ///
    /// # Errors
    /// [`Violation::TooManyRefusals`] if it was refused too often, upon which the connection is to be closed.
    pub fn refuse(&mut self, now: Instant, namespace: &Namespace) -> Result<(), Violation> {
        self.entered.retain(|entered| entered.namespace != *namespace || entered.stage != Stage::Connecting);
        self.count_refusal(now)
    }

    /// Lets it be in at least so many namespaces at a time, whatever [`ClientConfig::namespaces_max`] says: where an
    /// application has more, a client may be in all of them.
    pub fn allow_namespaces(&mut self, existing: usize) {
        self.namespaces_max = self.config.namespaces_max.max(existing);
    }

    /// The server made `socket` leave. Gives its namespace, or `None` if the client had left by itself.
    pub fn left(&mut self, socket: SocketId) -> Option<Namespace> {
        let index = self.entered.iter().position(|entered| entered.stage == Stage::Connected(socket))?;
        Some(self.entered.swap_remove(index).namespace)
    }

    /// The sockets it has: one in each namespace that it is connected to.
    pub fn sockets(&self) -> impl Iterator<Item = (SocketId, &Namespace)> {
        self.entered.iter().filter_map(|entered| match entered.stage {
            Stage::Connected(socket) => Some((socket, &entered.namespace)),
            Stage::Connecting => None,
        })
    }

    fn handle_decoded(&mut self, now: Instant, packet: Option<Packet>) -> Result<Option<Incoming>, Violation> {
        match packet {
            Some(packet) => {
                self.attachment_by = None;
                self.handle_packet(now, packet)
            }
            None => {
                // Anew for each attachment: a client on a slow line is waited for as long as it goes on.
                self.attachment_by = now.checked_add(self.config.attachment_timeout);
                Ok(None)
            }
        }
    }

    fn handle_packet(&mut self, now: Instant, packet: Packet) -> Result<Option<Incoming>, Violation> {
        Ok(match packet {
            Packet::Connect { namespace, auth } => Some(self.ask(now, namespace, auth)?),
            Packet::Event { namespace, id, event } => {
                let (socket, namespace) = self.connected(&namespace)?;
                Some(Incoming::Event { socket, namespace, id, event })
            }
            Packet::Ack { namespace, id, arguments } => {
                let (socket, namespace) = self.connected(&namespace)?;
                id.map(|id| Incoming::Ack { socket, namespace, id, arguments })
            }
            Packet::EmptyEvent { namespace } => {
                self.connected(&namespace)?;
                None
            }
            Packet::Disconnect { namespace } => {
                let (socket, namespace) = self.connected(&namespace)?;
                self.left(socket);
                Some(Incoming::Disconnect { socket, namespace })
            }
            Packet::ConnectError { .. } => return Err(Violation::ConnectErrorFromClient),
        })
    }

    /// A CONNECT. The reference, asked twice before it has answered, makes two sockets in one namespace, of which
    /// one is never heard again; here the second is a violation whenever it comes.
    fn ask(&mut self, now: Instant, as_written: Namespace, auth: Option<Json>) -> Result<Incoming, Violation> {
        let as_written = detached(as_written);
        let namespace = as_written.without_query();
        if self.entered.iter().any(|entered| entered.namespace == namespace) {
            return Err(Violation::ConnectedTwice);
        }
        if let Some(why) = self.refusal(auth.as_ref()) {
            self.count_refusal(now)?;
            return Ok(Incoming::Refused { as_written, why });
        }
        if self.entered.is_empty() {
            // Most are in one namespace: a vector that grows by itself begins with room for four.
            self.entered.reserve_exact(1);
        }
        self.entered.push(Entered { namespace: namespace.clone(), stage: Stage::Connecting });
        // An application may keep it, and what it keeps should not be the message, or the buffer it was read into.
        let auth = auth.map(|auth| auth.detached());
        Ok(Incoming::Connect { namespace, as_written, auth })
    }

    fn refusal(&self, auth: Option<&Json>) -> Option<ConnectRefusal> {
        let auth_bytes_max = self.config.auth_bytes_max;
        if self.entered.len() >= self.namespaces_max {
            return Some(ConnectRefusal::TooManyNamespaces);
        }
        let is_too_large = auth.is_some_and(|auth| auth.as_bytes().len() > auth_bytes_max);
        is_too_large.then_some(ConnectRefusal::AuthTooLarge(auth_bytes_max))
    }

    fn count_refusal(&mut self, now: Instant) -> Result<(), Violation> {
        let ClientConfig { refusals_max, refusal_interval, .. } = *self.config;
        if self.refusals.take(now, refusals_max, refusal_interval) { Ok(()) } else { Err(Violation::TooManyRefusals) }
    }

    /// The socket that a packet for `namespace` comes from, and our own copy of the name.
    fn connected(&self, namespace: &Namespace) -> Result<(SocketId, Namespace), Violation> {
        let name = namespace.without_query();
        let mut sockets = self.sockets().filter(|(_, namespace)| **namespace == name);
        let (socket, namespace) = sockets.next().ok_or(Violation::NotConnected)?;
        Ok((socket, namespace.clone()))
    }
}

/// The name in a buffer of its own: kept as it came, it would keep the whole message.
fn detached(namespace: Namespace) -> Namespace {
    Namespace::try_from(namespace.as_str()).unwrap_or(namespace)
}
