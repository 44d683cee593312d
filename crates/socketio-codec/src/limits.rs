//! The bounds of a decoder.

use bytes::Bytes;

use crate::error::{DecodeError, DecodeErrorKind};
use crate::names::ack_id::AckId;

/// What a decoder accepts at most. One packet costs no more than its text and these bounds allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Attachments of one packet. 10, as `maxAttachments` of the reference.
    pub attachments_max: usize,
    /// Bytes of all attachments of one packet together. 10,000,000: what the reference's defaults let through,
    /// 10 attachments of one `maxPayload` (1,000,000) each.
    pub attachment_bytes_max: usize,
    /// Bytes of a namespace's name, its query included. 256: a name is chosen by programmers, and the refusal
    /// sends it back.
    pub namespace_len_max: usize,
    /// The largest acknowledgement id. [`AckId::MAX`], above which a JavaScript peer loses count.
    pub ack_id_max: AckId,
    /// Arguments of an event (its name is one) or of an acknowledgement. 10,000: receivers hand each one to a function
    /// as an argument of its own, and JavaScript engines throw at some 65,000 and more.
    pub arguments_max: usize,
    /// Arrays and objects open at once in a payload, whose own array or object is the first. 127: the deepest
    /// that `serde_json` reads, and with it most clients that recurse (.NET's default is 64: go down to that where
    /// such clients are served). Above [`Limits::JSON_DEPTH_CEILING`] it acts as that.
    pub json_depth_max: usize,
}

impl Limits {
    /// The deepest nesting a decoder can be told to accept: it remembers what is open in a fixed number of bits.
    pub const JSON_DEPTH_CEILING: usize = 1024;

    /// Whether a packet may have these attachments.
    pub(crate) fn check_attachments(&self, attachments: &[Bytes]) -> Result<(), DecodeError> {
        if attachments.len() > self.attachments_max {
            return Err(DecodeError::new(DecodeErrorKind::TooManyAttachments, 0));
        }
        let len = attachments.iter().fold(0usize, |len, attachment| len.saturating_add(attachment.len()));
        match len > self.attachment_bytes_max {
            true => Err(DecodeError::new(DecodeErrorKind::AttachmentsTooLarge, 0)),
            false => Ok(()),
        }
    }

    /// Whether a list may have so many values.
    pub(crate) fn check_count(&self, len: usize) -> Result<(), DecodeError> {
        match len > self.arguments_max {
            true => Err(DecodeError::new(DecodeErrorKind::TooManyArguments, 0)),
            false => Ok(()),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            attachments_max: 10,
            attachment_bytes_max: 10_000_000,
            namespace_len_max: 256,
            ack_id_max: AckId::MAX,
            arguments_max: 10_000,
            json_depth_max: 127,
        }
    }
}
