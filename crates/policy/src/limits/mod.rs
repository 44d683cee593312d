//! How much a client may do.

mod rate;

pub use rate::{Over, Rate};
