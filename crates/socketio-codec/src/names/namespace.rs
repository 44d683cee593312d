//! The name of a namespace.

use alloc::string::String;
use core::borrow::Borrow;
use core::fmt;
use core::hash::{Hash, Hasher};

use bytes::Bytes;

use crate::names::text::Text;

/// The name of a namespace, such as `/` or `/admin`: begins with `/`, has no comma and no control character.
///
/// Cheap to clone. Equal, and hashed, as its text; usable as a map key that is looked up by `&str`.
///
/// A control character is refused although the reference accepts it: a record separator (`0x1e`) would end the
/// packet in an HTTP polling payload.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Namespace(Text);

impl Namespace {
    /// The main namespace, `/`. It is not written on the wire.
    pub const ROOT: Self = Self(Text::from_static("/"));

    /// The main namespace as a reference that lives as long as one likes.
    pub fn root() -> &'static Self {
        static ROOT: Namespace = Namespace::ROOT;
        &ROOT
    }

    /// The name as it was written, with its query if it has one.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether this is the main namespace, `/`.
    pub fn is_root(&self) -> bool {
        self.as_bytes() == b"/"
    }

    /// The name up to its `?`. Old clients wrote a query behind it ("packet encoding" in the protocol).
    pub fn without_query(&self) -> Self {
        match memchr::memchr(b'?', self.as_bytes()) {
            Some(at) => Self(self.0.slice(0..at).expect("a question mark is one byte")),
            None => self.clone(),
        }
    }

    /// The bytes of the name, without a second UTF-8 check.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// For the decoder, which found the name itself: the text between `/` and the comma.
    pub(crate) fn from_checked(text: Text) -> Self {
        Self(text)
    }
}

/// The first byte at which `name` is no name of a namespace.
pub(crate) fn find_invalid(name: &[u8]) -> Option<usize> {
    if name.first() != Some(&b'/') {
        return Some(0);
    }
    name.iter().position(|byte| *byte == b',' || byte.is_ascii_control())
}

/// A name that no namespace can have: it does not begin with `/`, or contains a comma or a control character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidNamespace {
    /// The first byte that cannot be there.
    pub offset: usize,
}

impl fmt::Display for InvalidNamespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid namespace name at byte {}", self.offset)
    }
}

impl core::error::Error for InvalidNamespace {}

impl Default for Namespace {
    fn default() -> Self {
        Self::ROOT
    }
}

impl TryFrom<Text> for Namespace {
    type Error = InvalidNamespace;

    fn try_from(name: Text) -> Result<Self, InvalidNamespace> {
        match find_invalid(name.as_bytes()) {
            None => Ok(Self(name)),
            Some(offset) => Err(InvalidNamespace { offset }),
        }
    }
}

impl TryFrom<&str> for Namespace {
    type Error = InvalidNamespace;

    fn try_from(name: &str) -> Result<Self, InvalidNamespace> {
        if name == "/" {
            return Ok(Self::ROOT);
        }
        Self::try_from(Text::from(name))
    }
}

impl TryFrom<String> for Namespace {
    type Error = InvalidNamespace;

    fn try_from(name: String) -> Result<Self, InvalidNamespace> {
        Self::try_from(Text::from(name))
    }
}

impl core::str::FromStr for Namespace {
    type Err = InvalidNamespace;

    fn from_str(name: &str) -> Result<Self, InvalidNamespace> {
        Self::try_from(name)
    }
}

impl From<Namespace> for Bytes {
    fn from(namespace: Namespace) -> Self {
        namespace.0.into_bytes()
    }
}

// `Borrow` asks for the hash of a `str`.
impl Hash for Namespace {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Borrow<str> for Namespace {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Namespace {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for Namespace {
    fn eq(&self, other: &str) -> bool {
        self.0 == *other
    }
}

impl PartialEq<&str> for Namespace {
    fn eq(&self, other: &&str) -> bool {
        self.0 == **other
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}
