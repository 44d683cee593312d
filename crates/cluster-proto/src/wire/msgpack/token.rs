//! The heads of MessagePack values, in every form that `notepack.io` 3.0.1 reads.

use crate::wire::refused::Refused;

/// A value, or the head of one that has others in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Token<'a> {
    /// Nil, and what `notepack.io` once wrote for `undefined` (a fixext 1 of type 0).
    Nil,
    Bool(bool),
    Unsigned(u64),
    /// Always negative.
    Signed(i64),
    Float(f64),
    /// Text that may be no UTF-8.
    Str(&'a [u8]),
    /// Bytes, and what `notepack.io` once wrote for an `ArrayBuffer` (an ext of type 0).
    Bin(&'a [u8]),
    /// Milliseconds since 1970, with fractions that JavaScript drops; perhaps out of its range.
    Date(f64),
    /// Any other extension: its type and data.
    Ext(i8, &'a [u8]),
    /// So many values follow.
    Array(usize),
    /// So many pairs of values follow.
    Map(usize),
}

/// Reads the token at `at`, and moves `at` behind it. What a head announces is there, as far as that can be told: each
/// value takes at least a byte.
#[inline]
pub(crate) fn token<'a>(bytes: &'a [u8], at: &mut usize) -> Result<Token<'a>, Refused> {
    let mut heads = Heads { bytes, at: *at };
    let token = heads.token()?;
    *at = heads.at;
    let left = bytes.len().saturating_sub(*at);
    match token {
        Token::Array(len) if len > left => Err(Refused::Truncated),
        Token::Map(len) if len > left / 2 => Err(Refused::Truncated),
        _ => Ok(token),
    }
}

/// Goes over one value, whatever is in it: by counting, without a stack.
pub(crate) fn skip(bytes: &[u8], at: &mut usize) -> Result<(), Refused> {
    let mut left = 1;
    while left > 0 {
        left -= 1;
        // Each no more than there are bytes left: the sum is far from any end of numbers.
        left += match token(bytes, at)? {
            Token::Array(len) => len,
            Token::Map(len) => 2 * len,
            _ => 0,
        };
    }
    Ok(())
}

struct Heads<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Heads<'a> {
    #[inline]
    fn token(&mut self) -> Result<Token<'a>, Refused> {
        Ok(match self.byte()? {
            byte @ 0x00..=0x7f => Token::Unsigned(u64::from(byte)),
            byte @ 0x80..=0x8f => Token::Map(usize::from(byte & 0x0f)),
            byte @ 0x90..=0x9f => Token::Array(usize::from(byte & 0x0f)),
            byte @ 0xa0..=0xbf => Token::Str(self.take(usize::from(byte & 0x1f))?),
            byte @ 0xe0..=0xff => Token::Signed(i64::from(byte.cast_signed())),
            byte => return self.long(byte),
        })
    }

    /// Those with more than a byte of head.
    fn long(&mut self, byte: u8) -> Result<Token<'a>, Refused> {
        Ok(match byte {
            0xc0 => Token::Nil,
            0xc2 => Token::Bool(false),
            0xc3 => Token::Bool(true),
            0xc4..=0xc6 => Token::Bin(self.prefixed(byte - 0xc4)?),
            0xc7..=0xc9 => return self.ext(byte),
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
            0xd4..=0xd8 => return self.fixext(1 << (byte - 0xd4)),
            0xd9..=0xdb => Token::Str(self.prefixed(byte - 0xd9)?),
            0xdc => Token::Array(self.len(1)?),
            0xdd => Token::Array(self.len(2)?),
            0xde => Token::Map(self.len(1)?),
            0xdf => Token::Map(self.len(2)?),
            _ => return Err(Refused::InvalidMsgpack),
        })
    }

    fn fixext(&mut self, len: usize) -> Result<Token<'a>, Refused> {
        let kind = i8::from_be_bytes(self.array()?);
        let data = self.take(len)?;
        Ok(match (kind, data) {
            (0, [_]) => Token::Nil,
            // The old form of a date.
            (0, data) if len == 8 => Token::Date(word(data) as i64 as f64),
            (-1, data) if len == 4 => Token::Date(word(data) as f64 * 1e3),
            (-1, data) if len == 8 => {
                let (nanoseconds, seconds) = (word(data) >> 34, word(data) & 0x3_ffff_ffff);
                Token::Date(seconds as f64 * 1e3 + nanoseconds as f64 / 1e6)
            }
            _ => Token::Ext(kind, data),
        })
    }

    fn ext(&mut self, head: u8) -> Result<Token<'a>, Refused> {
        let len = self.len(head - 0xc7)?;
        let kind = i8::from_be_bytes(self.array()?);
        let data = self.take(len)?;
        match (kind, head) {
            (0, _) => Ok(Token::Bin(data)),
            // `notepack.io` reads 12 bytes whatever the length says: only where it says so the two of us agree.
            (-1, 0xc7) => match data.split_at_checked(4) {
                Some((nanoseconds, seconds)) if seconds.len() == 8 => {
                    Ok(Token::Date(word(seconds) as i64 as f64 * 1e3 + word(nanoseconds) as f64 / 1e6))
                }
                _ => Err(Refused::InvalidMsgpack),
            },
            _ => Ok(Token::Ext(kind, data)),
        }
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, Refused> {
        let byte = self.bytes.get(self.at).ok_or(Refused::Truncated)?;
        self.at += 1;
        Ok(*byte)
    }

    fn array<const LEN: usize>(&mut self) -> Result<[u8; LEN], Refused> {
        let array = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk()).ok_or(Refused::Truncated)?;
        self.at += LEN;
        Ok(*array)
    }

    /// A length of `2^power` bytes.
    fn len(&mut self, power: u8) -> Result<usize, Refused> {
        let len = word(self.take(1 << power)?);
        usize::try_from(len).map_err(|_| Refused::Truncated)
    }

    /// Data behind its length.
    fn prefixed(&mut self, power: u8) -> Result<&'a [u8], Refused> {
        let len = self.len(power)?;
        self.take(len)
    }

    #[inline]
    fn take(&mut self, len: usize) -> Result<&'a [u8], Refused> {
        let end = self.at.checked_add(len).ok_or(Refused::Truncated)?;
        let taken = self.bytes.get(self.at..end).ok_or(Refused::Truncated)?;
        self.at = end;
        Ok(taken)
    }
}

fn signed(number: i64) -> Token<'static> {
    u64::try_from(number).map_or(Token::Signed(number), Token::Unsigned)
}

/// At most eight bytes as a number, the highest first.
fn word(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))
}
