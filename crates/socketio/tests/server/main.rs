//! The server over real connections.

#![allow(clippy::unwrap_used)]

use fanfare_test_support as support;

mod acks;
mod app;
mod bundle;
mod client;
mod conformance;
mod congestion;
mod connecting;
mod endings;
mod handlers;
mod handshakes;
mod leaving;
mod mounted;
mod moves;
mod namespaces;
mod order;
mod panics;
mod peers;
mod programs;
mod reconfigured;
mod sending;
mod testing;
mod waiting;
