#![doc = include_str!("../README.md")]
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
