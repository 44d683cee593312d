//! Text that was checked.

use std::fmt;
use std::ops::Deref;
use std::str::Utf8Error;

use bytes::Bytes;

/// Bytes that were checked to be UTF-8, by whoever read them from the wire, so that nobody behind has to look again.
///
/// It is read as the bytes that it is: there is no unsafe code here, so to give a `str` would be to check once more.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Utf8(Bytes);

impl Utf8 {
    /// Takes the word of a transport that has checked these bytes itself, as a WebSocket does with text (RFC 6455,
    /// section 5.6). If they are not UTF-8 all the same, that is the caller's mistake: it harms no memory, and shows where
    /// somebody makes a `str` of them.
    pub fn from_checked(bytes: Bytes) -> Self {
        debug_assert!(std::str::from_utf8(&bytes).is_ok(), "the caller has checked it");
        Self(bytes)
    }

    /// The buffer.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// What is behind the first character, which is ASCII.
    pub(crate) fn behind_type(&self) -> Self {
        Self(self.0.slice(1..))
    }
}

impl TryFrom<Bytes> for Utf8 {
    type Error = Utf8Error;

    fn try_from(bytes: Bytes) -> Result<Self, Utf8Error> {
        std::str::from_utf8(&bytes)?;
        Ok(Self(bytes))
    }
}

impl From<&'static str> for Utf8 {
    fn from(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }
}

impl From<String> for Utf8 {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl Deref for Utf8 {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Utf8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(&self.0), f)
    }
}
