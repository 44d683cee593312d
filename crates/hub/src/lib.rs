#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod room;
mod socket_id;
mod target;

mod front;

mod lane;
mod owner;

mod acks;
mod gather;
mod receipt;

mod client;
pub mod encode;
mod violation;

pub use acks::{Acks, AcksConfig, AcksFull, Answers, Resolved};
pub use client::{Client, ClientConfig, Incoming};
pub use front::{
    Connect, Emit, Expel, FetchRooms, FetchSockets, Hub, Mailbox, MailboxConfig, Move, Op, SocketInfo, Waiter,
};
pub use lane::{Lane, LaneConfig};
pub use owner::{Expulsion, Owner};
pub use receipt::{Outcome, Receipt};
pub use room::Room;
pub use socket_id::SocketId;
pub use target::Target;
pub use violation::Violation;
