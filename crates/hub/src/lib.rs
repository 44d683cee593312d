#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod names;

mod front;

mod lane;

mod acks;

mod client;
pub mod encode;
mod parser;

pub use acks::{Acks, AcksConfig, AcksFull, Answers, Progress, Resolved};
pub use client::{Bucket, Client, ClientConfig, ConnectRefusal, Incoming, Violation};
pub use front::{
    Allowance, Charged, Command, Connect, Direction, Emit, Expel, Expulsion, FetchRooms, FetchSockets, Find, Greeted,
    Hub, Mailbox, MailboxConfig, Move, Op, Outcome, Owner, Receipt, RoomsBound, SocketInfo, Tell, Waiter,
};
pub use lane::{CrowdConfig, Lane, LaneConfig, NamespaceCounts, RoomWatch, Turn};
pub use names::{Room, SocketId, Target};
pub use parser::Parser;
