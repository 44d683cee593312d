//! The MessagePack scanner: checks values without recursion or allocation.

use crate::error::{DecodeError, DecodeErrorKind};
use crate::msgpack::DEPTH_CEILING;

/// The head of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Token<'a> {
    Nil,
    Bool(bool),
    Unsigned(u64),
    /// Always negative.
    Signed(i64),
    Float(f64),
    Str(&'a str),
    Bin(&'a [u8]),
    /// How `notepack.io` writes `undefined`: a fixext 1 of type 0.
    Undefined,
    /// How it writes a date, in milliseconds since 1970: a fixext 8 of type 0.
    Date(i64),
    /// Any other extension: its type and data.
    Ext(i8, &'a [u8]),
    /// So many values follow.
    Array(usize),
    /// So many pairs of values follow.
    Map(usize),
}

/// Reads the head of the value at `at` (with the bytes of a string or the like), and gives the byte behind it.
pub(crate) fn token(bytes: &[u8], at: usize) -> Result<(Token<'_>, usize), DecodeError> {
    let mut reader = Reader { bytes, start: at, at };
    let token = reader.head()?;
    Ok((token, reader.at))
}

struct Reader<'a> {
    bytes: &'a [u8],
    /// Of the value: where it is wrong, should the bytes end too early.
    start: usize,
    at: usize,
}

impl<'a> Reader<'a> {
    #[inline]
    fn head(&mut self) -> Result<Token<'a>, DecodeError> {
        Ok(match self.byte()? {
            byte @ 0x00..=0x7f => Token::Unsigned(u64::from(byte)),
            byte @ 0x80..=0x8f => Token::Map(usize::from(byte & 0x0f)),
            byte @ 0x90..=0x9f => Token::Array(usize::from(byte & 0x0f)),
            byte @ 0xa0..=0xbf => return self.str(usize::from(byte & 0x1f)),
            0xc0 => Token::Nil,
            0xc1 => return Err(self.invalid()),
            0xc2 => Token::Bool(false),
            0xc3 => Token::Bool(true),
            0xc4 => {
                let len = self.len::<1>()?;
                Token::Bin(self.take(len)?)
            }
            0xc5 => {
                let len = self.len::<2>()?;
                Token::Bin(self.take(len)?)
            }
            0xc6 => {
                let len = self.len::<4>()?;
                Token::Bin(self.take(len)?)
            }
            0xc7 => {
                let len = self.len::<1>()?;
                self.ext(len)?
            }
            0xc8 => {
                let len = self.len::<2>()?;
                self.ext(len)?
            }
            0xc9 => {
                let len = self.len::<4>()?;
                self.ext(len)?
            }
            0xca => Token::Float(f64::from(f32::from_be_bytes(self.array()?))),
            0xcb => Token::Float(f64::from_be_bytes(self.array()?)),
            0xcc => Token::Unsigned(u64::from(self.byte()?)),
            0xcd => Token::Unsigned(u64::from(u16::from_be_bytes(self.array()?))),
            0xce => Token::Unsigned(u64::from(u32::from_be_bytes(self.array()?))),
            0xcf => Token::Unsigned(u64::from_be_bytes(self.array()?)),
            0xd0 => signed(i64::from(i8::from_be_bytes(self.array()?))),
            0xd1 => signed(i64::from(i16::from_be_bytes(self.array()?))),
            0xd2 => signed(i64::from(i32::from_be_bytes(self.array()?))),
            0xd3 => signed(i64::from_be_bytes(self.array()?)),
            byte @ 0xd4..=0xd8 => match (byte, self.fixext(1 << (byte - 0xd4))?) {
                (0xd4, Token::Ext(0, _)) => Token::Undefined,
                (0xd7, Token::Ext(0, millis)) => match millis.first_chunk() {
                    Some(millis) => Token::Date(i64::from_be_bytes(*millis)),
                    None => return Err(self.invalid()),
                },
                (_, other) => other,
            },
            0xd9 => {
                let len = self.len::<1>()?;
                return self.str(len);
            }
            0xda => {
                let len = self.len::<2>()?;
                return self.str(len);
            }
            0xdb => {
                let len = self.len::<4>()?;
                return self.str(len);
            }
            0xdc => Token::Array(self.len::<2>()?),
            0xdd => Token::Array(self.len::<4>()?),
            0xde => Token::Map(self.len::<2>()?),
            0xdf => Token::Map(self.len::<4>()?),
            byte @ 0xe0..=0xff => Token::Signed(i64::from(byte.cast_signed())),
        })
    }

    #[cold]
    fn invalid(&self) -> DecodeError {
        invalid(self.start)
    }

    fn byte(&mut self) -> Result<u8, DecodeError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    fn array<const LEN: usize>(&mut self) -> Result<[u8; LEN], DecodeError> {
        let array = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk()).ok_or_else(|| self.invalid())?;
        self.at += LEN;
        Ok(*array)
    }

    /// A length of `LEN` bytes, at most 4.
    fn len<const LEN: usize>(&mut self) -> Result<usize, DecodeError> {
        let bytes: [u8; LEN] = self.array()?;
        let len = bytes.iter().fold(0u64, |len, byte| len << 8 | u64::from(*byte));
        usize::try_from(len).map_err(|_| self.invalid())
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let end = self.at.checked_add(len).ok_or_else(|| self.invalid())?;
        let taken = self.bytes.get(self.at..end).ok_or_else(|| self.invalid())?;
        self.at = end;
        Ok(taken)
    }

    /// An extension with a length. Of type 0 it is an `ArrayBuffer`, which is bytes as well as a `Buffer` is.
    fn ext(&mut self, len: usize) -> Result<Token<'a>, DecodeError> {
        Ok(match self.fixext(len)? {
            Token::Ext(0, bytes) => Token::Bin(bytes),
            other => other,
        })
    }

    fn fixext(&mut self, len: usize) -> Result<Token<'a>, DecodeError> {
        let kind = i8::from_be_bytes(self.array()?);
        Ok(Token::Ext(kind, self.take(len)?))
    }

    fn str(&mut self, len: usize) -> Result<Token<'a>, DecodeError> {
        let text = self.take(len)?;
        match core::str::from_utf8(text) {
            Ok(text) => Ok(Token::Str(text)),
            Err(error) => Err(DecodeError::new(DecodeErrorKind::NotUtf8, self.at - text.len() + error.valid_up_to())),
        }
    }
}

fn signed(number: i64) -> Token<'static> {
    u64::try_from(number).map_or(Token::Signed(number), Token::Unsigned)
}

/// Checks the value that begins at `start` and gives its end. `depth` arrays and maps are open around it.
pub(crate) fn value(bytes: &[u8], start: usize, depth: usize, depth_max: usize) -> Result<usize, DecodeError> {
    match skip(bytes, start)? {
        (end, Skipped::Leaf) => Ok(end),
        // Only for these is something to be remembered.
        (end, head) => container(bytes, start, end, head, depth_max.min(DEPTH_CEILING).saturating_sub(depth)),
    }
}

/// Checks the array or map whose head is from `start` to `at`.
fn container(bytes: &[u8], start: usize, mut at: usize, head: Skipped, depth_max: usize) -> Result<usize, DecodeError> {
    // The values still to come in each array or map that is open (keys and values of a map both count), and in the
    // lowest bit whether it is a map.
    let mut open = [0u64; DEPTH_CEILING];
    let mut depth = 0;
    // The innermost one.
    let mut left = 0;
    let mut is_map = false;
    let mut head_start = start;
    let mut head = head;
    loop {
        if let Skipped::Container { members, is_map: is_inner_map } = head {
            match open.get_mut(depth) {
                Some(outer) if depth < depth_max => *outer = left << 1 | u64::from(is_map),
                _ => return Err(DecodeError::new(DecodeErrorKind::TooDeep, head_start)),
            }
            depth += 1;
            (left, is_map) = (members, is_inner_map);
        }
        while left == 0 {
            let Some(outer) = depth.checked_sub(1).and_then(|outer| open.get(outer)) else { return Ok(at) };
            depth -= 1;
            (left, is_map) = (outer >> 1, outer & 1 == 1);
            if depth == 0 {
                return Ok(at);
            }
        }
        if is_map && left % 2 == 0 && is_prototype(bytes, at) {
            return Err(invalid(at));
        }
        left -= 1;
        head_start = at;
        (at, head) = skip(bytes, at)?;
    }
}

/// What was gone over.
#[derive(Clone, Copy)]
enum Skipped {
    /// A whole value.
    Leaf,
    /// The head of an array or map of so many values.
    Container { members: u64, is_map: bool },
}

/// Goes over the head of the value at `at`, with the bytes of a string or the like: [`token`], of which it is only the
/// length, for the forms that are frequent.
#[inline]
fn skip(bytes: &[u8], at: usize) -> Result<(usize, Skipped), DecodeError> {
    let Some(&head) = bytes.get(at) else { return Err(invalid(at)) };
    let len = match head {
        0x00..=0x7f | 0xc0 | 0xc2 | 0xc3 | 0xe0..=0xff => 1,
        0xcc | 0xd0 => 2,
        0xcd | 0xd1 => 3,
        0xca | 0xce | 0xd2 => 5,
        0xcb | 0xcf | 0xd3 => 9,
        0x80..=0x8f => {
            return Ok((at + 1, Skipped::Container { members: 2 * u64::from(head & 0x0f), is_map: true }));
        }
        0x90..=0x9f => return Ok((at + 1, Skipped::Container { members: u64::from(head & 0x0f), is_map: false })),
        0xa0..=0xbf => {
            let end = at + 1 + usize::from(head & 0x1f);
            // Short strings are ASCII mostly, which one look at each byte tells.
            return match bytes.get(at + 1..end) {
                Some(text) if text.is_ascii() => Ok((end, Skipped::Leaf)),
                _ => skip_token(bytes, at),
            };
        }
        _ => return skip_token(bytes, at),
    };
    if at + len > bytes.len() { Err(invalid(at)) } else { Ok((at + len, Skipped::Leaf)) }
}

fn skip_token(bytes: &[u8], at: usize) -> Result<(usize, Skipped), DecodeError> {
    let (token, end) = token(bytes, at)?;
    Ok(match token {
        Token::Array(len) => (end, Skipped::Container { members: len as u64, is_map: false }),
        Token::Map(len) => (end, Skipped::Container { members: 2 * len as u64, is_map: true }),
        _ => (end, Skipped::Leaf),
    })
}

/// Whether the key at `at` is one by which a receiver would change an object's prototype.
#[inline]
fn is_prototype(bytes: &[u8], at: usize) -> bool {
    match bytes.get(at) {
        Some(0xa9) => bytes.get(at + 1..at + 10) == Some(b"__proto__"),
        // In a longer form than it needs.
        Some(0xd9..=0xdb) => matches!(token(bytes, at), Ok((Token::Str("__proto__"), _))),
        _ => false,
    }
}

#[cold]
pub(crate) fn invalid(at: usize) -> DecodeError {
    DecodeError::new(DecodeErrorKind::InvalidMsgpack, at)
}
