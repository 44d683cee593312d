//! JSONP, the polling of pages that cannot make cross-origin requests.
//!
//! It is not part of the v4 specification; the reference server still speaks it, and so do we.

use bytes::{BufMut, Bytes, BytesMut};

use crate::query;

/// The script that hands `payload` to the client's callback number `index`.
///
/// `payload` is UTF-8 as every polling payload of ours; U+2028 and U+2029 end a line in older JavaScript and
/// are escaped.
pub fn encode(index: JsonpIndex, payload: &str) -> Bytes {
    let quoted = serde_json::Value::from(payload).to_string();
    let quoted = quoted.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
    let mut script = BytesMut::with_capacity(quoted.len() + 32);
    script.put_slice(b"___eio[");
    script.put_slice(index.0.as_bytes());
    script.put_slice(b"](");
    script.put_slice(quoted.as_bytes());
    script.put_slice(b");");
    script.freeze()
}

/// The payload in the body of a JSONP post, `d=…`, or `None` if there is not exactly one.
///
/// The client's form escapes newlines once more, because forms turn them into CR LF: `\n` (two characters)
/// stands for a newline, `\\n` for the two characters.
pub fn decode(body: &[u8]) -> Option<Bytes> {
    let mut values = query::pairs(body).filter(|(key, _)| &**key == b"d");
    let (_, value) = values.next()?;
    if values.next().is_some() {
        return None;
    }
    let mut payload = Vec::with_capacity(value.len());
    let mut rest = &*value;
    loop {
        rest = match rest {
            [b'\\', b'\\', b'n', tail @ ..] => {
                payload.extend_from_slice(b"\\n");
                tail
            }
            [b'\\', b'n', tail @ ..] => {
                payload.push(b'\n');
                tail
            }
            [byte, tail @ ..] => {
                payload.push(*byte);
                tail
            }
            [] => return Some(payload.into()),
        };
    }
}

/// The number of a JSONP callback: the digits of the query's `j`, whatever else stood there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonpIndex(String);

impl JsonpIndex {
    pub(crate) fn new(parameter: &[u8]) -> Self {
        let digits = parameter.iter().filter(|byte| byte.is_ascii_digit());
        // The client counts its callbacks; more digits than a u64 has is somebody else.
        Self(digits.take(20).map(|&byte| char::from(byte)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_becomes_a_call() {
        let script = encode(JsonpIndex::new(b"7;alert(1)"), "4[\"a\n\u{2028}\"]\x1e6");
        assert_eq!(script, "___eio[71](\"4[\\\"a\\n\\u2028\\\"]\\u001e6\");".as_bytes());
    }

    #[test]
    fn a_form_becomes_a_payload() {
        for (body, payload) in [
            (&b"d=40"[..], Some(&b"40"[..])),
            (b"x=1&d=4%22a%5Cnb%22", Some(b"4\"a\nb\"")),
            (b"d=4%5C%5Cn", Some(b"4\\n")),
            (b"d=4%1E4", Some(b"4\x1e4")),
            (b"d=", Some(b"")),
            (b"e=40", None),
            (b"d=1&d=2", None),
            (b"", None),
        ] {
            assert_eq!(decode(body).as_deref(), payload, "{body:?}");
        }
    }
}
