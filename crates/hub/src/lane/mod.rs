//! What one task does for its share of the sockets.

mod census;
mod counts;
mod crowd;
#[expect(clippy::module_inception, reason = "the file is named after what it defines, as everywhere")]
mod lane;
mod pace;
mod roster;

pub use counts::NamespaceCounts;
pub use crowd::CrowdConfig;
pub use lane::{Lane, LaneConfig, Turn};

pub use census::RoomWatch;

pub(crate) use census::Census;
pub(crate) use counts::Board;
