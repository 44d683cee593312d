//! What is spoken of: sockets, rooms, and whom something is for.

mod few;
mod room;
mod socket_id;
mod target;

pub use room::Room;
pub use socket_id::SocketId;
pub use target::Target;

pub(crate) use socket_id::SocketMap;
