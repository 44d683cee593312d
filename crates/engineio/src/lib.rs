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
//! # In reading order
//!
//! - `engine`: from a request to a session; `verdict`: who may have one; `http`: what surrounds it; `serve`: from a
//!   listener to requests; `http_stream`, `request_heads`, `exchange`, `timed_stream`: the connection in between.
//! - `driver`: the task that owns a session; `link`: what it shares with those who send.
//! - `websocket`, `stream`, `farewell`: one connection, from the upgrade to its last byte.

mod application;
mod clock;
mod config;
mod driver;
mod engine;
mod exchange;
mod farewell;
mod frame_boundary;
mod http;
mod http_stream;
mod link;
mod log_limit;
mod memory;
mod overload;
mod polling;
mod posting;
mod refusals;
mod registry;
mod relief;
mod request_heads;
mod route;
mod seats;
mod serve;
mod stream;
mod sync;
mod tasks;
mod timed_stream;
mod unwanted;
mod verdict;
mod websocket;

/// The protocol underneath.
pub use engineio_proto as proto;

pub use application::{Application, Connection, Handshake, PeerAddr};
pub use config::{EngineConfig, HeadersKept};
pub use engine::Engine;
pub use http::compression;
pub use http::{
    AddressBlock, Body, CookieConfig, CorsConfig, CorsOrigins, HungUp, InvalidAddressBlock, OriginConfig, SameSite,
    TrustedProxies,
};
pub use link::Link;
pub use serve::{HttpConfig, serve, serve_with};
pub use verdict::Verdict;
