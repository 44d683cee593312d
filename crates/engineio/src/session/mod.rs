//! One session and its task; and what all of them share.

pub(crate) mod clock;
pub(crate) mod counts;
pub(crate) mod departure;
pub(crate) mod driver;
pub(crate) mod link;
pub(crate) mod memory;
pub(crate) mod meter;
pub(crate) mod open;
pub(crate) mod registry;
pub(crate) mod relief;
pub(crate) mod seats;
pub(crate) mod stall_max;
pub(crate) mod tasks;
pub(crate) mod waking;
