//! What was wrong with what a peer sent.

use core::fmt;

/// The peer sent something that is no packet: what was wrong, and at which byte.
///
/// The reference answers each of these by closing the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeError {
    kind: DecodeErrorKind,
    offset: usize,
}

impl DecodeError {
    pub(crate) const fn new(kind: DecodeErrorKind, offset: usize) -> Self {
        Self { kind, offset }
    }

    /// What was wrong.
    pub const fn kind(&self) -> DecodeErrorKind {
        self.kind
    }

    /// The byte of the frame at which it was noticed (for text: of its UTF-8 form).
    pub const fn offset(&self) -> usize {
        self.offset
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.kind, self.offset)
    }
}

impl core::error::Error for DecodeError {}

/// What can be wrong with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// Text that is not UTF-8.
    NotUtf8,
    /// The first character is not one of `0` to `6`, or there is none.
    UnknownType,
    /// A binary packet (`5`, `6`) does not go on with a number of at least 1 and a `-`.
    InvalidAttachmentCount,
    /// More attachments announced than [`Limits::attachments_max`](crate::Limits::attachments_max).
    TooManyAttachments,
    /// The attachments have more bytes than
    /// [`Limits::attachment_bytes_max`](crate::Limits::attachment_bytes_max).
    AttachmentsTooLarge,
    /// A namespace longer than [`Limits::namespace_len_max`](crate::Limits::namespace_len_max).
    NamespaceTooLong,
    /// A control character in a namespace.
    InvalidNamespace,
    /// An acknowledgement id above [`Limits::ack_id_max`](crate::Limits::ack_id_max).
    AckIdTooLarge,
    /// The payload is not JSON (RFC 8259), or has a number that is larger than any double.
    InvalidJson,
    /// The payload is nested deeper than [`Limits::json_depth_max`](crate::Limits::json_depth_max).
    TooDeep,
    /// JSON of a kind that this type of packet cannot carry, such as `42{}`, `40[]` or `41{}`.
    InvalidPayload,
    /// More arguments than [`Limits::arguments_max`](crate::Limits::arguments_max).
    TooManyArguments,
    /// An event whose first argument is no name: `42[]`, `42[null]`.
    InvalidEventName,
    /// An event with a name that means something to the library, see [`RESERVED_NAMES`](crate::RESERVED_NAMES).
    ReservedEventName,
    /// A placeholder whose `num` is not the index of an attachment, or the same as another's.
    InvalidPlaceholder,
    /// Text came while attachments were due.
    AttachmentExpected,
    /// An attachment came that no packet announced.
    UnexpectedAttachment,
    /// MessagePack that is malformed, cut off, or goes on behind its end (feature `msgpack`).
    InvalidMsgpack,
}

impl DecodeErrorKind {
    /// Whether the packet may be right, but is beyond the [`Limits`](crate::Limits): who has other limits would take it.
    pub const fn is_limit(self) -> bool {
        matches!(
            self,
            Self::TooManyAttachments
                | Self::AttachmentsTooLarge
                | Self::NamespaceTooLong
                | Self::AckIdTooLarge
                | Self::TooDeep
                | Self::TooManyArguments
        )
    }

    /// A constant word for metrics: lower case, underscores, no data.
    pub const fn label(self) -> &'static str {
        match self {
            Self::NotUtf8 => "not_utf8",
            Self::UnknownType => "unknown_type",
            Self::InvalidAttachmentCount => "invalid_attachment_count",
            Self::TooManyAttachments => "too_many_attachments",
            Self::AttachmentsTooLarge => "attachments_too_large",
            Self::NamespaceTooLong => "namespace_too_long",
            Self::InvalidNamespace => "invalid_namespace",
            Self::AckIdTooLarge => "ack_id_too_large",
            Self::InvalidJson => "invalid_json",
            Self::TooDeep => "too_deep",
            Self::InvalidPayload => "invalid_payload",
            Self::TooManyArguments => "too_many_arguments",
            Self::InvalidEventName => "invalid_event_name",
            Self::ReservedEventName => "reserved_event_name",
            Self::InvalidPlaceholder => "invalid_placeholder",
            Self::AttachmentExpected => "attachment_expected",
            Self::UnexpectedAttachment => "unexpected_attachment",
            Self::InvalidMsgpack => "invalid_msgpack",
        }
    }
}

impl fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotUtf8 => "text that is not utf-8",
            Self::UnknownType => "unknown packet type",
            Self::InvalidAttachmentCount => "invalid number of attachments",
            Self::TooManyAttachments => "too many attachments",
            Self::AttachmentsTooLarge => "attachments too large",
            Self::NamespaceTooLong => "namespace too long",
            Self::InvalidNamespace => "control character in a namespace",
            Self::AckIdTooLarge => "acknowledgement id too large",
            Self::InvalidJson => "invalid json",
            Self::TooDeep => "json nested too deep",
            Self::InvalidPayload => "payload of the wrong kind",
            Self::TooManyArguments => "too many arguments",
            Self::InvalidEventName => "event without a name",
            Self::ReservedEventName => "reserved event name",
            Self::InvalidPlaceholder => "invalid placeholder",
            Self::AttachmentExpected => "text while attachments are due",
            Self::UnexpectedAttachment => "attachment that was not announced",
            Self::InvalidMsgpack => "invalid msgpack",
        })
    }
}
