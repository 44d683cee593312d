//! What one connection may say next, and what becomes of one that says something else.

mod bucket;
#[expect(clippy::module_inception, reason = "the file is named after what it defines, as everywhere")]
mod client;
mod violation;

pub use bucket::Bucket;
pub use client::{Client, ClientConfig, ConnectRefusal, Incoming};
pub use violation::Violation;
