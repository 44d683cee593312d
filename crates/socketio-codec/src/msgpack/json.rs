//! Between MessagePack and JSON, without recursion.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use bytes::Bytes;
use serde_json::Number;

use crate::error::DecodeError;
use crate::msgpack::read::{self, Token};
use crate::msgpack::{DEPTH_CEILING, write};
use crate::scan;
use crate::values::date;
use crate::values::deserialize::Sources;
use crate::values::string;

/// An array or map that is open.
struct Open {
    /// Of a map, keys and values both.
    left: usize,
    is_map: bool,
    /// Nothing was written in it yet.
    is_first: bool,
}

/// Writes `len` values from `at` on, with commas between, and gives the byte strings among them.
pub(crate) fn to_json(bytes: &[u8], mut at: usize, len: usize) -> Result<(String, Vec<Bytes>), DecodeError> {
    let mut text = String::with_capacity(bytes.len());
    let mut attachments = Vec::new();
    let mut open = Vec::from([Open { left: len, is_map: false, is_first: true }]);
    while let Some(top) = open.last_mut() {
        if top.left == 0 {
            let is_map = top.is_map;
            open.pop();
            // The outermost is the list itself, which has no brackets.
            if !open.is_empty() {
                text.push(if is_map { '}' } else { ']' });
            }
            continue;
        }
        let is_key = top.is_map && top.left % 2 == 0;
        let is_value = top.is_map && !is_key;
        if is_value {
            text.push(':');
        } else if !top.is_first {
            text.push(',');
        }
        top.is_first = false;
        top.left -= 1;
        let (token, end) = read::token(bytes, at)?;
        if is_key {
            key(token, at, &mut text)?;
        } else {
            match token {
                Token::Array(len) => {
                    text.push('[');
                    open.push(Open { left: len, is_map: false, is_first: true });
                }
                Token::Map(len) => {
                    text.push('{');
                    open.push(Open { left: 2 * len, is_map: true, is_first: true });
                }
                scalar => write_scalar(scalar, &mut text, &mut attachments),
            }
        }
        at = end;
    }
    Ok((text, attachments))
}

/// Keys are text in JSON; JavaScript makes text of numbers and booleans too.
fn key(token: Token<'_>, at: usize, text: &mut String) -> Result<(), DecodeError> {
    if let Token::Str(key) = token {
        string::escape(key, |piece| text.push_str(piece));
        return Ok(());
    }
    if !matches!(token, Token::Nil | Token::Bool(_) | Token::Unsigned(_) | Token::Signed(_) | Token::Float(_)) {
        return Err(read::invalid(at));
    }
    text.push('"');
    write_scalar(token, text, &mut Vec::new());
    text.push('"');
    Ok(())
}

fn write_scalar(token: Token<'_>, text: &mut String, attachments: &mut Vec<Bytes>) {
    // Writing to a `String` cannot fail.
    let _ = match token {
        Token::Bool(value) => write!(text, "{value}"),
        Token::Unsigned(number) => write!(text, "{number}"),
        Token::Signed(number) => write!(text, "{number}"),
        Token::Float(number) => match Number::from_f64(number) {
            Some(number) => write!(text, "{number}"),
            None => write!(text, "null"),
        },
        Token::Str(value) => {
            string::escape(value, |piece| text.push_str(piece));
            Ok(())
        }
        Token::Bin(bytes) => attachment(bytes, text, attachments),
        Token::Date(millis) => date::write(millis, text),
        Token::Ext(kind, bytes) => {
            let _ = write!(text, "[{kind},");
            let written = attachment(bytes, text, attachments);
            text.push(']');
            written
        }
        Token::Nil | Token::Undefined | Token::Array(_) | Token::Map(_) => write!(text, "null"),
    };
}

fn attachment(bytes: &[u8], text: &mut String, attachments: &mut Vec<Bytes>) -> core::fmt::Result {
    let index = attachments.len();
    attachments.push(Bytes::copy_from_slice(bytes));
    write!(text, r#"{{"_placeholder":true,"num":{index}}}"#)
}

/// What becomes of a member `__proto__`, by which a receiver that uses `notepack.io` would change an object's prototype.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prototypes {
    Refuse,
    LeaveOut,
}

/// Writes JSON values with commas between (which the JSON scanner has accepted), and says how many they are.
///
/// The placeholders of `sources` are counted from `offset` bytes before the text.
pub(crate) fn to_msgpack(
    json: &[u8],
    sources: Sources<'_>,
    offset: usize,
    prototypes: Prototypes,
) -> Result<(Bytes, usize), DecodeError> {
    let mut out = Vec::with_capacity(json.len() + 8);
    // For each that is open: where its length is to be written, and how many values or pairs it has so far.
    let mut open: Vec<(usize, u32)> = Vec::new();
    let mut len = 0;
    let mut at = scan::skip_whitespace(json, 0);
    while let Some(byte) = json.get(at) {
        at = match byte {
            b'{' => match placeholder(sources, offset + at) {
                Some((attachment, end)) => {
                    write::bin(&mut out, attachment);
                    count(&mut open, &mut len);
                    end - offset
                }
                None => {
                    count(&mut open, &mut len);
                    start(&mut out, &mut open, 0xdf);
                    at + 1
                }
            },
            b'[' => {
                count(&mut open, &mut len);
                start(&mut out, &mut open, 0xdd);
                at + 1
            }
            b'}' | b']' => {
                if let Some((place, len)) = open.pop()
                    && let Some(slot) = out.get_mut(place..place + 4)
                {
                    slot.copy_from_slice(&len.to_be_bytes());
                }
                at + 1
            }
            b',' | b':' => at + 1,
            _ => {
                let end = scan::value(json, at, 0, 1)?;
                let text = json.get(at..end).unwrap_or_default();
                let start = out.len();
                scalar(text, &mut out);
                let after = scan::skip_whitespace(json, end);
                // A key is counted with its value.
                if json.get(after) != Some(&b':') {
                    count(&mut open, &mut len);
                    end
                } else if out.get(start..) != Some(b"\xa9__proto__") {
                    end
                } else if prototypes == Prototypes::LeaveOut {
                    out.truncate(start);
                    scan::value(json, scan::skip_whitespace(json, after + 1), 0, DEPTH_CEILING)?
                } else {
                    return Err(read::invalid(at));
                }
            }
        };
        at = scan::skip_whitespace(json, at);
    }
    Ok((Bytes::from(out), len))
}

/// Opens an array or map, whose length is known when it ends: in the form that has room for any.
fn start(out: &mut Vec<u8>, open: &mut Vec<(usize, u32)>, prefix: u8) {
    out.push(prefix);
    open.push((out.len(), 0));
    out.extend_from_slice(&[0; 4]);
}

/// One more in what is open, or in the list.
fn count(open: &mut [(usize, u32)], len: &mut usize) {
    match open.last_mut() {
        Some((_, count)) => *count = count.saturating_add(1),
        None => *len += 1,
    }
}

fn placeholder<'a>((placeholders, attachments): Sources<'a>, at: usize) -> Option<(&'a [u8], usize)> {
    let found = placeholders.binary_search_by_key(&at, |placeholder| placeholder.span.start).ok()?;
    let placeholder = placeholders.get(found)?;
    Some((attachments.get(placeholder.index)?, placeholder.span.end))
}

/// Writes a string, a number, or one of the three words.
pub(crate) fn scalar(json: &[u8], out: &mut Vec<u8>) {
    let text = crate::names::text::checked(json);
    match json.first() {
        Some(b'"') => {
            let inner = text.get(1..text.len().saturating_sub(1)).unwrap_or_default();
            write::str(out, &string::unescape(inner));
        }
        Some(b't') => out.push(0xc3),
        Some(b'f') => out.push(0xc2),
        Some(b'n') => out.push(0xc0),
        _ => number(text, out),
    }
}

fn number(text: &str, out: &mut Vec<u8>) {
    if let Ok(number) = text.parse::<u64>() {
        write::unsigned(out, number);
    } else if let Some(number) = text.parse::<i64>().ok().filter(|number| *number != 0) {
        match i8::try_from(number) {
            Ok(small @ -32..0) => out.push(small.cast_unsigned()),
            _ => {
                out.push(0xd3);
                out.extend_from_slice(&number.to_be_bytes());
            }
        }
    } else {
        // `-0`, a fraction, an exponent, or more digits than an integer has. Infinite where out of range.
        out.push(0xcb);
        out.extend_from_slice(&text.parse::<f64>().unwrap_or(f64::NAN).to_be_bytes());
    }
}
