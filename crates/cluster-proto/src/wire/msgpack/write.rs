//! Values as MessagePack that a strict decoder reads.

use bytes::Bytes;
use socketio_codec::{Arguments, Json, pieces};

use super::values::PROTOTYPE;

/// Writes one value after the other: shortest forms, no extensions, text as UTF-8.
#[derive(Default)]
pub(crate) struct Packer {
    pub(crate) out: Vec<u8>,
    /// Members named `__proto__`.
    pub(crate) left_out: usize,
}

impl Packer {
    pub(crate) fn array(&mut self, len: usize) {
        match len {
            0..16 => self.out.push(0x90 | len as u8),
            _ => self.long(0xdc, len),
        }
    }

    pub(crate) fn map(&mut self, len: usize) {
        match len {
            0..16 => self.out.push(0x80 | len as u8),
            _ => self.long(0xde, len),
        }
    }

    pub(crate) fn str(&mut self, text: &str) {
        match text.len() {
            len @ 0..32 => self.out.push(0xa0 | len as u8),
            len @ 32..0x100 => self.out.extend_from_slice(&[0xd9, len as u8]),
            len => self.long(0xda, len),
        }
        self.out.extend_from_slice(text.as_bytes());
    }

    pub(crate) fn bin(&mut self, bytes: &[u8]) {
        match bytes.len() {
            len @ 0..0x100 => self.out.extend_from_slice(&[0xc4, len as u8]),
            len => self.long(0xc5, len),
        }
        self.out.extend_from_slice(bytes);
    }

    pub(crate) fn nil(&mut self) {
        self.out.push(0xc0);
    }

    pub(crate) fn bool(&mut self, value: bool) {
        self.out.push(if value { 0xc3 } else { 0xc2 });
    }

    pub(crate) fn unsigned(&mut self, number: u64) {
        match number {
            0..0x80 => self.out.push(number as u8),
            0x80..0x100 => self.out.extend_from_slice(&[0xcc, number as u8]),
            0x100..0x1_0000 => self.prefixed(0xcd, &(number as u16).to_be_bytes()),
            0x1_0000..0x1_0000_0000 => self.prefixed(0xce, &(number as u32).to_be_bytes()),
            _ => self.prefixed(0xcf, &number.to_be_bytes()),
        }
    }

    /// One value of JSON.
    pub(crate) fn json(&mut self, json: &Json) {
        self.text(json.as_bytes(), &mut std::iter::empty());
    }

    /// The name or number that an event has for a name.
    pub(crate) fn literal(&mut self, literal: &str) {
        self.scalar(literal);
    }

    /// A list's values, one after the other, with the attachments in their places.
    pub(crate) fn values(&mut self, arguments: &Arguments) {
        // MessagePack is rarely longer than JSON; and what follows the values takes a few bytes more.
        let attached: usize = arguments.attachments().iter().map(Bytes::len).sum();
        self.out.reserve(arguments.as_bytes().len() + attached + 128);
        self.text(
            arguments.as_bytes(),
            &mut arguments.placeholders().map(|(place, bytes)| (place.start, place.end, bytes)),
        );
    }

    /// Goes over checked JSON once. `attachments` are places and what belongs there, in the order of the text.
    fn text(&mut self, text: &[u8], attachments: &mut dyn Iterator<Item = (usize, usize, &Bytes)>) {
        let mut open: Vec<Open> = Vec::new();
        let mut next = attachments.next();
        let mut at = pieces::skip_whitespace(text, 0);
        while let Some(byte) = text.get(at) {
            match byte {
                b'{' | b'[' => {
                    self.count(&mut open, false);
                    // One within another went with it.
                    while next.as_ref().is_some_and(|(start, ..)| *start < at) {
                        next = attachments.next();
                    }
                    match next {
                        Some((start, end, bytes)) if start == at => {
                            self.bin(bytes);
                            at = end;
                        }
                        _ => {
                            self.begin(&mut open, *byte == b'{');
                            at += 1;
                        }
                    }
                }
                b'}' | b']' => {
                    self.finish(open.pop());
                    at += 1;
                }
                b',' | b':' => at += 1,
                // The text was checked: there is no other end than this.
                _ => match pieces::value_end(text, at, 0) {
                    Ok(end) => at = self.leaf(text, at..end, &mut open),
                    Err(_) => return,
                },
            }
            at = pieces::skip_whitespace(text, at);
        }
    }

    /// Writes a key or a value that has no others in it, and says where what follows begins.
    fn leaf(&mut self, text: &[u8], span: std::ops::Range<usize>, open: &mut [Open]) -> usize {
        let end = span.end;
        let literal = std::str::from_utf8(text.get(span).unwrap_or_default()).unwrap_or_default();
        let after = pieces::skip_whitespace(text, end);
        let is_key = text.get(after) == Some(&b':');
        if is_key && pieces::unescape(literal) == PROTOTYPE {
            self.left_out += 1;
            return member_end(text, after + 1);
        }
        self.count(open, is_key);
        self.scalar(literal);
        end
    }

    fn scalar(&mut self, literal: &str) {
        match literal.as_bytes().first() {
            Some(b'"') => self.str(&pieces::unescape(literal)),
            Some(b't') => self.bool(true),
            Some(b'f') => self.bool(false),
            Some(b'n') => self.nil(),
            _ => self.number(literal),
        }
    }

    /// Digits only, as far as integers go, are one; all else is a double.
    fn number(&mut self, literal: &str) {
        if let Ok(number) = literal.parse::<u64>() {
            self.unsigned(number);
        } else if let Some(number) = literal.parse::<i64>().ok().filter(|number| *number != 0) {
            self.negative(number);
        } else {
            let double = literal.parse::<f64>().unwrap_or(f64::NAN);
            self.prefixed(0xcb, &double.to_be_bytes());
        }
    }

    fn negative(&mut self, number: i64) {
        if let Ok(number) = i8::try_from(number) {
            match number {
                -32.. => self.out.push(number.cast_unsigned()),
                _ => self.prefixed(0xd0, &number.to_be_bytes()),
            }
        } else if let Ok(number) = i16::try_from(number) {
            self.prefixed(0xd1, &number.to_be_bytes());
        } else if let Ok(number) = i32::try_from(number) {
            self.prefixed(0xd2, &number.to_be_bytes());
        } else {
            self.prefixed(0xd3, &number.to_be_bytes());
        }
    }

    /// Begins an array or map of a length that is known at its end: with a byte for it, as most are short; deep inside,
    /// where what is written would be moved again and again, with five at once.
    fn begin(&mut self, open: &mut Vec<Open>, is_map: bool) {
        let is_long = open.len() >= MOVED_DEPTH_MAX;
        open.push(Open { head: self.out.len(), len: 0, is_map, is_long });
        self.out.extend_from_slice(if is_long { &[0; 5] } else { &[0] });
    }

    /// One more in what is open. Keys are counted, not their values.
    #[inline]
    fn count(&mut self, open: &mut [Open], is_key: bool) {
        let Some(top) = open.last_mut().filter(|top| top.is_map == is_key) else { return };
        top.len = top.len.saturating_add(1);
        if top.len == 16 && !top.is_long {
            top.is_long = true;
            self.out.splice(top.head..top.head, [0; 4]);
        }
    }

    fn finish(&mut self, closed: Option<Open>) {
        let Some(Open { head, len, is_map, is_long }) = closed else { return };
        let short = [if is_map { 0x80 } else { 0x90 } | (len & 0x0f) as u8];
        let mut long = [if is_map { 0xdf } else { 0xdd }, 0, 0, 0, 0];
        if let Some(place) = long.get_mut(1..) {
            place.copy_from_slice(&len.to_be_bytes());
        }
        let bytes: &[u8] = if is_long { &long } else { &short };
        if let Some(place) = self.out.get_mut(head..head + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }

    /// A length of 16 bits behind `prefix`, or of 32 bits behind the prefix after it. No message reaches 4 GiB.
    fn long(&mut self, prefix: u8, len: usize) {
        match u16::try_from(len) {
            Ok(len) => self.prefixed(prefix, &len.to_be_bytes()),
            Err(_) => self.prefixed(prefix + 1, &(len as u32).to_be_bytes()),
        }
    }

    fn prefixed(&mut self, prefix: u8, bytes: &[u8]) {
        self.out.push(prefix);
        self.out.extend_from_slice(bytes);
    }
}

/// An array or map whose end is not yet known.
struct Open {
    /// Where its length is to be written.
    head: usize,
    len: u32,
    is_map: bool,
    is_long: bool,
}

/// Behind the value at `at`: its text was checked.
fn member_end(text: &[u8], at: usize) -> usize {
    let at = pieces::skip_whitespace(text, at);
    pieces::value_end(text, at, socketio_codec::Limits::JSON_DEPTH_CEILING).unwrap_or(text.len())
}

/// How deep an array or map may be whose first members are moved when it turns out to be long.
const MOVED_DEPTH_MAX: usize = 8;
