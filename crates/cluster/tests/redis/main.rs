//! Nodes over a real Redis, which each test starts for itself.
//!
//! A client here is a WebSocket that says and reads packets as they stand on the wire.

#![allow(clippy::unwrap_used)]

mod fake;
mod fleet;
mod masters;
mod node;
mod parts;
mod server;
mod topology;

mod asking;
mod counting;
mod faults;
mod joining;
mod lies;
mod programs;
mod speaking;
mod tls;
mod wire;
