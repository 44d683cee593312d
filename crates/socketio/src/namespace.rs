//! Who may join a namespace.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use engineio::Handshake;
use hub::SocketId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use socketio_codec::{Arguments, Json, Namespace as NamespaceName};

use crate::broadcast::Later;
use crate::member::Member;
use crate::pattern::Pattern;
use crate::reach::Reach;
use crate::server_side_event::ServerSideEvent;
use crate::transport_now::TransportNow;

/// The application's side of a namespace: it decides who joins, and gives each who does a [`Member`].
///
/// It is called from the task of the client's session, so it must not block. What takes time is
/// [left pending](Admission::pending). A panic in it is logged, and closes the connection it was about.
///
/// ```
/// use fanfare_socketio::{Admission, ConnectRequest, Member, Namespace, Refusal, Socket};
///
/// struct Chat;
///
/// struct Guest {
///     name: String,
/// }
///
/// impl Namespace for Chat {
///     fn connect(&self, request: ConnectRequest) -> Admission {
///         #[derive(serde::Deserialize)]
///         struct Auth {
///             name: String,
///         }
///         match request.auth.as_ref().map(|auth| auth.deserialize::<Auth>()) {
///             Some(Ok(Auth { name })) => Admission::accept(Guest { name }),
///             _ => Refusal::new("who are you?").into(),
///         }
///     }
/// }
///
/// impl Member for Guest {
///     fn connected(&mut self, socket: &Socket) {
///         let _ = socket.broadcast().emit("joined", &self.name);
///     }
/// }
/// ```
pub trait Namespace: Send + Sync + 'static {
    /// A client asks to join (a CONNECT packet).
    fn connect(&self, request: ConnectRequest) -> Admission;

    /// The program of another node says something to those of all others (`serverSideEmit`), where there are
    /// [`Peers`](crate::Peers): gives the answer, of which the first argument is sent if one is wanted. `None` if it is not for this
    /// program, which is as if it had not come.
    ///
    /// It is called from the task that hears the peers, and its future polled by one of its own. It must not block.
    fn server_side_event(&self, event: ServerSideEvent) -> Option<Later<Arguments>> {
        let _ = event;
        None
    }
}

impl<N: Namespace + ?Sized> Namespace for Arc<N> {
    fn connect(&self, request: ConnectRequest) -> Admission {
        (**self).connect(request)
    }

    fn server_side_event(&self, event: ServerSideEvent) -> Option<Later<Arguments>> {
        (**self).server_side_event(event)
    }
}

impl<N: Namespace + ?Sized> Namespace for Box<N> {
    fn connect(&self, request: ConnectRequest) -> Admission {
        (**self).connect(request)
    }

    fn server_side_event(&self, event: ServerSideEvent) -> Option<Later<Arguments>> {
        (**self).server_side_event(event)
    }
}

/// A client's request to join a namespace.
///
/// It is the application's: nothing of it is kept beside the handshake, which a connection needs for the next one.
#[derive(Clone)]
#[non_exhaustive]
pub struct ConnectRequest {
    /// The HTTP request that opened the connection.
    pub handshake: Arc<Handshake>,
    /// What it wants to join.
    pub namespace: NamespaceName,
    /// The socket it is if it may.
    pub socket: SocketId,
    /// The credentials it gave, a JSON object (`io({ auth })` on its side), in memory of its own.
    pub auth: Option<Json>,
    /// By which transport it is connected, now and later.
    pub transport: TransportNow,
    pub(crate) reach: Arc<Reach>,
    /// That allowed the name.
    pub(crate) pattern: Option<Arc<Pattern>>,
}

impl ConnectRequest {
    /// What stands in the name where the [pattern](crate::ServerBuilder::namespace_pattern) has `{part}`.
    pub fn parameter(&self, part: &str) -> Option<&str> {
        self.pattern.as_ref()?.value(&self.namespace, part)
    }

    /// The credentials as a type. No credentials are an empty object.
    ///
    /// # Errors
    /// Says what does not fit.
    pub fn auth_as<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        match &self.auth {
            Some(auth) => auth.deserialize(),
            None => serde_json::from_str("{}"),
        }
    }
}

impl fmt::Debug for ConnectRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { handshake, namespace, socket, auth, .. } = self;
        let mut text = f.debug_struct("ConnectRequest");
        text.field("handshake", handshake).field("namespace", namespace).field("socket", socket).field("auth", auth);
        text.finish_non_exhaustive()
    }
}

/// The answer to a [`ConnectRequest`].
#[non_exhaustive]
pub enum Admission {
    /// The client is in, and this is told what it does.
    Accept(Box<dyn Member>),
    /// It is not, and gets a `connect_error`. Its connection lives. This is final: no official client asks again by
    /// itself.
    Refuse(Refusal),
    /// It cannot be decided, or not be served, now. The client is told nothing and is held for a while; then its
    /// connection ends, with all its namespaces, as if the network had broken: every client comes back from that by
    /// itself, here or elsewhere.
    TryLater {
        /// How long it is held, so that it does not come back at once. At most as long as a client may take to
        /// be connected ([`ClientConfig::connect_timeout`](hub::ClientConfig)).
        hold: Duration,
    },
    /// To be decided. The future is polled by the session's task, and dropped if the client goes away meanwhile.
    Pending(Pin<Box<dyn Future<Output = Admission> + Send>>),
}

impl Admission {
    /// The client is in, as `member`.
    pub fn accept(member: impl Member) -> Self {
        Self::Accept(Box::new(member))
    }

    /// The client cannot be served now: see [`TryLater`](Admission::TryLater).
    pub const fn try_later(hold: Duration) -> Self {
        Self::TryLater { hold }
    }

    /// To be decided by `decision`.
    pub fn pending(decision: impl Future<Output = Self> + Send + 'static) -> Self {
        Self::Pending(Box::pin(decision))
    }
}

impl From<Refusal> for Admission {
    fn from(refusal: Refusal) -> Self {
        match refusal.hold {
            Some(hold) => Self::TryLater { hold },
            None => Self::Refuse(refusal),
        }
    }
}

impl<M: Member> From<Result<M, Refusal>> for Admission {
    fn from(decision: Result<M, Refusal>) -> Self {
        match decision {
            Ok(member) => Self::accept(member),
            Err(refusal) => refusal.into(),
        }
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept(_) => f.write_str("Accept(…)"),
            Self::Refuse(refusal) => f.debug_tuple("Refuse").field(refusal).finish(),
            Self::TryLater { hold } => f.debug_struct("TryLater").field("hold", hold).finish(),
            Self::Pending(_) => f.write_str("Pending(…)"),
        }
    }
}

/// Why a client may not join: `message` and `data` of its `connect_error`.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub(crate) message: String,
    pub(crate) data: Option<Json>,
    /// Not for good: for how long the client is held.
    pub(crate) hold: Option<Duration>,
}

impl Refusal {
    /// A refusal with a message only.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), data: None, hold: None }
    }

    /// Not for good: the client cannot be served now, is held for a while and then comes back by itself. See
    /// [`Admission::TryLater`], which this becomes; it is told nothing.
    pub fn for_now(hold: Duration) -> Self {
        Self { message: String::new(), data: None, hold: Some(hold) }
    }

    /// The same with data, which must serialize to JSON; if it does not, the refusal goes without.
    #[must_use]
    pub fn with_data<T: Serialize + ?Sized>(self, data: &T) -> Self {
        Self { data: Json::serialize(data).ok(), ..self }
    }

    /// The same with data that is JSON already.
    #[must_use]
    pub fn with_json(self, data: Option<Json>) -> Self {
        Self { data, ..self }
    }
}
