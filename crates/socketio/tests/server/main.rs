//! The server over real connections.

#![allow(clippy::unwrap_used)]

use fanfare_test_support as support;

mod acks;
mod app;
mod client;
mod conformance;
mod congestion;
mod connecting;
mod endings;
mod leaving;
mod mounted;
mod panics;
mod sending;
