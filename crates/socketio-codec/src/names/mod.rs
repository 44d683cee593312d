//! What packets are made of: names, ids, and text that shares its buffer.

pub(crate) mod ack_id;
pub(crate) mod name;
pub(crate) mod namespace;
pub(crate) mod text;

pub use ack_id::AckId;
pub use name::{EventName, RESERVED_NAMES, RawName, ReservedName};
pub use namespace::{InvalidNamespace, Namespace};
pub use text::Text;
