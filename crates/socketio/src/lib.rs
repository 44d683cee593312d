#![doc = include_str!("../README.md")]

mod acks;
mod broadcast;
mod connection;
mod handler;
mod inbox;
mod lanes;
mod reach;
mod server;
mod socket;

pub use broadcast::{Broadcast, EmitError, NoAnswer};
pub use handler::{Admission, ConnectRequest, DisconnectReason, Handler, Refusal};
pub use server::{Server, ServerBuilder, ServerConfig};
pub use socket::{AckSender, Socket};

/// The layer of connections underneath: its settings, its handshake, and a listener.
pub use engineio;
/// The state behind namespaces and rooms.
pub use hub;
/// Packets, events and their arguments.
pub use socketio_codec as codec;

pub use engineio::{Body, Handshake, PeerAddr, serve};
pub use hub::{Answers, Outcome, Room, SocketId, SocketInfo};
pub use socketio_codec::{Arguments, Attachment, Event, Json, Namespace};
