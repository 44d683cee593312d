//! One connection of a session, from the upgrade to its last byte.

pub(crate) mod farewell;
pub(crate) mod frame_boundary;
pub(crate) mod halves;
pub(crate) mod stream;
pub(crate) mod timed_stream;
pub(crate) mod upgraded;
pub(crate) mod websocket;
