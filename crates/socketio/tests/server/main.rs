//! The server over real connections.

#[path = "../../../engineio/tests/support/mod.rs"]
mod support;

mod acks;
mod app;
mod client;
mod conformance;
mod connecting;
mod endings;
mod leaving;
mod mounted;
mod panics;
mod sending;
