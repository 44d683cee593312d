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

mod bucket;
mod client;
pub mod encode;
mod violation;

pub use acks::{Acks, AcksConfig, AcksFull, Answers, Resolved};
pub use client::{Client, ClientConfig, ConnectRefusal, Incoming};
pub use front::{
    Allowance, Charged, Command, Connect, Emit, Expel, FetchRooms, FetchSockets, Greeted, Hub, Mailbox, MailboxConfig,
    Move, Op, SocketInfo, Tell, Waiter,
};
pub use lane::{CrowdConfig, Lane, LaneConfig, NamespaceCounts, Turn};
pub use owner::{Expulsion, Owner};
pub use receipt::{Outcome, Receipt};
pub use room::Room;
pub use socket_id::SocketId;
pub use target::Target;
pub use violation::Violation;
