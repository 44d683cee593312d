//! The messages themselves: bytes from Redis into what is to be done, and back.
//!
//! Two kinds of fleets are spoken to: [`Classic`] is `@socket.io/redis-adapter` and every emitter, [`Sharded`] its adapter
//! for Redis 7. Each stands for one namespace of this node. What it reads is an [`Order`] (do this to the sockets that
//! are here), a [`Request`] (and say what you found), or a [`Response`] (to what we asked); what it writes is
//! [`Outgoing`].
//!
//! What comes from Redis is a peer's word and no more: it is bounded ([`Bounds`]), checked like a client's packet, and what
//! clients could not read is [`Refused`] at the door. A reader is *lenient* all the same: emitters in a dozen languages
//! write as they like, and a Node server takes nearly everything. What is accepted here a Node server accepts, and its
//! clients receive the same values.
//!
//! # Values
//!
//! A payload is our checked JSON text with attachments, made from MessagePack in one pass and written back in one, without a
//! tree between. What JSON has no form for becomes what `JSON.stringify` makes of it: `undefined`, NaN and infinite
//! numbers `null`, a date its ISO 8601 text. Bytes that are no UTF-8 are U+FFFD. A member `__proto__` of a map is left out both
//! ways, and counted ([`Received::left_out`], [`Outgoing::left_out`]): a Node server would set a prototype by it.
//! Integers keep their digits, those above 2^53 too.

mod bounds;
mod refused;
mod uid;

mod message;

mod classic;
mod glance;
mod sharded;

// What both protocols have.
mod answers;
mod opts;
mod shared;

// Beneath: one reader and one writer for both formats.
mod field;
mod json;
mod kind;
mod msgpack;
mod number;
mod outgoing;
mod reader;
mod writer;

pub use bounds::Bounds;
pub use classic::{Classic, ClassicOrigin, peek_uid};
pub use glance::{Glance, Sender, Sort, peek_request_id};
pub use message::{
    Answer, Emit, EmitRef, Format, Message, Order, Question, Received, RemoteSocket, Request, Response, Sought,
};
pub use outgoing::Outgoing;
pub use refused::Refused;
pub use sharded::{Mode, Sharded, ShardedOrigin};
pub use uid::Uid;
