//! `{"type":"Buffer","data":[1,2]}`: what `JSON.stringify` makes of a `Buffer`.

use std::borrow::Cow;
use std::fmt::Write as _;

use bytes::Bytes;
use socketio_codec::Arguments;

use crate::wire::refused::Refused;

const START: &str = r#"{"type":"Buffer","data":["#;
const END: &str = "]}";

/// Writes bytes in this form.
pub(crate) fn write(bytes: &[u8], out: &mut String) {
    out.push_str(START);
    for (index, byte) in bytes.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        // Writing to a `String` cannot fail.
        let _ = write!(out, "{comma}{byte}");
    }
    out.push_str(END);
}

/// Writes a list of arguments, with its attachments in this form.
pub(crate) fn write_list(arguments: &Arguments, out: &mut String) {
    let text = arguments.as_str();
    let mut at = 0;
    for (place, bytes) in arguments.placeholders() {
        // One within another went with it.
        if place.start >= at {
            out.push_str(text.get(at..place.start).unwrap_or_default());
            write(bytes, out);
            at = place.end;
        }
    }
    out.push_str(text.get(at..).unwrap_or_default());
}

/// The same JSON with placeholders for what has this form, and their attachments, of which there may be so many.
///
/// Found as it is written by Node, letter by letter: where these letters are in JSON, they are not in a text, whose quotes
/// would have backslashes.
pub(crate) fn revive(text: &str, attachments_max: usize) -> Result<(Cow<'_, str>, Vec<Bytes>), Refused> {
    let mut attachments = Vec::new();
    let mut out = String::new();
    let mut copied = 0;
    for start in memchr::memmem::find_iter(text.as_bytes(), START) {
        let Some((bytes, len)) = text.get(start + START.len()..).and_then(read) else { continue };
        if attachments.len() >= attachments_max {
            return Err(Refused::TooManyAttachments);
        }
        out.push_str(text.get(copied..start).unwrap_or_default());
        // Writing to a `String` cannot fail.
        let _ = write!(out, r#"{{"_placeholder":true,"num":{}}}"#, attachments.len());
        attachments.push(bytes);
        copied = start + START.len() + len;
    }
    if attachments.is_empty() {
        return Ok((Cow::Borrowed(text), attachments));
    }
    out.push_str(text.get(copied..).unwrap_or_default());
    Ok((Cow::Owned(out), attachments))
}

/// The bytes of a list of numbers, and how long it is with what closes it; `None` if it is anything else.
fn read(list: &str) -> Option<(Bytes, usize)> {
    let len = list.find(']')?;
    let (numbers, rest) = list.split_at(len);
    if !rest.starts_with(END) {
        return None;
    }
    let numbers: Vec<u8> = match numbers {
        "" => Vec::new(),
        numbers => numbers.split(',').map(byte).collect::<Option<_>>()?,
    };
    Some((Bytes::from(numbers), len + END.len()))
}

/// A byte in decimal, as JSON has it: `+1`, `01` and ` 1` are none.
fn byte(digits: &str) -> Option<u8> {
    let is_plain =
        digits.bytes().all(|digit| digit.is_ascii_digit()) && (digits.len() == 1 || !digits.starts_with('0'));
    if is_plain { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_go_both_ways() {
        for bytes in [&b""[..], b"\x00", b"\x01\x7f\xff"] {
            let mut text = String::from("[1,");
            write(bytes, &mut text);
            text.push(']');
            let (revived, attachments) = revive(&text, 10).unwrap();
            assert_eq!(revived, r#"[1,{"_placeholder":true,"num":0}]"#);
            assert_eq!(attachments, [bytes]);
        }
    }

    #[test]
    fn what_only_resembles_it_stays() {
        for text in [
            r#"[{"type":"Buffer","data":[256]}]"#,
            r#"[{"type":"Buffer","data":[01]}]"#,
            r#"[{"type":"Buffer","data":[1,]}]"#,
            r#"[{"type":"Buffer","data":[-1]}]"#,
            r#"[{"type":"Buffer","data":["1"]}]"#,
            r#"[{"type":"Buffer","data":[1],"more":1}]"#,
            r#"[{"type":"buffer","data":[1]}]"#,
            r#"["{\"type\":\"Buffer\",\"data\":[1]}"]"#,
        ] {
            assert_eq!(revive(text, 10).unwrap(), (Cow::Borrowed(text), Vec::new()));
        }
    }

    #[test]
    fn there_is_a_bound() {
        let mut text = String::new();
        write(b"", &mut text);
        write(b"", &mut text);
        assert_eq!(revive(&text, 1), Err(Refused::TooManyAttachments));
    }
}
