//! Where the attachments of a binary packet belong.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use crate::error::{DecodeError, DecodeErrorKind};
use crate::scan;

/// An object that stands for an attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placeholder {
    /// Where the object is.
    pub(crate) span: Range<usize>,
    /// Which attachment.
    pub(crate) index: usize,
}

/// Finds the placeholders in a payload that the scanner has accepted, in the order of their beginnings.
///
/// An object is a placeholder when its `_placeholder` (the last one, as for `JSON.parse`) is `true`; it may have
/// other members. Stricter than the reference where an encoder never goes:
/// - `num` is written with digits only. The reference takes `1.0`, and gives `undefined` for `0.5`.
/// - No two placeholders name one attachment. A receiver that copies would be made to copy it any number of times.
/// - A placeholder within a placeholder is checked like any other. The reference does not look there.
///
/// An attachment that no placeholder names is accepted, as in the reference.
pub(crate) fn find(bytes: &[u8], payload: Range<usize>, attachments: usize) -> Result<Vec<Placeholder>, DecodeError> {
    let mut found: Vec<Placeholder> = Vec::new();
    if attachments == 0 {
        return Ok(found);
    }
    let mut is_named = vec![false; attachments];
    let mut objects: Vec<Object> = Vec::new();
    let mut at = payload.start;
    while at < payload.end {
        match bytes.get(at) {
            Some(b'{') => {
                objects.push(Object::new(at));
                at += 1;
            }
            Some(b'}') => {
                at += 1;
                if let Some(object) = objects.pop().filter(|object| object.is_placeholder) {
                    let named = object.num.and_then(|index| Some((index, is_named.get_mut(index)?)));
                    match named {
                        Some((index, is_named)) if !*is_named => {
                            *is_named = true;
                            found.push(Placeholder { span: object.start..at, index });
                        }
                        _ => return Err(DecodeError::new(DecodeErrorKind::InvalidPlaceholder, object.start)),
                    }
                }
            }
            Some(b'"') => {
                let text_end = scan::string(bytes, at + 1).map_err(scan::invalid)?;
                let after = scan::skip_whitespace(bytes, text_end);
                // Only a key has a colon behind it.
                if bytes.get(after) == Some(&b':') {
                    let value = scan::skip_whitespace(bytes, after + 1);
                    if let (Some(object), Some(key)) = (objects.last_mut(), bytes.get(at..text_end)) {
                        object.member(key, bytes.get(value..payload.end).unwrap_or_default());
                    }
                    at = value;
                } else {
                    at = text_end;
                }
            }
            _ => at += 1,
        }
    }
    // They were found in the order of their ends.
    found.sort_unstable_by_key(|placeholder| placeholder.span.start);
    Ok(found)
}

/// What is known of an object that is open.
struct Object {
    start: usize,
    is_placeholder: bool,
    num: Option<usize>,
}

impl Object {
    fn new(start: usize) -> Self {
        Self { start, is_placeholder: false, num: None }
    }

    /// A key with its quotes, and the text from its value on. The last of two equal keys counts.
    fn member(&mut self, key: &[u8], value: &[u8]) {
        match key {
            br#""_placeholder""# => self.is_placeholder = value.starts_with(b"true"),
            br#""num""# => self.num = index(value),
            // Written with escapes it is the same key. Longer than this even escaped letter by letter, it is not.
            key if key.len() <= 6 * "_placeholder".len() + 2 && key.contains(&b'\\') => {
                match serde_json::from_slice::<String>(key).as_deref() {
                    Ok("_placeholder") => self.is_placeholder = value.starts_with(b"true"),
                    Ok("num") => self.num = index(value),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

/// The digits at the beginning of `value`, if they are all of it.
fn index(value: &[u8]) -> Option<usize> {
    let len = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let digits = value.get(..len).filter(|digits| (1..=9).contains(&digits.len()))?;
    match value.get(len) {
        Some(b'.' | b'e' | b'E') => None,
        _ => Some(digits.iter().fold(0, |number, digit| number * 10 + usize::from(digit - b'0'))),
    }
}
