//! What packets carry: JSON as text, its attachments, and the way to and from types.

pub(crate) mod arguments;
mod attachment;
pub(crate) mod date;
pub(crate) mod decimal;
pub(crate) mod deserialize;
pub(crate) mod event;
pub(crate) mod json;
pub(crate) mod placeholder;
pub(crate) mod serialize;
pub(crate) mod string;

pub use arguments::{Arguments, Iter};
pub use attachment::Attachment;
pub use event::Event;
pub use json::Json;
pub use serialize::SerializeError;
