//! The clients: thousands of them in one thread, on one epoll.

mod api;
mod connection;
mod fleet;
mod inflater;
mod polling;
mod poster;
mod upgrading;
mod websocket;

pub(crate) use fleet::Fleet;

/// How a client is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    WebSocket,
    Polling,
    /// Polling, with compressed answers.
    GzipPolling,
    /// As a browser does it: `auth` by polling, then the move to a WebSocket.
    Upgraded,
    /// Not at all: a program that emits by HTTP with this key, and hears nothing.
    Api {
        key: &'static str,
    },
}

/// What a client has seen.
#[derive(Debug)]
pub(crate) enum Signal<'a> {
    /// Its Socket.IO connection stands: it receives and may send.
    Ready,
    /// An event: the start of its message, with the stamp if it has one.
    Event(&'a [u8]),
    /// A ping, which has been answered.
    Ping,
    /// The server has answered the probe of a WebSocket that a polling client is to move to. Not seen outside.
    Probed,
    /// The connection has ended, or cannot go on.
    Closed(&'static str),
}
