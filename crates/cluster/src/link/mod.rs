//! Connections to Redis.
//!
//! The `redis` crate speaks the protocol over a stream that is connected here, so that its deadlines, its keepalive and whom it
//! trusts are this crate's own. Nothing in here reconnects: that is the supervisor's; but of a Redis Cluster single masters that are
//! away are looked for here.

mod address;
mod begin;
mod connect;
mod dial;
mod mending;
mod patience;
mod replies;
mod sentinel;
mod server;
mod servers;
mod slots;
mod stream;
pub(crate) mod tls;

pub(crate) use address::{Access, Topology};
pub(crate) use dial::{Connector, Purpose};
pub(crate) use replies::{Heard, Published};
pub(crate) use servers::{Change, Servers};
