//! A session's secret name.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A session's id: 20 characters of base64url, made from 15 random bytes.
///
/// Whoever knows it may post and poll in the client's name, so it is a secret: `Debug` does not print it, and
/// the public name of a Socket.IO socket is another type made from other randomness.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sid([u8; Sid::LEN]);

impl Sid {
    /// The characters of a session id.
    pub const LEN: usize = 20;

    /// The id made of `random`, which must come from a cryptographic source: 120 bits.
    pub fn from_random(random: [u8; 15]) -> Self {
        let mut text = [0; Self::LEN];
        let written = URL_SAFE_NO_PAD.encode_slice(random, &mut text);
        debug_assert_eq!(written, Ok(Self::LEN), "15 bytes are 20 characters of base64");
        Self(text)
    }

    /// The id a peer wrote, or `None` if no session of ours can have it.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text: [u8; Self::LEN] = text.try_into().ok()?;
        let is_base64url = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        text.iter().all(is_base64url).then_some(Self(text))
    }

    /// The text as it stands in a URL. Keep it out of logs.
    pub fn reveal(&self) -> &str {
        std::str::from_utf8(&self.0).expect("both constructors allow ASCII only")
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sid(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_id_is_one_that_parses() {
        let sid = Sid::from_random([0xff; 15]);
        assert_eq!(sid.reveal(), "____________________");
        assert_eq!(Sid::parse(sid.reveal().as_bytes()), Some(sid));
    }

    #[test]
    fn what_no_session_can_have_does_not_parse() {
        for text in ["", "short", "____________________x", "___________________=", "__________________é"] {
            assert_eq!(Sid::parse(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn debug_keeps_the_secret() {
        assert_eq!(format!("{:?}", Sid::from_random([7; 15])), "Sid(…)");
    }
}
