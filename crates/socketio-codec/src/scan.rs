//! The JSON scanner: checks a text in one pass, without recursion or allocation, and says where its parts are.
//!
//! It accepts what `JSON.parse` accepts (RFC 8259): lone surrogates and duplicate keys too, which some parsers that build
//! values refuse. But not a number that no double holds, such as `1e999`: for JavaScript that is `Infinity`, which cannot
//! be written as JSON again, and others refuse all that it stands in. It reads bytes that are known to be UTF-8; everything it cuts at is ASCII.

use core::ops::Range;

use crate::error::{DecodeError, DecodeErrorKind};
use crate::limits::Limits;

/// Where the elements of an array are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ArrayShape {
    /// The first element; empty if there is none.
    pub(crate) first: Range<usize>,
    /// From the second element to the last, with the commas between them; empty if there is none.
    pub(crate) rest: Range<usize>,
    /// How many elements.
    pub(crate) len: usize,
}

/// Is told of the objects that the scanner goes over, before it knows whether what follows is JSON.
pub(crate) trait Watch {
    /// An object begins at `at`.
    fn opened(&mut self, at: usize);
    /// Within the innermost object there is a key, with its quotes. Its value, perhaps behind white space, is at `value`.
    fn key(&mut self, bytes: &[u8], key: Range<usize>, value: usize);
    /// The innermost object ends before `end`.
    fn closed(&mut self, end: usize);
}

/// Nobody wants to know.
impl Watch for () {
    fn opened(&mut self, _: usize) {}
    fn key(&mut self, _: &[u8], _: Range<usize>, _: usize) {}
    fn closed(&mut self, _: usize) {}
}

/// Checks that from `start` on there is one array and nothing else.
// Inlined so that the shape need not be written to memory and read again.
#[inline(always)]
pub(crate) fn array(
    bytes: &[u8],
    start: usize,
    depth_max: usize,
    watch: &mut impl Watch,
) -> Result<ArrayShape, DecodeError> {
    let mut at = skip_whitespace(bytes, start);
    if bytes.get(at) != Some(&b'[') {
        return Err(not_an_array(bytes, at, depth_max));
    }
    if depth_max == 0 {
        return Err(DecodeError::new(DecodeErrorKind::TooDeep, at));
    }
    at = skip_whitespace(bytes, at + 1);
    if bytes.get(at) == Some(&b']') {
        end(bytes, at + 1)?;
        return Ok(ArrayShape { first: at..at, rest: at..at, len: 0 });
    }
    // An event's name.
    let first_end = match bytes.get(at) {
        Some(b'"') => string(bytes, at + 1).map_err(invalid)?,
        _ => watched_value(bytes, at, 1, depth_max, watch)?,
    };
    let first = at..first_end;
    at = skip_whitespace(bytes, first.end);
    let mut len = 1;
    let mut rest = first.end..first.end;
    if bytes.get(at) == Some(&b',') {
        rest.start = skip_whitespace(bytes, at + 1);
        let mut start = rest.start;
        loop {
            rest.end = watched_value(bytes, start, 1, depth_max, watch)?;
            at = skip_whitespace(bytes, rest.end);
            len += 1;
            if bytes.get(at) != Some(&b',') {
                break;
            }
            start = skip_whitespace(bytes, at + 1);
        }
    }
    if bytes.get(at) != Some(&b']') {
        return Err(invalid(at));
    }
    end(bytes, at + 1)?;
    Ok(ArrayShape { first, rest, len })
}

/// Checks that from `start` on there is one value and nothing else, and says where.
pub(crate) fn document(bytes: &[u8], start: usize, depth_max: usize) -> Result<Range<usize>, DecodeError> {
    let at = skip_whitespace(bytes, start);
    let value_end = value(bytes, at, 0, depth_max)?;
    end(bytes, value_end)?;
    Ok(at..value_end)
}

/// Says of what is no array whether it is JSON at all.
#[cold]
fn not_an_array(bytes: &[u8], start: usize, depth_max: usize) -> DecodeError {
    match document(bytes, start, depth_max) {
        Ok(_) => DecodeError::new(DecodeErrorKind::InvalidPayload, start),
        Err(error) => error,
    }
}

/// Checks that nothing but white space follows.
fn end(bytes: &[u8], at: usize) -> Result<(), DecodeError> {
    let at = skip_whitespace(bytes, at);
    if at < bytes.len() { Err(invalid(at)) } else { Ok(()) }
}

/// Checks the value that begins at `start` and gives its end. `depth` arrays and objects are open around it.
pub(crate) fn value(bytes: &[u8], start: usize, depth: usize, depth_max: usize) -> Result<usize, DecodeError> {
    watched_value(bytes, start, depth, depth_max, &mut ())
}

#[inline]
fn watched_value(
    bytes: &[u8],
    start: usize,
    depth: usize,
    depth_max: usize,
    watch: &mut impl Watch,
) -> Result<usize, DecodeError> {
    match bytes.get(start) {
        Some(b'{' | b'[') => {
            let depth_max = depth_max.min(Limits::JSON_DEPTH_CEILING).saturating_sub(depth);
            container(bytes, start, depth_max, watch)
        }
        // Nothing is to be remembered for these.
        Some(b'"') => string(bytes, start + 1).map_err(invalid),
        _ => scalar(bytes, start).map_err(invalid),
    }
}

/// Checks the array or object that begins at `start`.
///
/// What is open is one bit each, so nesting costs neither stack nor heap. Encoders write no white space: it is looked
/// for only where nothing else fits.
fn container(bytes: &[u8], start: usize, depth_max: usize, watch: &mut impl Watch) -> Result<usize, DecodeError> {
    let mut open = Open::new(depth_max);
    let mut at = start;
    loop {
        // A value begins at `at`.
        let mut is_closed = false;
        match bytes.get(at) {
            Some(b'"') => at = string(bytes, at + 1).map_err(invalid)?,
            Some(b'0'..=b'9') => {
                at = number(bytes, at).map_err(invalid)?;
                // Where there is one number there are many.
                while !open.is_object && matches!(bytes.get(at..at + 2), Some([b',', b'0'..=b'9'])) {
                    at = number(bytes, at + 1).map_err(invalid)?;
                }
            }
            Some(b'{') => {
                open.push(true, at)?;
                watch.opened(at);
                at = skip_whitespace(bytes, at + 1);
                if bytes.get(at) != Some(&b'}') {
                    at = key(bytes, at, watch).map_err(invalid)?;
                    continue;
                }
                is_closed = true;
            }
            Some(b'[') => {
                open.push(false, at)?;
                at = skip_whitespace(bytes, at + 1);
                if bytes.get(at) != Some(&b']') {
                    continue;
                }
                is_closed = true;
            }
            Some(b' ' | b'\n' | b'\r' | b'\t') => {
                at = skip_whitespace(bytes, at);
                continue;
            }
            _ => at = scalar(bytes, at).map_err(invalid)?,
        }
        // It ended at `at`, or ends there with a bracket.
        loop {
            if !is_closed {
                match bytes.get(at) {
                    Some(b',') => {
                        at += 1;
                        if open.is_object {
                            at = key(bytes, at, watch).map_err(invalid)?;
                        }
                        break;
                    }
                    Some(b'}') if open.is_object => {}
                    Some(b']') if !open.is_object => {}
                    Some(b' ' | b'\n' | b'\r' | b'\t') => {
                        at = skip_whitespace(bytes, at);
                        continue;
                    }
                    _ => return Err(invalid(at)),
                }
            }
            is_closed = false;
            at += 1;
            if open.is_object {
                watch.closed(at);
            }
            open.pop();
            if open.depth == 0 {
                return Ok(at);
            }
        }
    }
}

/// The arrays and objects that are open, as a stack of bits.
struct Open {
    /// One bit a level, the innermost excepted; set for an object.
    outer: [u64; Limits::JSON_DEPTH_CEILING / 64],
    is_object: bool,
    depth: usize,
    depth_max: usize,
}

impl Open {
    fn new(depth_max: usize) -> Self {
        Self { outer: [0; Limits::JSON_DEPTH_CEILING / 64], is_object: false, depth: 0, depth_max }
    }

    #[inline]
    fn push(&mut self, is_object: bool, at: usize) -> Result<(), DecodeError> {
        if self.depth >= self.depth_max {
            return Err(DecodeError::new(DecodeErrorKind::TooDeep, at));
        }
        if let Some(word) = self.outer.get_mut(self.depth / 64) {
            let bit = 1 << (self.depth % 64);
            *word = if self.is_object { *word | bit } else { *word & !bit };
        }
        self.depth += 1;
        self.is_object = is_object;
        Ok(())
    }

    #[inline]
    fn pop(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        let word = self.outer.get(self.depth / 64).copied().unwrap_or_default();
        self.is_object = word >> (self.depth % 64) & 1 == 1;
    }
}

// What follows is the hot part. It fails with nothing but the place of the wrong byte: that is returned in
// registers, which a `DecodeError` is not.

/// Checks a key and its colon, perhaps behind white space, and gives where its value begins, perhaps with white space.
#[inline]
fn key(bytes: &[u8], at: usize, watch: &mut impl Watch) -> Result<usize, usize> {
    let start = expect(bytes, at, b'"')?;
    let end = key_text(bytes, start)?;
    let value = expect(bytes, end, b':')?;
    watch.key(bytes, start - 1..end, value);
    Ok(value)
}

/// The place behind `byte`, which may have white space before it.
#[inline]
fn expect(bytes: &[u8], at: usize, byte: u8) -> Result<usize, usize> {
    if bytes.get(at) == Some(&byte) {
        return Ok(at + 1);
    }
    let at = skip_whitespace(bytes, at);
    if bytes.get(at) == Some(&byte) { Ok(at + 1) } else { Err(at) }
}

/// [`string`] for a key. Keys are short and come again and again in the same order, which a processor learns to foresee:
/// one by one it is faster then than eight at a time.
#[inline]
fn key_text(bytes: &[u8], start: usize) -> Result<usize, usize> {
    for at in start..start + 8 {
        match bytes.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => break,
            Some(byte) if *byte >= 0x20 => {}
            _ => return Err(at),
        }
    }
    string(bytes, start)
}

#[inline]
fn scalar(bytes: &[u8], at: usize) -> Result<usize, usize> {
    match bytes.get(at) {
        Some(b'"') => string(bytes, at + 1),
        Some(b'-') => number(bytes, at + 1),
        Some(b'0'..=b'9') => number(bytes, at),
        Some(b't') => literal(bytes, at, b"true"),
        Some(b'f') => literal(bytes, at, b"false"),
        Some(b'n') => literal(bytes, at, b"null"),
        _ => Err(at),
    }
}

/// Checks the string whose text begins at `at`, and gives the byte behind its closing quote.
#[inline]
pub(crate) fn string(bytes: &[u8], mut at: usize) -> Result<usize, usize> {
    loop {
        at = find_special(bytes, at);
        match bytes.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at = escape(bytes, at + 1)?,
            // A control character, or the end.
            _ => return Err(at),
        }
    }
}

/// Checks the escape whose letter is at `at`.
///
/// A surrogate that stands alone is accepted, as `JSON.parse` does.
fn escape(bytes: &[u8], at: usize) -> Result<usize, usize> {
    match bytes.get(at) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 1),
        Some(b'u') => match bytes.get(at + 1..at + 5) {
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => Ok(at + 5),
            _ => Err(at),
        },
        _ => Err(at),
    }
}

/// The first quote, backslash or control character from `at` on, or the end.
#[inline]
pub(crate) fn find_special(bytes: &[u8], mut at: usize) -> usize {
    // Most strings end within the first sixteen bytes.
    for _ in 0..2 {
        match bytes.get(at..).and_then(|rest| rest.first_chunk()) {
            Some(chunk) => match special_in(u64::from_le_bytes(*chunk)) {
                0 => at += 8,
                found => return at + (found.trailing_zeros() / 8) as usize,
            },
            None => return find_special_byte(bytes, at),
        }
    }
    find_special_far(bytes, at)
}

/// [`find_special`] for the rest of a long string: in blocks first, then in the block where it is.
#[inline(never)]
fn find_special_far(bytes: &[u8], mut at: usize) -> usize {
    while plain_block::<32>(bytes, at) {
        at += 32;
    }
    if plain_block::<16>(bytes, at) {
        at += 16;
    }
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        match special_in(u64::from_le_bytes(*chunk)) {
            0 => at += 8,
            found => return at + (found.trailing_zeros() / 8) as usize,
        }
    }
    find_special_byte(bytes, at)
}

/// Whether there are `LEN` more bytes, all of them plain text.
#[inline]
fn plain_block<const LEN: usize>(bytes: &[u8], at: usize) -> bool {
    let Some(block) = bytes.get(at..).and_then(|rest| rest.first_chunk::<LEN>()) else { return false };
    // Without a branch for each byte the compiler makes this a few vector instructions; and with one comparison, with
    // zero, half as many as with three.
    let is_special = |byte: u8| (byte ^ b'"').min(byte ^ b'\\').min(byte.saturating_sub(0x1f)) == 0;
    block.iter().fold(0, |any, byte| any | u8::from(is_special(*byte))) == 0
}

/// [`find_special`] byte by byte.
#[inline]
fn find_special_byte(bytes: &[u8], mut at: usize) -> usize {
    while let Some(byte) = bytes.get(at) {
        if matches!(byte, b'"' | b'\\' | ..0x20) {
            break;
        }
        at += 1;
    }
    at
}

/// A set high bit in the first byte, in little-endian order, that ends a run of plain text; 0 if none does.
/// Bytes behind the first may be marked by the borrow of a subtraction, so only the lowest bit counts.
#[inline]
fn special_in(chunk: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    let control = chunk.wrapping_sub(ONES * 0x20) & !chunk;
    let quote = chunk ^ (ONES * b'"' as u64);
    let quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = chunk ^ (ONES * b'\\' as u64);
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    (control | quote | backslash) & (ONES << 7)
}

/// Checks the number whose digits begin at `at`.
#[inline]
fn number(bytes: &[u8], start: usize) -> Result<usize, usize> {
    let mut at = start;
    at = match bytes.get(at) {
        // No digit may follow a leading zero: whatever follows is then no separator.
        Some(b'0') => at + 1,
        Some(b'1'..=b'9') => skip_digits(bytes, at + 1),
        _ => return Err(at),
    };
    // With fewer digits, and an exponent below a hundred, it is not near 10^308.
    let mut is_long = at - start > 200;
    if bytes.get(at) == Some(&b'.') {
        at = digits(bytes, at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = bytes.get(at) {
            at += 1;
        }
        let exponent = at;
        at = digits(bytes, at)?;
        is_long |= at - exponent > 2;
    }
    if is_long && is_too_large(bytes.get(start..at)) { Err(start) } else { Ok(at) }
}

/// Whether no double is as large.
#[cold]
fn is_too_large(digits: Option<&[u8]>) -> bool {
    let number = digits.and_then(|digits| core::str::from_utf8(digits).ok()?.parse::<f64>().ok());
    number.is_none_or(f64::is_infinite)
}

/// At least one digit, of a fraction or an exponent. Fractions are long, and of any length.
#[inline]
fn digits(bytes: &[u8], at: usize) -> Result<usize, usize> {
    let end = skip_digits_far(bytes, at);
    if end == at { Err(at) } else { Ok(end) }
}

/// The byte behind the digits of an integer part from `at` on.
#[inline]
fn skip_digits(bytes: &[u8], mut at: usize) -> usize {
    // Most integers are short. One by one the processor guesses where they end and goes on meanwhile; eight at a time
    // everything behind waits for the answer.
    for _ in 0..4 {
        match bytes.get(at) {
            Some(b'0'..=b'9') => at += 1,
            _ => return at,
        }
    }
    skip_digits_far(bytes, at)
}

/// The byte behind the digits from `at` on, eight at a time.
#[inline]
fn skip_digits_far(bytes: &[u8], mut at: usize) -> usize {
    const ONES: u64 = u64::MAX / 255;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        // 0 to 9 for a digit. Adding 0x76 carries everything else into the high bit, where it is not there already.
        let values = u64::from_le_bytes(*chunk) ^ (ONES * b'0' as u64);
        match (values.wrapping_add(ONES * 0x76) | values) & (ONES << 7) {
            0 => at += 8,
            found => return at + (found.trailing_zeros() / 8) as usize,
        }
    }
    while let Some(b'0'..=b'9') = bytes.get(at) {
        at += 1;
    }
    at
}

#[inline]
fn literal<const LEN: usize>(bytes: &[u8], at: usize, word: &[u8; LEN]) -> Result<usize, usize> {
    match bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(found) if found == word => Ok(at + LEN),
        _ => Err(at),
    }
}

#[inline]
pub(crate) fn skip_whitespace(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at) {
        // Encoders write none: one comparison, and the loop out of the way.
        Some(byte) if *byte > b' ' => at,
        _ => skip_whitespace_loop(bytes, at),
    }
}

#[cold]
fn skip_whitespace_loop(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

#[cold]
pub(crate) fn invalid(at: usize) -> DecodeError {
    DecodeError::new(DecodeErrorKind::InvalidJson, at)
}
