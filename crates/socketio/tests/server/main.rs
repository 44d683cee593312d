//! The server over real connections.

#![allow(clippy::unwrap_used)]

#[path = "../../../engineio/tests/support/mod.rs"]
mod support;

mod acks;
mod app;
mod bundle;
mod client;
mod conformance;
mod congestion;
mod connecting;
mod endings;
mod handshakes;
mod leaving;
mod mounted;
mod namespaces;
mod panics;
mod sending;
