//! Connections to Redis.
//!
//! The `redis` crate speaks the protocol over a stream that is connected here, so that its deadlines, its keepalive and whom it
//! trusts are this crate's own. Nothing in here reconnects: that is the supervisor's.

mod address;
mod begin;
mod connect;
mod patience;
mod sentinel;
mod server;
mod servers;
mod slots;
mod stream;
pub(crate) mod tls;

pub(crate) use address::Topology;
pub(crate) use connect::{Connector, Purpose};
pub(crate) use servers::{Heard, Published, Servers};
