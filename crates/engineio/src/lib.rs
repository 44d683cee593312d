#![doc = include_str!("../README.md")]
//!
//! # Types of others
//!
//! In what this crate offers are, on purpose, types of `http` (requests, answers, headers, extensions), `http-body` (what a body
//! is), `bytes`, `hyper` (the bodies of requests that [`serve()`] reads) and `tokio` (listeners and streams). Another major
//! version of one of these is another of this crate. Everything else is its own: the [`Body`] of answers, its [`Stream`]s.
//!
//! # In reading order
//!
//! - [`Engine`] is what a program holds, [`EngineConfig`] its settings.
//! - [`Application`]: the layer above. Of each [`Handshake`] it says a [`Verdict`]; each session has a [`Connection`] of its own,
//!   which is told what comes, and a [`Link`] for what goes out.
//! - [`Listener`] and [`serve()`]: from a socket to requests. Who mounts the engine elsewhere says by a [`PeerSource`] who is at
//!   the other end.
//! - [`CorsConfig`], [`OriginConfig`], [`CookieConfig`], [`TrustedProxies`], [`compression`]: what surrounds a session in HTTP.
//! - [`Departure`] ends sessions some at a time; [`SessionCounts`] counts them.
//! - [`proto`]: the protocol itself, without a socket, a clock or a task.

// The modules, in reading order: `engine` is what a program holds, `shared` what all parts of it share, `settings` what holds at
// the moment. `peer`: who is at the other end; `extensions_kept`: what a session keeps of what others said of it. `listener`: from
// a listener to requests; `front`: from a request to a session; `http`: what surrounds it; `verdict`: who may have one. `session`:
// the task that owns one (`driver`), and what it shares with those who send (`link`). `transport`: one WebSocket, from the upgrade
// to its last byte.
mod application;
mod config;
mod engine;
mod extensions_kept;
mod front;
mod http;
mod listener;
mod log_limit;
mod peer;
mod session;
mod settings;
mod shared;
mod sync;
mod transport;
mod unchangeable;
mod verdict;

/// The protocol underneath. Whole, on purpose: a [`Connection`] is told its messages and says its reasons, and both are released
/// together.
pub use engineio_proto as proto;

pub use application::{Application, Connection, Handshake};
pub use config::{EngineConfig, HeadersKept};
pub use engine::Engine;
pub use extensions_kept::{ExtensionType, ExtensionsKept};
pub use http::compression;
pub use http::{
    AddressBlock, Body, CookieConfig, CorsConfig, CorsOrigins, HungUp, InvalidAddressBlock, OriginConfig, SameSite,
    TrustedProxies, TrustedProxy,
};
pub use listener::listener::Listener;
pub use listener::proxy_header::{InvalidProxyHeader, ProxyHeader};
pub use listener::serve::{HttpConfig, serve, serve_stream, serve_with};
pub use peer::{AddressType, NoPeerAddr, PeerAddr, PeerSource};
pub use session::counts::{SessionCounts, TransportCounts};
pub use session::departure::Departure;
pub use session::link::Link;
pub use transport::stream::{OtherStream, Stream};
pub use unchangeable::Unchangeable;
pub use verdict::{Guard, Verdict};
