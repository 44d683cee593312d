//! A node among Socket.IO servers over Redis, without I/O.
//!
//! # In reading order
//!
//! - [`connection`]: the link to Redis, from the first connection to the last.
//! - [`outgoing`]: what may wait for Redis.
//! - [`question`]: what the other nodes are asked, and what they ask.
//! - [`peers`]: the other Fanfare nodes, and what was lost between them and us.

pub mod connection;
pub mod outgoing;
pub mod peers;
pub mod question;
