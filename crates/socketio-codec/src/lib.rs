//! The packet codec of Socket.IO (protocol revision 5, spoken by versions 3 and 4): frames in, packets out, and back.
//!
//! ```
//! use socketio_codec::{Decoder, EventName, Limits, Packet, PacketRef};
//!
//! let mut decoder = Decoder::new(Limits::default());
//! let packet = decoder.handle_text(r#"2/chat,7["message",{"text":"hello"},3]"#.into())?;
//!
//! let Some(Packet::Event { namespace, id, event }) = packet else { panic!("an event was sent") };
//! assert_eq!(namespace.as_str(), "/chat");
//! assert_eq!(id.unwrap().get(), 7);
//! assert_eq!(event.name(), "message");
//! assert_eq!(event.raw(0), Some(r#"{"text":"hello"}"#));
//! assert_eq!(event.deserialize::<u8>(1)?, 3);
//!
//! // Send it on under another name: the text of its arguments is copied, not parsed.
//! let name = EventName::new("said")?;
//! let relayed = PacketRef::event(&namespace, &name, event.arguments());
//! assert_eq!(relayed.to_text(), r#"2/chat,["said",{"text":"hello"},3]"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A payload is *checked, not parsed*: one pass over the text, without recursion and without allocating, makes sure
//! that whoever gets it can read it. What is accepted is what `JSON.parse` accepts, within the bounds of [`Limits`].
//! Whatever a peer sends, nothing here panics, takes more than linear time, or takes more memory than a small
//! multiple of the frame.
//!
//! What this crate is *not*: it has no sockets, no clock and no runtime, it does not frame messages for a transport
//! (that is Engine.IO), and it does not know who has joined which namespace.
//!
//! # Reading order
//!
//! - [`Decoder`] turns frames into [`Packet`]s, under [`Limits`], or says in a [`DecodeError`] what was wrong at which
//!   byte, and in a [`Refused`] whom one could answer.
//! - [`Event`] and [`Arguments`] are what a packet carries: text and [attachments](Arguments::attachments), to be read
//!   as they are or by serde. [`Attachment`] is for bytes in one's own types. [`Json`] is any other payload.
//! - [`PacketRef`] writes packets, made of a [`Namespace`], an [`EventName`], an [`AckId`] and [`Arguments`].
//! - [`Text`] is the form in which text comes in: UTF-8 in a shared buffer.
//! - [`pieces`] is for who makes such text of another format.
//! - [`msgpack`] (feature of that name) is the other wire format, `socket.io-msgpack-parser`.
//!
//! # Features
//!
//! `std` (default): without it the crate needs `alloc` only. `msgpack`: the module of that name.
//!
//! # Differences from the reference
//!
//! The reference is `socket.io-parser` 4.2. All that it writes is accepted here, and all that is accepted here it
//! accepts. Refused here, and accepted there: an empty frame or white space as type; other number syntax than digits
//! for the count of attachments and the placeholders' `num`; white space around an id; ids above 2^53 − 1; two
//! placeholders for one attachment, and a wrong one within another or in a member that a later one of its name replaces;
//! control characters in a namespace; namespaces, nesting and numbers of arguments beyond the [`Limits`]. A wrong
//! placeholder is refused with the text, not after the last attachment. `tests/differential` of the repository holds
//! both sides to this.
#![no_std]
#![cfg_attr(not(feature = "msgpack"), allow(rustdoc::broken_intra_doc_links))]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod packet;

mod values;

mod names;

// What can go wrong, and how much there may be.
mod error;
mod limits;

pub mod pieces;

// Beneath: whether a text is JSON, and where its parts are.
mod scan;

#[cfg(feature = "msgpack")]
pub mod msgpack;

pub use error::{DecodeError, DecodeErrorKind};
pub use limits::Limits;
pub use names::{AckId, EventName, InvalidNamespace, Namespace, RESERVED_NAMES, RawName, ReservedName, Text};
pub use packet::{Decoder, Packet, PacketRef, PacketType, Refused};
pub use values::{Arguments, Attachment, Event, Iter, Json, SerializeError};

/// The example of the crate page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
