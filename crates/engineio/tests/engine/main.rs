//! The engine over real connections.

#![allow(clippy::unwrap_used)]

use fanfare_test_support as support;

mod app;
mod attacks;
mod backpressure;
mod conformance;
mod departures;
mod edge;
mod endings;
mod http;
mod indirect;
mod lateness;
mod listeners;
mod memory;
mod panics;
mod peers;
mod reconfigured;
mod requests;
mod sending;
mod stalled;
mod stress;
mod upgrade;
mod verdicts;
