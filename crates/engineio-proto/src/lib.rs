//! The Engine.IO v4 protocol, without I/O.
//!
//! Everything here is a value or a plain state machine: no clock, no socket, no task, no randomness. A driver
//! hands in bytes and the time, and takes out what is to be sent. It is not a server: the crate `engineio` drives
//! these pieces with tokio and hyper.
//!
//! ```
//! use std::time::{Duration, Instant};
//!
//! use bytes::Bytes;
//! use engineio_proto::{Message, Payload, PollVerdict, Session, SessionConfig, Transport};
//!
//! let now = Instant::now();
//! let mut session = Session::new(SessionConfig::default(), Transport::Polling, now, Duration::ZERO);
//!
//! // The body of a post: two packets.
//! let mut messages = Payload::new(Bytes::from("4hello\x1e4world"))
//!     .filter_map(|packet| session.handle_packet(packet, now));
//! assert_eq!(messages.next(), Some(Message::Text("hello".into())));
//! assert_eq!(messages.next(), Some(Message::Text("world".into())));
//! # drop(messages);
//!
//! assert_eq!(session.handle_poll(), PollVerdict::Hold);
//! assert_eq!(session.poll_timeout(), Some(now + Duration::from_secs(25)));
//! ```
//!
//! # In reading order
//!
//! - [`Packet`], [`Payload`]: what stands on the wire; [`Utf8`], its text; [`jsonp`], its older wrapping.
//! - [`EngineRequest`]: what an HTTP request asks, and [`RequestError`], why it is refused.
//! - [`open_packet`], [`Sid`], [`SessionConfig`]: the handshake.
//! - [`Session`]: the state machine; [`grace`], for a driver that was late.
//! - [`Encoded`], [`Recipient`]: what is to be sent, to one and to many.
//! - [`Outlet`]: what waits for one client and who hands it over; in it an [`Outbox`], out of it [`Answer`]s to polls.
//!   [`Ledger`]: what waits for all.
//! - [`CloseReason`]: how it ends. [`Histogram`]: how long things took, for whoever wants to see.

mod answer;
mod close_reason;
mod encoded;
mod handshake;
mod histogram;
pub mod jsonp;
mod lateness;
mod ledger;
mod outbox;
mod outlet;
mod packet;
mod payload;
mod query;
mod recipient;
mod request;
mod session;
mod sid;
mod utf8;

pub use answer::{Answer, AnswerWatch, Chunk};
pub use close_reason::CloseReason;
pub use encoded::{Encoded, EncodedBuilder};
pub use handshake::{SessionConfig, Transport, open_packet};
pub use histogram::{Histogram, HistogramCounts};
pub use jsonp::JsonpIndex;
pub use lateness::grace;
pub use ledger::{Ledger, Loan};
pub use outbox::{Full, Outbox};
pub use outlet::{Entry, Flush, Hold, Outlet, OutletBounds};
pub use packet::{DecodeError, Message, Packet};
pub use payload::Payload;
pub use recipient::{Backlog, Delivery, Queued, Recipient};
pub use request::{EngineRequest, RequestError, RequestHead, has_version};
pub use session::{Due, PollVerdict, PostVerdict, ProbeVerdict, Session};
pub use sid::Sid;
pub use utf8::Utf8;
