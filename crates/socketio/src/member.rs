//! What an application is told of one socket.

use std::fmt;
use std::task::Context;
use std::time::Instant;

use engineio::proto::CloseReason;
use hub::Room;
use socketio_codec::Event;

use crate::socket::{AckSender, Socket};

/// One client in one namespace, as the application sees it. What [`connect`](crate::Namespace::connect) found out
/// about the client lives in here.
///
/// All calls come from the session's task, one at a time and in order, so none of them may block: whoever has to
/// wait spawns a task with a clone of the [`Socket`]. A panic in one is logged, and closes the client's connection
/// (with the reason [`CloseReason::Internal`]) and no other; that it is disconnected is told to it all the same.
pub trait Member: Send + 'static {
    /// The socket has joined; its client was told so before anything that is emitted from here.
    fn connected(&mut self, socket: &Socket) {
        let _ = socket;
    }

    /// The client sent an event; with `ack` it wants an answer.
    fn event(&mut self, socket: &Socket, event: Event, ack: Option<AckSender>) {
        let _ = (socket, event, ack);
    }

    /// Does what has become possible, and registers for more: a place for a future that the member owns. Called whenever
    /// the session's task runs, which is at least once for each packet.
    fn poll(&mut self, socket: &Socket, cx: &mut Context<'_>) {
        let _ = (socket, cx);
    }

    /// Whether another event may come. While it is not, nothing is read from the client, over all its namespaces, and its
    /// silence is excused; nothing is lost, and what is for the client goes out. Asked again whenever the task runs: so what
    /// makes it ready is a future that was polled by [`poll`](Self::poll), or a time that
    /// [`poll_timeout`](Self::poll_timeout) named.
    ///
    /// Not for long: that the client answers a ping, or goes away, is not seen either until it is read.
    fn is_ready(&self) -> bool {
        true
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called. Asked at each turn of the task, so it is to be cheap.
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// The time that [`poll_timeout`](Self::poll_timeout) named has come: to the millisecond, unless the process itself is
    /// late. It must name a later one from now on, or none.
    fn handle_timeout(&mut self, socket: &Socket, now: Instant) {
        let _ = (socket, now);
    }

    /// Somebody else has put the socket into rooms, or taken it out of some: [`Broadcast::join`](crate::Broadcast::join) or
    /// [`leave`](crate::Broadcast::leave) for whoever they were. Only what changed is named, after the fact.
    ///
    /// What is asked for by [`Socket::join`] and [`Socket::leave`] is not told, until another has moved the socket once; from
    /// then on it is told too, when it is done. So a member that notes what it asks for, and then what it is told, ends up
    /// with the rooms that the socket is in.
    fn moved(&mut self, socket: &Socket, joined: &[Room], left: &[Room]) {
        let _ = (socket, joined, left);
    }

    /// Whether the socket is to know its rooms, for [`Socket::rooms`]. Asked once, before it joins. It takes some hundred bytes
    /// for each socket, so it is not done unless it is asked for.
    fn keeps_rooms(&self) -> bool {
        false
    }

    /// The socket has left. It is in no room any more; nothing emitted to it now arrives.
    fn disconnected(&mut self, socket: &Socket, reason: DisconnectReason) {
        let _ = (socket, reason);
    }
}

/// A client of which nothing is expected: it only listens.
impl Member for () {}

impl<M: Member + ?Sized> Member for Box<M> {
    fn connected(&mut self, socket: &Socket) {
        (**self).connected(socket);
    }

    fn event(&mut self, socket: &Socket, event: Event, ack: Option<AckSender>) {
        (**self).event(socket, event, ack);
    }

    fn poll(&mut self, socket: &Socket, cx: &mut Context<'_>) {
        (**self).poll(socket, cx);
    }

    fn is_ready(&self) -> bool {
        (**self).is_ready()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        (**self).poll_timeout()
    }

    fn handle_timeout(&mut self, socket: &Socket, now: Instant) {
        (**self).handle_timeout(socket, now);
    }

    fn moved(&mut self, socket: &Socket, joined: &[Room], left: &[Room]) {
        (**self).moved(socket, joined, left);
    }

    fn keeps_rooms(&self) -> bool {
        (**self).keeps_rooms()
    }

    fn disconnected(&mut self, socket: &Socket, reason: DisconnectReason) {
        (**self).disconnected(socket, reason);
    }
}

/// Why a socket left its namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The client left; its connection may live on.
    Client,
    /// The server made it leave.
    Server,
    /// The connection ended.
    Closed(CloseReason),
    /// A call of this very member panicked, or one of its handlers: that is in the log, and the connection ends for it. (To
    /// its members in other namespaces that is [`CloseReason::Internal`].)
    Panicked,
}

impl DisconnectReason {
    /// The reason in the reference server's words.
    pub const fn as_reference(&self) -> &'static str {
        match self {
            Self::Client => "client namespace disconnect",
            Self::Server => "server namespace disconnect",
            Self::Closed(reason) => reason.as_reference(),
            Self::Panicked => CloseReason::Internal.as_reference(),
        }
    }
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client => f.write_str("client left"),
            Self::Server => f.write_str("server made it leave"),
            Self::Closed(reason) => reason.fmt(f),
            Self::Panicked => f.write_str("handler panicked"),
        }
    }
}
