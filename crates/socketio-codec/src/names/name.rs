//! The name of an event.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;
use core::ops::Range;

use crate::error::{DecodeError, DecodeErrorKind};
use crate::names::text::{self, Text};
use crate::values::string;

/// Names that mean something to the libraries at both ends, so that no event may have them: who receives such an
/// event closes its connection.
pub const RESERVED_NAMES: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// A name to send an event under, as the JSON string that goes on the wire.
///
/// Make it once and use it for every event of that name: [`PacketRef::event`](crate::PacketRef::event) copies it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EventName(Text);

impl EventName {
    /// The name, or an error for one of [`RESERVED_NAMES`].
    pub fn new(name: &str) -> Result<Self, ReservedName> {
        if RESERVED_NAMES.contains(&name) {
            return Err(ReservedName);
        }
        let mut literal = String::with_capacity(name.len() + 2);
        string::escape(name, |piece| literal.push_str(piece));
        Ok(Self(Text::from(literal)))
    }

    /// The JSON string.
    pub fn raw(&self) -> RawName<'_> {
        RawName(self.0.as_bytes())
    }
}

impl fmt::Debug for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl TryFrom<&str> for EventName {
    type Error = ReservedName;

    fn try_from(name: &str) -> Result<Self, ReservedName> {
        Self::new(name)
    }
}

/// A received name, kept to be sent: as it was written, without its frame.
impl From<RawName<'_>> for EventName {
    fn from(name: RawName<'_>) -> Self {
        Self(Text::from(String::from(name.as_str())))
    }
}

/// A name that no event may have, one of [`RESERVED_NAMES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReservedName;

impl fmt::Display for ReservedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("reserved event name")
    }
}

impl core::error::Error for ReservedName {}

/// An event's name as it stands on the wire: a JSON string, or a JSON number.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RawName<'a>(&'a [u8]);

impl<'a> RawName<'a> {
    /// For the decoder: a string or number that the scanner accepted.
    pub(crate) fn decoded(literal: &'a [u8]) -> Self {
        Self(literal)
    }

    /// The JSON text, with the quotes of a string.
    pub fn as_str(self) -> &'a str {
        text::checked(self.0)
    }

    /// The bytes of that text.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The name, its escapes decoded; of a number the digits as they are written.
    ///
    /// A lone surrogate is given as U+FFFD. Allocates only for a name with escapes.
    pub fn decode(self) -> Cow<'a, str> {
        match self.plain() {
            Some(name) => Cow::Borrowed(text::checked(name)),
            None => Cow::Owned(string::unescape(text::checked(self.inner()))),
        }
    }

    /// Whether the name is `name`.
    pub fn is(self, name: &str) -> bool {
        match self.plain() {
            Some(plain) => plain == name.as_bytes(),
            None => string::unescape(text::checked(self.inner())) == name,
        }
    }

    /// Whether it is one of [`RESERVED_NAMES`], however it is written.
    pub(crate) fn is_reserved(self) -> bool {
        let inner = self.inner();
        // Few names begin like one of these: most are done with one comparison, without a search for escapes.
        match inner.first() {
            Some(b'c' | b'd' | b'n' | b'r' | b'\\') => {}
            _ => return false,
        }
        match self.plain() {
            Some(name) => is_reserved(name),
            None => is_reserved(string::unescape(text::checked(inner)).as_bytes()),
        }
    }

    /// What is between the quotes, or the number.
    fn inner(self) -> &'a [u8] {
        self.0.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(self.0)
    }

    /// The name, where it is written without escapes.
    fn plain(self) -> Option<&'a [u8]> {
        let inner = self.inner();
        memchr::memchr(b'\\', inner).is_none().then_some(inner)
    }
}

/// Checks that the first element of an event's array, at this place of the text, is a name it may have.
#[inline]
pub(crate) fn check(text: &[u8], name: Range<usize>) -> Result<(), DecodeError> {
    let start = name.start;
    let name = RawName::decoded(text.get(name).unwrap_or_default());
    match name.as_bytes().first() {
        Some(b'"') if name.is_reserved() => Err(DecodeError::new(DecodeErrorKind::ReservedEventName, start)),
        Some(b'"' | b'-' | b'0'..=b'9') => Ok(()),
        _ => Err(DecodeError::new(DecodeErrorKind::InvalidEventName, start)),
    }
}

pub(crate) fn is_reserved(name: &[u8]) -> bool {
    RESERVED_NAMES.iter().any(|reserved| reserved.as_bytes() == name)
}

impl fmt::Debug for RawName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for RawName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<'a> From<&'a EventName> for RawName<'a> {
    fn from(name: &'a EventName) -> Self {
        name.raw()
    }
}
