//! Text that shares its buffer.

use alloc::string::String;
use core::fmt;
use core::ops::Range;

use bytes::Bytes;

use crate::error::{DecodeError, DecodeErrorKind};

/// UTF-8 text sharing a reference-counted buffer; cloning copies no text.
///
/// The crate contains no unsafe code, so [`as_str`](Self::as_str) checks the bytes again (vectorised for ASCII).
/// What is hot reads [`as_bytes`](Self::as_bytes).
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text(Bytes);

impl Text {
    /// Text of static lifetime; no allocation.
    pub const fn from_static(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }

    /// Takes the word of whoever read these bytes that they are UTF-8, so that they are not checked a second time.
    ///
    /// If they are not, that is the caller's mistake: it harms no memory, [`as_str`](Self::as_str) and what else gives a
    /// `str` panic. Where it is not certain, use `try_from`.
    pub fn from_checked(bytes: Bytes) -> Self {
        debug_assert!(core::str::from_utf8(&bytes).is_ok(), "the caller has checked it");
        Self(bytes)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        checked(&self.0)
    }

    /// The bytes of the text, without a second check.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A part of the text in the same buffer, or `None` where `range` is not within it or cuts a character.
    pub fn slice(&self, range: Range<usize>) -> Option<Self> {
        let part = self.0.get(range.clone())?;
        let starts_at_boundary = part.first().is_none_or(|byte| !is_continuation(*byte));
        let ends_at_boundary = self.0.get(range.end).is_none_or(|byte| !is_continuation(*byte));
        (starts_at_boundary && ends_at_boundary).then(|| Self(self.0.slice(range)))
    }

    /// The buffer.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

/// The text of a buffer, or of a part cut out of one at ASCII characters, that was checked when it came in.
pub(crate) fn checked(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).expect("a Text is only made of UTF-8 and cut at characters")
}

fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

impl TryFrom<Bytes> for Text {
    type Error = DecodeError;

    fn try_from(bytes: Bytes) -> Result<Self, DecodeError> {
        match core::str::from_utf8(&bytes) {
            Ok(_) => Ok(Self(bytes)),
            Err(error) => Err(DecodeError::new(DecodeErrorKind::NotUtf8, error.valid_up_to())),
        }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Bytes::from(text))
    }
}

/// Copies it. For what lives as long as the program there is [`Text::from_static`], which does not.
impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<Text> for Bytes {
    fn from(text: Text) -> Self {
        text.0
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}
