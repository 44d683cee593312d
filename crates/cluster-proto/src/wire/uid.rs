//! Who speaks.

use std::fmt;

/// What a node calls itself in its messages, by which it knows its own: 20 characters of base64url, made from 15 random bytes.
///
/// Two nodes of one uid are deaf to each other, and a Node server's has 6 characters: draw all 120 bits from a cryptographic
/// source, anew in each process. All namespaces of a node may share one.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Uid(Box<str>);

impl Uid {
    /// The uid made of `random`.
    pub fn from_random(random: [u8; 15]) -> Self {
        Self(hub::SocketId::from_random(random).as_str().into())
    }

    /// A uid that somebody wrote: 6 to 64 letters, digits, `-` or `_`. Tests give themselves names by it, and those of other
    /// servers.
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        ((6..=64).contains(&text.len()) && text.bytes().all(is_plain)).then(|| Self(text.into()))
    }

    /// The uid as it stands on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uid({self})")
    }
}
