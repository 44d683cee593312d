#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

// Without I/O.
mod machine;

mod failure;
mod frame;
mod handshake;
mod happening;
mod reconnect;

// With it.
mod client;
mod dial;
mod options;
mod server;

pub use client::{Client, ConnectError, NoCertificates};
pub use failure::{Failure, Unsupported};
pub use frame::Frame;
pub use happening::{EmitError, End, Happening, NoAnswer, Refusal};
pub use machine::{Action, Machine, MachineConfig};
pub use options::{HeaderError, NotAnObject, Options};
pub use reconnect::Reconnect;
pub use server::UrlError;
pub use socketio_codec::{AckId, Arguments, Attachment, Event, EventName, Json, Namespace};
