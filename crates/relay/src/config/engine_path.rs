//! The path under which Socket.IO is served.

/// A path that starts and ends with `/`, and that clients send as it is written here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EnginePath(Box<str>);

impl EnginePath {
    /// Takes a path, or says what was expected.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if !text.starts_with('/') || !text.ends_with('/') {
            return Err("a path that starts and ends with `/`, such as /socket.io/");
        }
        // A client would send another path than this one: with the segment resolved, or the character encoded.
        let is_resolved = text.split('/').any(|segment| segment == "." || segment == "..");
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@%".contains(&byte);
        if is_resolved || !text.bytes().all(is_plain) {
            return Err("a path of letters, digits and -._~!$&'()*+,;=:@%, without the segments `.` and `..`");
        }
        Ok(Self(text.into()))
    }

    /// The path, with both slashes.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for EnginePath {
    fn default() -> Self {
        Self("/socket.io/".into())
    }
}
