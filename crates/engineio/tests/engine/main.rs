//! The engine over real connections.

#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod app;
mod attacks;
mod backpressure;
mod conformance;
mod edge;
mod endings;
mod http;
mod indirect;
mod panics;
mod requests;
mod sending;
mod stalled;
mod stress;
mod upgrade;
