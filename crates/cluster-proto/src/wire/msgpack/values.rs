//! Values as the JSON text that a Node server would send on.

use std::borrow::Cow;
use std::fmt::Write as _;

use bytes::Bytes;
use socketio_codec::{Limits, pieces};

use super::token::{self, Token};
use crate::wire::json::buffer;
use crate::wire::number;
use crate::wire::refused::Refused;

/// Writes values, one after the other, in one pass and without a tree.
pub(crate) struct Values<'a> {
    bytes: &'a Bytes,
    limits: &'a Limits,
    binary: Binary,
    pub(crate) text: String,
    pub(crate) attachments: Vec<Bytes>,
    attachments_len: usize,
    /// Members named `__proto__`.
    pub(crate) left_out: usize,
}

/// What becomes of bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binary {
    /// A placeholder, and an attachment that shares the message's buffer.
    Attached,
    /// The object that `JSON.stringify` makes of a `Buffer`: where there can be no attachments.
    Written,
}

/// An array or map that is open.
struct Open {
    /// Values, or pairs.
    left: usize,
    is_map: bool,
    is_first: bool,
}

impl<'a> Values<'a> {
    pub(crate) fn new(bytes: &'a Bytes, limits: &'a Limits, binary: Binary) -> Self {
        let text = String::new();
        Self { bytes, limits, binary, text, attachments: Vec::new(), attachments_len: 0, left_out: 0 }
    }

    /// Writes the value at `at`, which has `depth` arrays and maps around it, and moves `at` behind it.
    pub(crate) fn value(&mut self, at: &mut usize, depth: usize) -> Result<(), Refused> {
        let depth_max = self.limits.json_depth_max.saturating_sub(depth);
        let mut open: Vec<Open> = Vec::new();
        loop {
            let (left, is_map) = match token::token(self.bytes, at)? {
                Token::Array(len) => (len, false),
                Token::Map(len) => (len, true),
                scalar => {
                    self.scalar(scalar)?;
                    if !self.next(&mut open, at)? {
                        return Ok(());
                    }
                    continue;
                }
            };
            if open.len() >= depth_max {
                return Err(Refused::TooDeep);
            }
            self.text.push(if is_map { '{' } else { '[' });
            open.push(Open { left, is_map, is_first: true });
            if !self.next(&mut open, at)? {
                return Ok(());
            }
        }
    }

    /// Writes what is between the last value and the next, brackets and keys. False when there is no next.
    #[inline]
    fn next(&mut self, open: &mut Vec<Open>, at: &mut usize) -> Result<bool, Refused> {
        while let Some(top) = open.last_mut() {
            let Some(left) = top.left.checked_sub(1) else {
                self.text.push(if top.is_map { '}' } else { ']' });
                open.pop();
                continue;
            };
            top.left = left;
            let end = self.text.len();
            if !top.is_first {
                self.text.push(',');
            }
            if top.is_map && !self.member(at)? {
                self.text.truncate(end);
                continue;
            }
            top.is_first = false;
            return Ok(true);
        }
        Ok(false)
    }

    /// Writes a member's key. False for one that is left out, of which nothing is to be written and the value was skipped.
    #[inline]
    fn member(&mut self, at: &mut usize) -> Result<bool, Refused> {
        if !self.key(at)? {
            self.left_out += 1;
            token::skip(self.bytes, at)?;
            return Ok(false);
        }
        if self.is_undefined(*at) {
            // `JSON.stringify` knows no such member.
            token::skip(self.bytes, at)?;
            return Ok(false);
        }
        Ok(true)
    }

    /// Writes a key and its colon, as JavaScript makes text of it. False for the one that sets a prototype.
    #[inline]
    fn key(&mut self, at: &mut usize) -> Result<bool, Refused> {
        let mut made = String::new();
        // To Node an old `ArrayBuffer` is bytes as a value, but as a key `[object ArrayBuffer]`.
        if matches!(self.bytes.get(*at), Some(0xc7..=0xc9)) {
            return Err(Refused::InvalidKey);
        }
        let is_undefined = self.is_undefined(*at);
        let key = match token::token(self.bytes, at)? {
            _ if is_undefined => Cow::Borrowed("undefined"),
            // `toString` of a `Buffer` reads UTF-8 as well.
            Token::Str(bytes) | Token::Bin(bytes) => String::from_utf8_lossy(bytes),
            scalar => {
                plain(scalar, &mut made)?;
                Cow::Borrowed(&*made)
            }
        };
        if key == PROTOTYPE {
            return Ok(false);
        }
        pieces::escape(&key, &mut self.text);
        self.text.push(':');
        Ok(true)
    }

    /// Whether `undefined` comes next, in the form that `notepack.io` once wrote.
    #[inline]
    fn is_undefined(&self, at: usize) -> bool {
        self.bytes.get(at..at + 2) == Some(&[0xd4, 0])
    }

    fn scalar(&mut self, scalar: Token<'_>) -> Result<(), Refused> {
        match scalar {
            Token::Str(bytes) => pieces::escape(&String::from_utf8_lossy(bytes), &mut self.text),
            Token::Nil => self.text.push_str("null"),
            Token::Bool(value) => self.text.push_str(if value { "true" } else { "false" }),
            Token::Unsigned(number) => unsigned(number, &mut self.text),
            Token::Signed(number) => signed(number, &mut self.text),
            Token::Float(number) => number::write(number, &mut self.text),
            // JavaScript drops the fraction; `as` bounds what is out of range, and `date` refuses it there.
            Token::Date(millis) => pieces::date(millis as i64, &mut self.text),
            Token::Bin(bytes) => self.bytes(bytes)?,
            Token::Ext(kind, data) => {
                self.text.push('[');
                signed(kind.into(), &mut self.text);
                self.text.push(',');
                self.bytes(data)?;
                self.text.push(']');
            }
            Token::Array(_) | Token::Map(_) => return Err(Refused::InvalidMsgpack),
        }
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        if self.binary == Binary::Written {
            buffer::write(bytes, &mut self.text);
            return Ok(());
        }
        let index = self.attachments.len();
        if index >= self.limits.attachments_max {
            return Err(Refused::TooManyAttachments);
        }
        self.attachments_len = self.attachments_len.saturating_add(bytes.len());
        if self.attachments_len > self.limits.attachment_bytes_max {
            return Err(Refused::AttachmentsTooLarge);
        }
        self.attachments.push(self.bytes.slice_ref(bytes));
        // Writing to a `String` cannot fail.
        let _ = write!(self.text, r#"{{"_placeholder":true,"num":{index}}}"#);
        Ok(())
    }
}

/// A key that is no text, as JavaScript's `String()` makes it.
fn plain(token: Token<'_>, out: &mut String) -> Result<(), Refused> {
    match token {
        Token::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        // A key is a double to JavaScript before it is text.
        Token::Unsigned(number) => number::write(number as f64, out),
        Token::Signed(number) => number::write(number as f64, out),
        Token::Float(number) if number.is_nan() => out.push_str("NaN"),
        Token::Float(number) if number.is_infinite() => {
            out.push_str(if number > 0.0 { "Infinity" } else { "-Infinity" });
        }
        Token::Float(number) => number::write(number, out),
        Token::Nil => out.push_str("null"),
        // `[object Object]` and a local date are nothing anybody means.
        _ => return Err(Refused::InvalidKey),
    }
    Ok(())
}

/// Most numbers are small, and formatting has a price.
fn unsigned(number: u64, out: &mut String) {
    match u8::try_from(number) {
        Ok(digit @ 0..10) => out.push(char::from(b'0' + digit)),
        _ => {
            // Writing to a `String` cannot fail.
            let _ = write!(out, "{number}");
        }
    }
}

fn signed(number: i64, out: &mut String) {
    let _ = write!(out, "{number}");
}

/// By this a Node server sets an object's prototype, which its clients do not see.
pub(crate) const PROTOTYPE: &str = "__proto__";
