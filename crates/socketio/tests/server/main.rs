//! The server over real connections.

#![allow(clippy::unwrap_used)]

#[path = "../../../engineio/tests/support/mod.rs"]
mod support;

mod acks;
mod app;
mod client;
mod conformance;
mod congestion;
mod connecting;
mod endings;
mod leaving;
mod mounted;
mod order;
mod panics;
mod sending;
