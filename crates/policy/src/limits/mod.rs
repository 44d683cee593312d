//! How much a client may do.

mod client;
mod rate;

pub use client::ClientLimits;
pub use rate::{Over, Rate};
