#![doc = include_str!("../README.md")]
//!
//! # In reading order
//!
//! - `engine` is what a program holds, `shared` what all parts of it share, `settings` what holds at the moment.
//! - `listener`: from a listener to requests. `front`: from a request to a session; `http`: what surrounds it; `verdict`:
//!   who may have one.
//! - `session`: the task that owns one (`driver`), and what it shares with those who send (`link`).
//! - `transport`: one WebSocket, from the upgrade to its last byte.

mod application;
mod config;
mod engine;
mod front;
mod http;
mod listener;
mod log_limit;
mod session;
mod settings;
mod shared;
mod sync;
mod transport;
mod unchangeable;
mod verdict;

/// The protocol underneath.
pub use engineio_proto as proto;

pub use application::{Application, Connection, Handshake, PeerAddr};
pub use config::{EngineConfig, HeadersKept};
pub use engine::Engine;
pub use http::compression;
pub use http::{
    AddressBlock, Body, CookieConfig, CorsConfig, CorsOrigins, HungUp, InvalidAddressBlock, OriginConfig, SameSite,
    TrustedProxies, TrustedProxy,
};
pub use listener::listener::Listener;
pub use listener::proxy_header::{InvalidProxyHeader, ProxyHeader};
pub use listener::serve::{HttpConfig, serve, serve_stream, serve_with};
pub use session::counts::{SessionCounts, TransportCounts};
pub use session::departure::Departure;
pub use session::link::Link;
pub use transport::stream::{OtherStream, Stream};
pub use unchangeable::Unchangeable;
pub use verdict::{Guard, Verdict};
