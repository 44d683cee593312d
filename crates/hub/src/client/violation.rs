//! Why a client is not served any further.

use std::fmt;

use socketio_codec::DecodeError;

/// What a client did that the protocol does not allow, or failed to do in time. Each closes its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// It sent what is no packet: broken, out of bounds, under a reserved name, attachments out of turn.
    Packet(DecodeError),
    /// It sent an event, an acknowledgement or a DISCONNECT for a namespace that it is not connected to: not yet,
    /// not any more, or never.
    NotConnected,
    /// It asked to connect to a namespace it is connected to, or waits for.
    ConnectedTwice,
    /// It went on asking to connect where it is refused: [`ClientConfig::refusals_max`](crate::ClientConfig).
    TooManyRefusals,
    /// It sent a CONNECT_ERROR, which is for servers to send.
    ConnectErrorFromClient,
    /// It was not connected to any namespace within [`ClientConfig::connect_timeout`](crate::ClientConfig).
    ConnectTimeout,
    /// It sent text, where packets are binary: its parser is another one ([`Parser::Msgpack`](crate::Parser::Msgpack)).
    TextMessage,
    /// An attachment did not come within [`ClientConfig::attachment_timeout`](crate::ClientConfig).
    AttachmentTimeout,
}

impl Violation {
    /// A constant word for metrics: lower case, underscores, no data.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Packet(error) => error.kind().label(),
            Self::NotConnected => "not_connected",
            Self::ConnectedTwice => "connected_twice",
            Self::TooManyRefusals => "too_many_refusals",
            Self::ConnectErrorFromClient => "connect_error_from_client",
            Self::ConnectTimeout => "connect_timeout",
            Self::TextMessage => "text_message",
            Self::AttachmentTimeout => "attachment_timeout",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Packet(error) => return error.fmt(f),
            Self::NotConnected => "packet for a namespace that is not connected",
            Self::ConnectedTwice => "second connect to the same namespace",
            Self::TooManyRefusals => "too many refused connects",
            Self::ConnectErrorFromClient => "connect error from a client",
            Self::ConnectTimeout => "no namespace connected in time",
            Self::TextMessage => "text where packets are binary",
            Self::AttachmentTimeout => "attachment did not come in time",
        })
    }
}

impl std::error::Error for Violation {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Packet(error) => Some(error),
            _ => None,
        }
    }
}

impl From<DecodeError> for Violation {
    fn from(error: DecodeError) -> Self {
        Self::Packet(error)
    }
}
