//! What one task does for its share of the sockets.

#[expect(clippy::module_inception, reason = "the file is named after what it defines, as everywhere")]
mod lane;
mod roster;

pub use lane::{Lane, LaneConfig};
