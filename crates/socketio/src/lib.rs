#![doc = include_str!("../README.md")]
//!
//! # Types of others
//!
//! In what this crate offers are, on purpose, those [that `engineio` lists](engineio#types-of-others), the traits of `serde` for
//! arguments, and those of `hyper`, `tower-service` and `tower-layer` for services. Another major version of one of these is
//! another of this crate.

mod config;
mod fixed;
mod layer;
mod mounting;
mod reconfigure;
mod server;
mod sessions;
mod shared;

mod directory;
mod handlers;
mod member;
mod namespace;
mod pattern;
mod patterned;
mod removal;
mod server_side_event;

mod arguments;
mod received;
mod rooms;

mod closes;
mod connection;
mod inbox;
mod panics;
mod transport_now;

mod broadcast;
mod ended;
mod flow;
mod noted;
mod server_of;
mod socket;
mod unfinished;

mod acks;
mod lanes;
mod reach;
mod supervisor;

mod found;
mod local;
mod nodes;
mod peers;
mod programs;
mod questions;

mod client_bundle;
mod static_file;
pub mod testing;

#[doc = include_str!("../GUIDE.md")]
pub mod guide {}

pub use arguments::{Argument, Spread, ToArguments};
pub use broadcast::{Answers, Broadcast, EmitError, Later, NoAnswer, Outcome};
pub use client_bundle::{BundleError, ClientBundle};
pub use config::ServerConfig;
pub use found::{Fetched, RemoteSocket, Rooms, SocketInfo};
pub use handlers::{Answer, Finish, HandlerLimits, Handlers, Joined, Mismatch, Reply, Unhandled};
pub use local::Local;
pub use member::{DisconnectReason, Member};
pub use namespace::{Admission, ConnectRequest, Namespace, Refusal};
pub use nodes::Nodes;
pub use pattern::InvalidPattern;
pub use peers::{Acknowledged, Asked, Outgoing, Peers, Published};
pub use programs::Told;
pub use received::{FromArguments, Rest};
pub use rooms::IntoRooms;
pub use server::{Health, Server, ServerBuilder};
pub use server_side_event::ServerSideEvent;
pub use socket::{AckSender, Socket};
pub use static_file::StaticFile;
pub use supervisor::Failure;
pub use transport_now::TransportNow;

/// The layer of connections underneath: its settings, its handshake, and a listener.
///
/// Whole, on purpose, as the two below are: the settings of a [`Server`] are those of all of its layers, they are released
/// together, and what a program needs of them should be of the very version that its server has.
pub use engineio;
/// The state behind namespaces and rooms.
pub use hub;
/// Packets, events and their arguments.
pub use socketio_codec as codec;

pub use layer::{LayerBody, LayerError, ServerLayer, ServerLayered};

pub use engineio::proto::CloseReason;
pub use engineio::{Body, Handshake, NoPeerAddr, PeerAddr, PeerSource, Unchangeable, Verdict};
pub use engineio::{HttpConfig, Listener, Stream, serve, serve_stream, serve_with};
pub use hub::{Command, Parser, Progress, Room, RoomWatch, SocketId, Target};
/// The name of a namespace; [`Namespace`] is what an application does there.
pub use socketio_codec::Namespace as NamespaceName;
pub use socketio_codec::{Arguments, Attachment, Event, Json};
