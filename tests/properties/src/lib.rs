//! What the fuzz targets check, as plain functions of bytes.
//!
//! Each module is one target: its `check` panics when the property that its documentation states does not hold. The
//! fuzzer (`fuzz/fuzz_targets`, nightly) looks for bytes that do it; `tests/corpus.rs` here replays those it kept on
//! stable, and [`seeds`] where it begins. See `docs/fuzzing.md`.
//!
//! The models that things are compared with are the slowest that are obviously right, and share no code with what
//! they judge.

use arbitrary::{Arbitrary, Unstructured};

pub mod auth_token;
pub mod cluster_classic;
pub mod cluster_connection;
pub mod cluster_msgpack;
pub mod cluster_sharded;
pub mod engineio_outbox;
pub mod engineio_outlet;
pub mod engineio_packet;
pub mod engineio_payload;
pub mod engineio_request;
pub mod engineio_session;
pub mod hub_client;
pub mod hub_model;
pub mod msgpack_decode;
pub mod policy_decide;
pub mod policy_template;
pub mod proxy_header;
pub mod socketio_decode;
pub mod socketio_roundtrip;

pub mod simulation;

pub mod corpus;
pub mod seeds;

mod cluster;
mod frames;
mod value;

/// A property, under the name of its fuzz target.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 19] = [
    ("engineio_packet", engineio_packet::check),
    ("engineio_payload", engineio_payload::check),
    ("engineio_request", engineio_request::check),
    ("engineio_session", engineio_session::check),
    ("engineio_outbox", engineio_outbox::check),
    ("engineio_outlet", engineio_outlet::check),
    ("socketio_decode", socketio_decode::check),
    ("socketio_roundtrip", socketio_roundtrip::check),
    ("msgpack_decode", msgpack_decode::check),
    ("hub_client", hub_client::check),
    ("hub_model", hub_model::check),
    ("policy_template", policy_template::check),
    ("policy_decide", policy_decide::check),
    ("auth_token", auth_token::check),
    ("proxy_header", proxy_header::check),
    ("cluster_msgpack", cluster_msgpack::check),
    ("cluster_classic", cluster_classic::check),
    ("cluster_sharded", cluster_sharded::check),
    ("cluster_connection", cluster_connection::check),
];

/// The operations that the rest of the input spells, as far as it goes.
fn operations<'a, T: Arbitrary<'a>>(input: &mut Unstructured<'a>) -> impl Iterator<Item = T> {
    /// More find nothing that these do not, and make a run slow.
    const OPERATIONS_MAX: usize = 300;
    std::iter::from_fn(|| if input.is_empty() { None } else { input.arbitrary().ok() }).take(OPERATIONS_MAX)
}
