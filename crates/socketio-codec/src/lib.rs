//! The Socket.IO packet codec (protocol revision 5): text and binary frames in, packets out, and back.
#![no_std]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod ack_id;
mod arguments;
mod attachment;
mod decoder;
mod deserialize;
mod error;
mod event;
mod json;
mod limits;
mod name;
mod namespace;
mod packet;
mod packet_ref;
mod placeholder;
mod scan;
mod serialize;
mod string;
mod text;

pub use ack_id::AckId;
pub use arguments::{Arguments, Iter};
pub use attachment::Attachment;
pub use decoder::Decoder;
pub use error::{DecodeError, DecodeErrorKind};
pub use event::Event;
pub use json::Json;
pub use limits::Limits;
pub use name::{EventName, RESERVED_NAMES, RawName, ReservedName};
pub use namespace::{InvalidNamespace, Namespace};
pub use packet::Packet;
pub use packet_ref::PacketRef;
pub use serialize::SerializeError;
pub use text::Text;
