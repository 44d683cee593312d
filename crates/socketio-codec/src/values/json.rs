//! One checked JSON value.

use alloc::string::String;
use core::fmt;
use core::ops::Range;

use serde::{Deserialize, Serialize};

use crate::error::DecodeError;
use crate::limits::Limits;
use crate::names::text::{self, Text};
use crate::scan;
use crate::values::serialize::{self, SerializeError, Written};

/// The text of one JSON value, checked but not parsed: what `JSON.parse` accepts, of bounded nesting.
///
/// Two are equal when their texts are, whatever message each was part of.
#[derive(Clone)]
pub struct Json {
    text: Text,
    /// The value, without white space around it.
    value: Range<usize>,
}

impl Json {
    /// Checks a text, under the default [`Limits`] for its nesting.
    pub fn from_text(text: Text) -> Result<Self, DecodeError> {
        let value = scan::document(text.as_bytes(), 0, Limits::default().json_depth_max)?;
        Ok(Self { text, value })
    }

    /// Writes a value as JSON. Bytes (`serialize_bytes`) are refused: only arguments have attachments.
    pub fn serialize<T: Serialize + ?Sized>(value: &T) -> Result<Self, SerializeError> {
        let Written { text, attachments, .. } = serialize::to_json(value)?;
        if !attachments.is_empty() {
            return Err(SerializeError::bytes_without_packet());
        }
        Self::from_text(Text::from(text)).map_err(SerializeError::from_decode)
    }

    /// For the decoder: a value that the scanner found.
    pub(crate) fn decoded(text: Text, value: Range<usize>) -> Self {
        Self { text, value }
    }

    /// The text of the value.
    pub fn as_str(&self) -> &str {
        text::checked(self.as_bytes())
    }

    /// The bytes of the text, without a second UTF-8 check.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes().get(self.value.clone()).unwrap_or_default()
    }

    /// The same value in a buffer of its own. As it came, it keeps the whole message that it was part of.
    #[must_use]
    pub fn detached(&self) -> Self {
        let text = Text::from(String::from(self.as_str()));
        Self { value: 0..text.len(), text }
    }

    /// Whether the value is an object.
    pub fn is_object(&self) -> bool {
        self.as_bytes().first() == Some(&b'{')
    }

    /// Reads the value into a type.
    pub fn deserialize<'de, T: Deserialize<'de>>(&'de self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(self.as_bytes())
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Json {}

impl TryFrom<String> for Json {
    type Error = DecodeError;

    fn try_from(text: String) -> Result<Self, DecodeError> {
        Self::from_text(Text::from(text))
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
