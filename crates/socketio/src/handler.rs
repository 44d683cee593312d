//! What an application does in one namespace.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use engineio::Handshake;
use engineio::proto::CloseReason;
use serde::Serialize;
use socketio_codec::{Event, Json, Namespace};

use crate::{AckSender, Socket};

/// The application's side of a namespace.
///
/// All calls about one socket come from its session's task, one at a time and in order, so none of them may
/// block: whoever has to wait spawns a task with a clone of the [`Socket`].
pub trait Handler: Send + Sync + 'static {
    /// A client asks to join (a CONNECT packet). Accepted unless this says otherwise.
    fn connect(&self, request: ConnectRequest) -> Admission {
        let _ = request;
        Admission::Accept
    }

    /// A socket has joined; its client was told so before anything that is emitted from here.
    fn connected(&self, socket: &Socket) {
        let _ = socket;
    }

    /// The client sent an event; with `ack` it wants an answer.
    fn event(&self, socket: &Socket, event: Event, ack: Option<AckSender>) {
        let _ = (socket, event, ack);
    }

    /// A socket has left. It is in no room any more; nothing emitted to it now arrives.
    fn disconnected(&self, socket: &Socket, reason: DisconnectReason) {
        let _ = (socket, reason);
    }
}

/// A client's request to join a namespace.
#[derive(Debug, Clone)]
pub struct ConnectRequest {
    /// The HTTP request that opened the connection.
    pub handshake: Arc<Handshake>,
    /// What it wants to join.
    pub namespace: Namespace,
    /// The credentials it gave, a JSON object (`io({ auth })` on its side).
    pub auth: Option<Json>,
}

/// The answer to a [`ConnectRequest`].
pub enum Admission {
    /// The client is in.
    Accept,
    /// It is not, and gets a `connect_error`. Its connection lives.
    Refuse(Refusal),
    /// To be decided. The future is polled by the session's task, and dropped if the client goes away meanwhile.
    Pending(Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>>),
}

impl Admission {
    /// To be decided by `decision`.
    pub fn pending(decision: impl Future<Output = Result<(), Refusal>> + Send + 'static) -> Self {
        Self::Pending(Box::pin(decision))
    }
}

impl From<Result<(), Refusal>> for Admission {
    fn from(decision: Result<(), Refusal>) -> Self {
        match decision {
            Ok(()) => Self::Accept,
            Err(refusal) => Self::Refuse(refusal),
        }
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept => f.write_str("Accept"),
            Self::Refuse(refusal) => f.debug_tuple("Refuse").field(refusal).finish(),
            Self::Pending(_) => f.write_str("Pending(…)"),
        }
    }
}

/// Why a client may not join: `message` and `data` of its `connect_error`.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub(crate) message: String,
    pub(crate) data: Option<Json>,
}

impl Refusal {
    /// A refusal with a message only.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), data: None }
    }

    /// The same with data, which must serialize to JSON; if it does not, the refusal goes without.
    #[must_use]
    pub fn with_data<T: Serialize + ?Sized>(self, data: &T) -> Self {
        Self { data: Json::serialize(data).ok(), ..self }
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
