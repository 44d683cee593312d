//! The handlers of a namespace.

use std::borrow::Cow;
use std::collections::HashMap;

use socketio_codec::{Arguments, EventName, RawName};

use super::HandlerLimits;
use super::joined::Joined;
use super::reply::Work;
use crate::member::DisconnectReason;
use crate::socket::AckSender;

/// Which handler is for what. All sockets of the namespace have it in common.
pub(super) struct Table<S> {
    pub(super) events: HashMap<Box<str>, OnEvent<S>>,
    pub(super) connected: Option<OnConnected<S>>,
    pub(super) disconnected: Option<OnDisconnected<S>>,
    pub(super) fallback: Option<Hook<S, Unhandled>>,
    pub(super) on_mismatch: Option<Hook<S, Mismatch>>,
    pub(super) limits: HandlerLimits,
}

/// Begins to handle an event; if its arguments do not fit, says why, and gives back the right to answer.
type OnEvent<S> = Box<dyn Fn(&Joined<S>, &Arguments, Option<AckSender>) -> Result<Option<Work>, Misfit> + Send + Sync>;

type OnConnected<S> = Box<dyn Fn(Joined<S>) -> Option<Work> + Send + Sync>;

type OnDisconnected<S> = Box<dyn Fn(Joined<S>, DisconnectReason) -> Option<Work> + Send + Sync>;

type Misfit = (serde_json::Error, Option<AckSender>);

type Hook<S, E> = Box<dyn Fn(Joined<S>, E, Option<AckSender>) -> Option<Work> + Send + Sync>;

/// An event that has no handler.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Unhandled {
    /// Its name, to be sent on under.
    pub name: EventName,
    /// Its arguments.
    pub arguments: Arguments,
}

impl Unhandled {
    /// The name as text.
    pub fn name(&self) -> Cow<'_, str> {
        self.name.raw().decode()
    }
}

/// An event with other arguments than its handler takes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Mismatch {
    /// The event's name.
    pub event: String,
    /// What came.
    pub arguments: Arguments,
    /// What does not fit.
    pub why: String,
}

impl<S> Table<S> {
    pub(super) fn new() -> Self {
        Self {
            events: HashMap::new(),
            connected: None,
            disconnected: None,
            fallback: None,
            on_mismatch: None,
            limits: HandlerLimits::default(),
        }
    }

    /// Begins to handle an event.
    pub(super) fn act(
        &self,
        socket: &Joined<S>,
        name: RawName<'_>,
        arguments: &Arguments,
        ack: Option<AckSender>,
    ) -> Option<Work> {
        let event = name.decode();
        let Some(handler) = self.events.get(&*event) else {
            return self.unhandled(socket, name, arguments, ack);
        };
        match handler(socket, arguments, ack) {
            Ok(work) => work,
            Err(misfit) => self.mismatched(socket, &event, arguments, misfit),
        }
    }

    #[cold]
    fn unhandled(
        &self,
        socket: &Joined<S>,
        name: RawName<'_>,
        arguments: &Arguments,
        ack: Option<AckSender>,
    ) -> Option<Work> {
        if let Some(fallback) = &self.fallback {
            return fallback(socket.clone(), Unhandled { name: name.into(), arguments: arguments.clone() }, ack);
        }
        let (connection, namespace) = (socket.connection(), socket.namespace());
        tracing::debug!(connection, %namespace, event = shortened(&name.decode()), "event without a handler");
        None
    }

    #[cold]
    fn mismatched(&self, socket: &Joined<S>, event: &str, arguments: &Arguments, misfit: Misfit) -> Option<Work> {
        let (error, ack) = misfit;
        if let Some(on_mismatch) = &self.on_mismatch {
            let (event, arguments, why) = (event.to_owned(), arguments.clone(), error.to_string());
            return on_mismatch(socket.clone(), Mismatch { event, arguments, why }, ack);
        }
        let (connection, namespace) = (socket.connection(), socket.namespace());
        tracing::debug!(connection, %namespace, event, error = shortened(&error.to_string()), "arguments do not fit");
        None
    }
}

/// As much of what a client chose as a line of the log is to have.
fn shortened(text: &str) -> &str {
    text.char_indices().nth(64).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}
