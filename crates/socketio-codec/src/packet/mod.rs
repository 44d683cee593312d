//! Packets: how they are read, what they are, how they are written.

mod decoder;
#[expect(clippy::module_inception, reason = "the file is named after what it defines, as everywhere")]
mod packet;
mod packet_ref;
mod refused;

pub use decoder::Decoder;
pub use packet::Packet;
pub use packet_ref::PacketRef;
pub use refused::{PacketType, Refused};
