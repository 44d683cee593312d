//! An Engine.IO v4 server on tokio and hyper.
//!
//! It carries messages, text or binary, between clients and an [`Application`], over HTTP long-polling and
//! WebSocket, and moves a session from one to the other. What the messages mean is not its business: the crate
//! `fanfare-socketio` is one such application. The protocol itself is in `engineio-proto`; here is what needs a
//! socket, a clock and a task.
//!
//! ```no_run
//! use std::sync::Arc;
//! use std::time::Instant;
//!
//! use engineio::proto::{CloseReason, Delivery, Encoded, Message, Recipient};
//! use engineio::{Application, Connection, Engine, EngineConfig, Handshake, Link, serve};
//!
//! struct Echo;
//!
//! impl Application for Echo {
//!     fn open(&self, _: Handshake, link: Arc<Link>) -> Box<dyn Connection> {
//!         Box::new(Echoing(link))
//!     }
//! }
//!
//! struct Echoing(Arc<Link>);
//!
//! impl Connection for Echoing {
//!     fn handle_message(&mut self, message: Message, _: Instant) -> Result<(), CloseReason> {
//!         if let Message::Binary(data) = message {
//!             self.0.queue(&Encoded::binary(&data), Delivery::Reliable);
//!             self.0.flush();
//!         }
//!         Ok(())
//!     }
//! }
//!
//! # async fn run() -> std::io::Result<()> {
//! let engine = Engine::new(EngineConfig::default(), Echo);
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
//! let service = move |request| engine.call(request);
//! serve(listener, service, std::future::pending()).await;
//! # Ok(())
//! # }
//! ```
//!
//! # Types of others
//!
//! In what this crate offers are, on purpose, types of `http` (requests, answers, headers, extensions), `http-body` (what a body
//! is), `bytes`, `hyper` (the bodies of requests that [`serve()`] reads) and `tokio` (listeners and streams). Another major
//! version of one of these is another of this crate. Everything else is its own: the [`Body`] of answers, its [`Stream`]s.
//!
//! # In reading order
//!
//! - `engine` is what a program holds, `shared` what all parts of it share, `settings` what holds at the moment.
//! - `peer`: who is at the other end; `extensions_kept`: what a session keeps of what others said of it.
//! - `listener`: from a listener to requests. `front`: from a request to a session; `http`: what surrounds it; `verdict`:
//!   who may have one.
//! - `session`: the task that owns one (`driver`), and what it shares with those who send (`link`).
//! - `transport`: one WebSocket, from the upgrade to its last byte.

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
