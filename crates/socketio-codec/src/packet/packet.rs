//! A decoded packet.

use crate::names::ack_id::AckId;
use crate::names::namespace::Namespace;
use crate::values::arguments::Arguments;
use crate::values::event::Event;
use crate::values::json::Json;

/// A whole packet, its attachments included. See "packet types" in the Socket.IO protocol, revision 5.
///
/// Whether an event or an acknowledgement was a binary packet is not told apart: one with attachments was.
#[derive(Debug, Clone)]
pub enum Packet {
    /// `0`: the client asks to join a namespace, or the server says that it did.
    Connect {
        /// What to join.
        namespace: Namespace,
        /// A JSON object: the client's credentials, or the server's `{"sid":…}`.
        auth: Option<Json>,
    },
    /// `1`: the peer leaves a namespace.
    Disconnect {
        /// What it leaves.
        namespace: Namespace,
    },
    /// `2` and `5`.
    Event {
        /// Where it happens.
        namespace: Namespace,
        /// Present when the sender wants an acknowledgement.
        id: Option<AckId>,
        /// Its name and arguments.
        event: Event,
    },
    /// `2` and `5` without any payload, such as `42`: accepted by the reference and without effect. It still has to
    /// come for a namespace that was joined.
    EmptyEvent {
        /// Where nothing happens.
        namespace: Namespace,
    },
    /// `3` and `6`.
    Ack {
        /// Where the event was sent.
        namespace: Namespace,
        /// The event's id. An acknowledgement without one (`43[]`) is accepted by the reference and has no effect.
        id: Option<AckId>,
        /// What the acknowledgement says; empty where there is no payload (`431`).
        arguments: Arguments,
    },
    /// `4`: the server refuses a connection. A server that receives one closes.
    ConnectError {
        /// What could not be joined.
        namespace: Namespace,
        /// A JSON object, `{"message":…}`, or a string.
        error: Option<Json>,
    },
}

impl Packet {
    /// The namespace it is for.
    pub fn namespace(&self) -> &Namespace {
        match self {
            Self::Connect { namespace, .. }
            | Self::Disconnect { namespace }
            | Self::Event { namespace, .. }
            | Self::EmptyEvent { namespace }
            | Self::Ack { namespace, .. }
            | Self::ConnectError { namespace, .. } => namespace,
        }
    }

    /// Makes it a packet for another namespace, as gateways do.
    ///
    /// ```
    /// use socketio_codec::{Decoder, Namespace, PacketRef};
    ///
    /// let Some(mut packet) = Decoder::default().handle_text(r#"2/old,["hello"]"#.into())? else { panic!() };
    /// packet.set_namespace(Namespace::try_from("/new")?);
    /// assert_eq!(PacketRef::from(&packet).to_text(), r#"2/new,["hello"]"#);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_namespace(&mut self, to: Namespace) {
        match self {
            Self::Connect { namespace, .. }
            | Self::Disconnect { namespace }
            | Self::Event { namespace, .. }
            | Self::EmptyEvent { namespace }
            | Self::Ack { namespace, .. }
            | Self::ConnectError { namespace, .. } => *namespace = to,
        }
    }
}
