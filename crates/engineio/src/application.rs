//! What the engine tells the layer above.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Instant, SystemTime};

use engineio_proto::{CloseReason, Message, Transport};
use http::{Extensions, HeaderMap, Uri};

use crate::Link;
use crate::verdict::Verdict;

/// Decides about new sessions.
pub trait Application: Send + Sync + 'static {
    /// Whether a session may be opened. It is asked after the request was found sound, and must not block: what takes
    /// time is [`Verdict::Pending`].
    fn accept(&self, handshake: &Handshake) -> Verdict {
        let _ = handshake;
        Verdict::accept()
    }

    /// A session is open. What it receives goes to the [`Connection`]; what it is sent goes into `link`.
    fn open(&self, handshake: Handshake, link: Arc<Link>) -> Box<dyn Connection>;
}

/// One session, as the layer above sees it. All calls come from the session's own task, one at a time.
///
/// None of them may block. Whatever waits is given a place in [`poll_work`](Connection::poll_work).
pub trait Connection: Send + 'static {
    /// Whether another message may come. While pending, the engine does not read from the client.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let _ = cx;
        Poll::Ready(())
    }

    /// A message came in.
    ///
    /// # Errors
    /// The reason with which the session is to be closed.
    fn handle_message(&mut self, message: Message, now: Instant) -> Result<(), CloseReason>;

    /// Does what has become possible, and registers for more. Called whenever the task runs; `Ready(Ok)` asks to
    /// be called again soon.
    fn poll_work(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Result<(), CloseReason>> {
        let _ = (cx, now);
        Poll::Pending
    }

    /// When [`handle_timeout`](Connection::handle_timeout) is to be called.
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// The time given by [`poll_timeout`](Connection::poll_timeout) has come; it may also be called earlier.
    ///
    /// # Errors
    /// The reason with which the session is to be closed.
    fn handle_timeout(&mut self, now: Instant) -> Result<(), CloseReason> {
        let _ = now;
        Ok(())
    }

    /// The session is over. Nothing is called after this.
    fn handle_close(&mut self, reason: CloseReason) {
        let _ = reason;
    }
}

/// The request that opened a session.
///
/// The engine makes it; a test of what decides upon it makes one [itself](Self::new).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Handshake {
    /// The number that the log knows the connection by. It is no secret, and no other of this process has it (but after
    /// four billions more).
    pub connection: u32,
    /// The other end of the connection: the client, or the last proxy before us. `None` if it has no address, as with a
    /// Unix socket; who mounts the engine elsewhere says it ([`PeerSource`](crate::PeerSource)).
    pub peer: Option<SocketAddr>,
    /// The client's address: that of `peer`, or where that is one of
    /// [`EngineConfig::trusted_proxies`](crate::EngineConfig::trusted_proxies), what it says. IPv4 in IPv6 is IPv4.
    pub address: Option<IpAddr>,
    /// The transport that the session opens on.
    pub transport: Transport,
    /// The request's headers: all while it is decided upon, then those of
    /// [`EngineConfig::headers_kept`](crate::EngineConfig::headers_kept).
    pub headers: Arc<HeaderMap>,
    /// The request's path and query.
    pub uri: Arc<Uri>,
    /// What others said of the request before it came here, such as middleware that knows the user: all of it while it is
    /// decided upon, then that of [`EngineConfig::extensions_kept`](crate::EngineConfig::extensions_kept).
    pub extensions: Extensions,
    /// When it came.
    pub time: SystemTime,
}

impl Handshake {
    /// A request that nobody sent: a first poll, now, by a client without an address, that says nothing but its path and query. A
    /// test says the rest by the fields.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use engineio::{Handshake, Verdict};
    ///
    /// fn decide(handshake: &Handshake) -> Verdict {
    ///     match handshake.headers.get("x-key") {
    ///         Some(_) => Verdict::accept(),
    ///         None => Verdict::forbid("no key"),
    ///     }
    /// }
    ///
    /// let mut handshake = Handshake::new("/socket.io/?EIO=4&transport=polling".parse()?);
    /// assert!(matches!(decide(&handshake), Verdict::Forbid { .. }));
    /// Arc::make_mut(&mut handshake.headers).insert("x-key", "7".parse()?);
    /// assert!(matches!(decide(&handshake), Verdict::Accept { .. }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(uri: Uri) -> Self {
        Self {
            connection: 0,
            peer: None,
            address: None,
            transport: Transport::Polling,
            headers: Arc::default(),
            uri: Arc::new(uri),
            extensions: Extensions::new(),
            time: SystemTime::now(),
        }
    }
}
