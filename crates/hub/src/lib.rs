#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod room;
mod socket_id;
mod target;

mod congestion;
mod hub;
mod mailbox;
mod op;

mod lane;
mod owner;
mod roster;

mod acks;
mod gather;
mod receipt;

mod bucket;
mod client;
pub mod encode;
mod violation;

pub use acks::{Acks, AcksConfig, AcksFull, Answers, Resolved};
pub use client::{Client, ClientConfig, ConnectRefusal, Incoming};
pub use congestion::Waiter;
pub use hub::Hub;
pub use lane::{Lane, LaneConfig};
pub use mailbox::{Mailbox, MailboxConfig};
pub use op::{Connect, Emit, Expel, FetchRooms, FetchSockets, Move, Op, SocketInfo};
pub use owner::{Expulsion, Owner};
pub use receipt::{Outcome, Receipt};
pub use room::Room;
pub use socket_id::SocketId;
pub use target::Target;
pub use violation::Violation;
