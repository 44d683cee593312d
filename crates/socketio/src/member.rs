//! What an application is told of one socket.

use engineio::proto::CloseReason;
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
}

impl DisconnectReason {
    /// The reason in the reference server's words.
    pub const fn as_reference(&self) -> &'static str {
        match self {
            Self::Client => "client namespace disconnect",
            Self::Server => "server namespace disconnect",
            Self::Closed(reason) => reason.as_reference(),
        }
    }
}
