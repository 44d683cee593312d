//! The wire of `socket.io-msgpack-parser`: one binary message a packet, a MessagePack map of `type`, `nsp`, `data`
//! and `id`.
//!
//! As with JSON the payload is checked and kept as it came ([`Values`]): malformed or cut-off input, nesting beyond
//! the bound and strings that are not UTF-8 are refused, so that what is handed on can be read by whoever gets it.
//! To read it, turn it into [`Arguments`](crate::Arguments) ([`Values::to_json`]); to send values, make it from them
//! ([`Values::from_json`]). That is also the way between clients of the two formats.
//!
//! Stricter than the reference:
//! - names of events follow the rules of the text format (a string that is not reserved, or a number). The reference
//!   does not look at them here;
//! - a key `__proto__` is refused: a receiver that uses `notepack.io` would change an object's prototype by it;
//! - `type` and `id` are integers in their integer form, ids not negative and within
//!   [`Limits::ack_id_max`](crate::Limits::ack_id_max).
//!
//! ```
//! use socketio_codec::{Arguments, Limits, Namespace, msgpack};
//!
//! let arguments = msgpack::Values::from_json(&Arguments::serialize(&("hello", 1))?)?;
//! let packet = msgpack::PacketRef::event(Namespace::root(), "greeting", &arguments);
//! let mut frame = Vec::new();
//! packet.encode_into(&mut frame);
//!
//! let received = msgpack::decode(frame.into(), &Limits::default())?;
//! let msgpack::Packet::Event { event, .. } = received else { panic!() };
//! assert_eq!(event.name(), "greeting");
//! assert_eq!(event.arguments().to_json()?.as_str(), r#""hello",1"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod decode;
mod encode;
mod json;
mod read;
mod values;
mod write;

pub use decode::decode;
pub use encode::{Name, PacketRef};
pub use values::{Event, Value, Values};

use crate::error::DecodeError;
use crate::limits::Limits;
use crate::names::ack_id::AckId;
use crate::names::namespace::Namespace;

/// The deepest nesting that is accepted whatever [`Limits::json_depth_max`](crate::Limits::json_depth_max) says:
/// what is open is remembered in an array of this length.
pub const DEPTH_CEILING: usize = 128;

/// A whole packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// Type 0.
    Connect {
        /// What to join.
        namespace: Namespace,
        /// A map: credentials, or the server's `sid`.
        auth: Option<Value>,
    },
    /// Type 1.
    Disconnect {
        /// What the peer leaves.
        namespace: Namespace,
    },
    /// Type 2.
    Event {
        /// Where it happens.
        namespace: Namespace,
        /// Present when the sender wants an acknowledgement.
        id: Option<AckId>,
        /// Its name and arguments.
        event: Event,
    },
    /// Type 3.
    Ack {
        /// Where the event was sent.
        namespace: Namespace,
        /// The event's id. Without one an acknowledgement has no effect.
        id: Option<AckId>,
        /// What it says.
        arguments: Values,
    },
    /// Type 4.
    ConnectError {
        /// What could not be joined.
        namespace: Namespace,
        /// A map or a string.
        error: Value,
    },
}

impl Packet {
    /// The namespace it is for.
    pub fn namespace(&self) -> &Namespace {
        match self {
            Self::Connect { namespace, .. }
            | Self::Disconnect { namespace }
            | Self::Event { namespace, .. }
            | Self::Ack { namespace, .. }
            | Self::ConnectError { namespace, .. } => namespace,
        }
    }

    /// The same packet as JSON, as [`Values::to_json`] has its values, and under the `limits` of one that comes as JSON: for
    /// a program that speaks both formats and looks at one.
    pub fn to_json(&self, limits: &Limits) -> Result<crate::Packet, DecodeError> {
        let namespace = self.namespace().clone();
        Ok(match self {
            Self::Connect { auth, .. } => {
                let auth = auth.as_ref().map(Value::to_json).transpose()?;
                crate::Packet::Connect { namespace, auth }
            }
            Self::Disconnect { .. } => crate::Packet::Disconnect { namespace },
            Self::Event { id, event, .. } => crate::Packet::Event { namespace, id: *id, event: event.to_json(limits)? },
            Self::Ack { id, arguments, .. } => {
                crate::Packet::Ack { namespace, id: *id, arguments: arguments.to_json_within(limits)? }
            }
            Self::ConnectError { error, .. } => {
                crate::Packet::ConnectError { namespace, error: Some(error.to_json()?) }
            }
        })
    }

    /// Makes it a packet for another namespace, as gateways do.
    pub fn set_namespace(&mut self, to: Namespace) {
        match self {
            Self::Connect { namespace, .. }
            | Self::Disconnect { namespace }
            | Self::Event { namespace, .. }
            | Self::Ack { namespace, .. }
            | Self::ConnectError { namespace, .. } => *namespace = to,
        }
    }
}
