//! Why a message is not taken.

use std::fmt;

use socketio_codec::{DecodeError, DecodeErrorKind};

/// A message that is dropped, and nothing but that message.
///
/// Counted by its [`label`](Self::label). Nobody is told: there is no way to answer, and a Node server passes most of these on to
/// the ruin of its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refused {
    /// MessagePack that ends too early, or announces more than there is.
    Truncated,
    /// Bytes that are no MessagePack.
    InvalidMsgpack,
    /// MessagePack that goes on behind its end.
    TrailingBytes,
    /// Text that is no JSON.
    InvalidJson,
    /// A map whose key is a list, a map, a date or an extension.
    InvalidKey,
    /// Nested deeper than [`Limits::json_depth_max`](socketio_codec::Limits::json_depth_max).
    TooDeep,
    /// More than [`Limits::attachments_max`](socketio_codec::Limits::attachments_max): clients would close.
    TooManyAttachments,
    /// More bytes than [`Limits::attachment_bytes_max`](socketio_codec::Limits::attachment_bytes_max).
    AttachmentsTooLarge,
    /// More than [`Limits::arguments_max`](socketio_codec::Limits::arguments_max).
    TooManyArguments,
    /// More than [`Bounds::rooms_max`](super::Bounds::rooms_max).
    TooManyRooms,
    /// More than [`Bounds::answers_max`](super::Bounds::answers_max).
    TooManyAnswers,
    /// A uid or a request's id that is longer than anybody's: it is kept until the request is answered.
    LongId,
    /// What looks like a placeholder beside attachments: receivers would take it for one.
    Placeholder,
    /// A packet that is no event. As CONNECT, DISCONNECT or the like it would reach clients.
    PacketType,
    /// Data that is no list with a name first.
    InvalidData,
    /// An event with a name that clients keep for themselves.
    ReservedName,
    /// A request, answer or message of a type that there is not.
    UnknownType,
    /// Something that has to be there is not.
    MissingField,
    /// Something is of a kind that it cannot be.
    WrongField,
}

impl Refused {
    /// All of them, for a table of counters.
    pub const ALL: [Self; 19] = [
        Self::Truncated,
        Self::InvalidMsgpack,
        Self::TrailingBytes,
        Self::InvalidJson,
        Self::InvalidKey,
        Self::TooDeep,
        Self::TooManyAttachments,
        Self::AttachmentsTooLarge,
        Self::TooManyArguments,
        Self::TooManyRooms,
        Self::TooManyAnswers,
        Self::LongId,
        Self::Placeholder,
        Self::PacketType,
        Self::InvalidData,
        Self::ReservedName,
        Self::UnknownType,
        Self::MissingField,
        Self::WrongField,
    ];

    /// A constant word for metrics: lower case, underscores, no data.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::InvalidMsgpack => "invalid_msgpack",
            Self::TrailingBytes => "trailing_bytes",
            Self::InvalidJson => "invalid_json",
            Self::InvalidKey => "invalid_key",
            Self::TooDeep => "too_deep",
            Self::TooManyAttachments => "too_many_attachments",
            Self::AttachmentsTooLarge => "attachments_too_large",
            Self::TooManyArguments => "too_many_arguments",
            Self::TooManyRooms => "too_many_rooms",
            Self::TooManyAnswers => "too_many_answers",
            Self::LongId => "long_id",
            Self::Placeholder => "placeholder",
            Self::PacketType => "packet_type",
            Self::InvalidData => "invalid_data",
            Self::ReservedName => "reserved_name",
            Self::UnknownType => "unknown_type",
            Self::MissingField => "missing_field",
            Self::WrongField => "wrong_field",
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "msgpack that ends too early",
            Self::InvalidMsgpack => "bytes that are no msgpack",
            Self::TrailingBytes => "bytes behind the message",
            Self::InvalidJson => "text that is no json",
            Self::InvalidKey => "map with a key that is no text",
            Self::TooDeep => "nested too deep",
            Self::TooManyAttachments => "too many attachments",
            Self::AttachmentsTooLarge => "attachments too large",
            Self::TooManyArguments => "too many arguments",
            Self::TooManyRooms => "too many rooms",
            Self::TooManyAnswers => "too many sockets or rooms in an answer",
            Self::LongId => "uid or request id that is too long",
            Self::Placeholder => "placeholder that belongs to no attachment",
            Self::PacketType => "packet that is no event",
            Self::InvalidData => "event without a name",
            Self::ReservedName => "reserved event name",
            Self::UnknownType => "unknown type",
            Self::MissingField => "missing field",
            Self::WrongField => "field of the wrong kind",
        })
    }
}

impl std::error::Error for Refused {}

impl From<DecodeError> for Refused {
    fn from(error: DecodeError) -> Self {
        match error.kind() {
            DecodeErrorKind::TooDeep => Self::TooDeep,
            DecodeErrorKind::TooManyAttachments => Self::TooManyAttachments,
            DecodeErrorKind::AttachmentsTooLarge => Self::AttachmentsTooLarge,
            DecodeErrorKind::TooManyArguments => Self::TooManyArguments,
            DecodeErrorKind::InvalidPlaceholder => Self::Placeholder,
            DecodeErrorKind::InvalidEventName | DecodeErrorKind::InvalidPayload => Self::InvalidData,
            DecodeErrorKind::ReservedEventName => Self::ReservedName,
            _ => Self::InvalidJson,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_reason_has_a_label_of_its_own() {
        let labels: HashSet<_> = Refused::ALL.iter().map(|reason| reason.label()).collect();
        assert_eq!(labels.len(), Refused::ALL.len());
        let is_plain = |label: &&str| label.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase());
        assert!(labels.iter().all(is_plain));
    }
}
