//! Who sent a message, by its first bytes.

/// The uid with which an event or a request begins: the first value of a list, or the first member of a map if it is that. In
/// MessagePack or in JSON, as Node and this crate write them; other spellings are `None`, and found out when the message is read.
///
/// So a message of one's own, or of somebody who is known, is told without reading it.
pub fn peek_uid(body: &[u8]) -> Option<&str> {
    let (head, rest) = body.split_first()?;
    let uid = match head {
        b'[' => quoted(rest)?,
        b'{' => quoted(rest.strip_prefix(br#""uid":"#)?)?,
        0x90..=0x9f => short_text(rest)?,
        0x80..=0x8f => short_text(rest.strip_prefix(b"\xa3uid")?)?,
        _ => return None,
    };
    std::str::from_utf8(uid).ok()
}

/// A JSON text without escapes.
fn quoted(rest: &[u8]) -> Option<&[u8]> {
    let rest = rest.strip_prefix(b"\"")?;
    let end = memchr::memchr2(b'"', b'\\', rest)?;
    (rest.get(end) == Some(&b'"')).then(|| rest.get(..end)).flatten()
}

/// A text of less than 32 bytes.
fn short_text(rest: &[u8]) -> Option<&[u8]> {
    match rest.split_first()? {
        (head @ 0xa0..=0xbf, rest) => rest.get(..usize::from(head & 0x1f)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::peek_uid;

    #[test]
    fn the_uid_stands_first() {
        for (body, uid) in [
            (&b"\x93\xa63ZMnJu\x83"[..], Some("3ZMnJu")),
            (b"\x85\xa3uid\xa63ZMnJu\xa9", Some("3ZMnJu")),
            (b"[\"WOZDkC\",{", Some("WOZDkC")),
            (b"{\"uid\":\"3ZMnJu\",\"type\":1}", Some("3ZMnJu")),
            (b"\x93\xa63ZMn", None),
            (b"\x93\xc0", None),
            (b"[\"a\\n\"", None),
            (b"[\"a", None),
            (b"{\"type\":1}", None),
            (b"", None),
        ] {
            assert_eq!(peek_uid(body), uid, "{body:?}");
        }
    }
}
