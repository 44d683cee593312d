//! A packet that was refused.

use crate::names::ack_id::AckId;
use crate::names::namespace::Namespace;

/// What a packet was that its receiver does not take: enough to answer its sender. See
/// [`Decoder::take_refused`](crate::Decoder::take_refused).
///
/// A CONNECT is answered with a CONNECT_ERROR, an event that has an id with an acknowledgement of that id.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// Its type.
    pub packet_type: PacketType,
    /// What it was for.
    pub namespace: Namespace,
    /// The id of an event that asks for an acknowledgement, or of an acknowledgement.
    pub id: Option<AckId>,
    /// How many binary messages are still to come that belong to it. Who goes on with this sender skips them, as each would be an
    /// error of its own.
    pub attachments_due: usize,
}

/// The types of packets. The binary ones are events and acknowledgements too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PacketType {
    /// `0`.
    Connect,
    /// `1`.
    Disconnect,
    /// `2` and `5`.
    Event,
    /// `3` and `6`.
    Ack,
    /// `4`.
    ConnectError,
}
