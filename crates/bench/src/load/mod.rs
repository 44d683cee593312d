//! The clients: thousands of them in one thread, on one epoll.

mod connection;
mod fleet;
mod polling;
mod poster;
mod websocket;

pub(crate) use fleet::Fleet;

use clap::ValueEnum;

/// How a client is connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    WebSocket,
    Polling,
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
    /// The connection has ended, or cannot go on.
    Closed(&'static str),
}
