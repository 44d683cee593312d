//! The Engine.IO v4 protocol, without I/O.
//!
//! Everything here is a value or a plain state machine: no clock, no socket, no task, no randomness. A driver
//! hands in bytes and the time, and takes out what is to be sent.

mod close_reason;
mod encoded;
mod recipient;

pub use close_reason::CloseReason;
pub use encoded::{Encoded, EncodedBuilder};
pub use recipient::{Delivery, Queued, Recipient};
