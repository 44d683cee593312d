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
    let mut reader = Reader { bytes, at };
    let token = match reader.head(at) {
        Some(token) => token?,
        None => return Err(invalid(at)),
    };
    Ok((token, reader.at))
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// `None` where the bytes end too early.
    fn head(&mut self, start: usize) -> Option<Result<Token<'a>, DecodeError>> {
        Some(Ok(match self.byte()? {
            byte @ 0x00..=0x7f => Token::Unsigned(u64::from(byte)),
            byte @ 0x80..=0x8f => Token::Map(usize::from(byte & 0x0f)),
            byte @ 0x90..=0x9f => Token::Array(usize::from(byte & 0x0f)),
            byte @ 0xa0..=0xbf => return self.str(usize::from(byte & 0x1f)),
            0xc0 => Token::Nil,
            0xc1 => return Some(Err(invalid(start))),
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
                (0xd7, Token::Ext(0, millis)) => Token::Date(i64::from_be_bytes(*millis.first_chunk()?)),
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
        }))
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn array<const LEN: usize>(&mut self) -> Option<[u8; LEN]> {
        let array = self.bytes.get(self.at..)?.first_chunk()?;
        self.at += LEN;
        Some(*array)
    }

    /// A length of `LEN` bytes, at most 4.
    fn len<const LEN: usize>(&mut self) -> Option<usize> {
        let bytes: [u8; LEN] = self.array()?;
        let len = bytes.iter().fold(0u64, |len, byte| len << 8 | u64::from(*byte));
        usize::try_from(len).ok()
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(len)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    /// An extension with a length. Of type 0 it is an `ArrayBuffer`, which is bytes as well as a `Buffer` is.
    fn ext(&mut self, len: usize) -> Option<Token<'a>> {
        Some(match self.fixext(len)? {
            Token::Ext(0, bytes) => Token::Bin(bytes),
            other => other,
        })
    }

    fn fixext(&mut self, len: usize) -> Option<Token<'a>> {
        let kind = i8::from_be_bytes(self.array()?);
        Some(Token::Ext(kind, self.take(len)?))
    }

    fn str(&mut self, len: usize) -> Option<Result<Token<'a>, DecodeError>> {
        let start = self.at;
        Some(match core::str::from_utf8(self.take(len)?) {
            Ok(text) => Ok(Token::Str(text)),
            Err(error) => Err(DecodeError::new(DecodeErrorKind::NotUtf8, start + error.valid_up_to())),
        })
    }
}

fn signed(number: i64) -> Token<'static> {
    u64::try_from(number).map_or(Token::Signed(number), Token::Unsigned)
}

/// Checks the value that begins at `start` and gives its end. `depth` arrays and maps are open around it.
pub(crate) fn value(bytes: &[u8], start: usize, depth: usize, depth_max: usize) -> Result<usize, DecodeError> {
    let depth_max = depth_max.min(DEPTH_CEILING).saturating_sub(depth);
    // The values still to come in each array or map that is open; keys and values of a map both count.
    let mut open = [(0u64, false); DEPTH_CEILING];
    let mut depth: usize = 0;
    let mut at = start;
    loop {
        let (token, end) = token(bytes, at)?;
        if let Some((left, true)) = depth.checked_sub(1).and_then(|top| open.get(top))
            && left % 2 == 0
            && token == Token::Str("__proto__")
        {
            return Err(invalid(at));
        }
        let (members, is_map) = match token {
            Token::Array(len) => (len as u64, false),
            Token::Map(len) => (2 * len as u64, true),
            _ => (0, false),
        };
        if matches!(token, Token::Array(_) | Token::Map(_)) {
            match open.get_mut(depth) {
                Some(slot) if depth < depth_max => *slot = (members + 1, is_map),
                _ => return Err(DecodeError::new(DecodeErrorKind::TooDeep, at)),
            }
            depth += 1;
        }
        at = end;
        // One value came (the head of an array or map counts as one of itself); close what is complete.
        loop {
            let Some(top) = depth.checked_sub(1).and_then(|top| open.get_mut(top)) else { return Ok(at) };
            top.0 -= 1;
            if top.0 > 0 {
                break;
            }
            depth -= 1;
        }
    }
}

#[cold]
pub(crate) fn invalid(at: usize) -> DecodeError {
    DecodeError::new(DecodeErrorKind::InvalidMsgpack, at)
}
