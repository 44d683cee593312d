//! The path under which Socket.IO is served.

/// Takes a path that starts and ends with `/`, and that clients send as it is written here, or says what was expected.
pub(crate) fn parse(text: &str) -> Result<String, &'static str> {
    if !text.starts_with('/') || !text.ends_with('/') {
        return Err("a path that starts and ends with `/`, such as /socket.io/");
    }
    // A client would send another path than this one: with the segment resolved, or the character encoded.
    let is_resolved = text.split('/').any(|segment| segment == "." || segment == "..");
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@%".contains(&byte);
    if is_resolved || !text.bytes().all(is_plain) {
        return Err("a path of letters, digits and -._~!$&'()*+,;=:@%, without the segments `.` and `..`");
    }
    Ok(text.to_owned())
}
