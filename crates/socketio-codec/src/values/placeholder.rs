//! Where the attachments of a binary packet belong.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::error::{DecodeError, DecodeErrorKind};
use crate::scan::{self, Watch};

/// An object that stands for an attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placeholder {
    /// Where the object is.
    pub(crate) span: Range<usize>,
    /// Which attachment.
    pub(crate) index: usize,
}

/// Finds the placeholders in a payload, while the scanner goes over it.
///
/// An object is a placeholder when its `_placeholder` (the last one, as for `JSON.parse`) is `true`; it may have
/// other members. Stricter than the reference where an encoder never goes:
/// - `num` is written with digits only. The reference takes `1.0`, and gives `undefined` for `0.5`.
/// - No two placeholders name one attachment. A receiver that copies would be made to copy it any number of times.
/// - A placeholder within a placeholder is checked like any other. The reference does not look there.
///
/// An attachment that no placeholder names is accepted, as in the reference.
pub(crate) struct Finder {
    attachments: usize,
    found: Vec<Placeholder>,
    named: Named,
    open: Open,
    /// The first wrong placeholder. That the payload is no JSON goes before.
    error: Option<DecodeError>,
}

impl Finder {
    /// For the payload that announces so many attachments.
    pub(crate) fn new(attachments: usize) -> Self {
        // Once for the usual packet, but not for whatever number a frame has.
        let found = Vec::with_capacity(attachments.min(8));
        Self { attachments, found, named: Named::default(), open: Open::default(), error: None }
    }

    /// The placeholders in the order of their beginnings.
    pub(crate) fn finish(mut self) -> Result<Vec<Placeholder>, DecodeError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        // They were found in the order of their ends.
        self.found.sort_unstable_by_key(|placeholder| placeholder.span.start);
        Ok(self.found)
    }
}

impl Watch for Finder {
    fn opened(&mut self, at: usize) {
        self.open.push(Object::new(at));
    }

    #[inline]
    fn key(&mut self, bytes: &[u8], key: Range<usize>, value: usize) {
        if let (Some(object), Some(key)) = (self.open.last_mut(), bytes.get(key)) {
            object.member(key, bytes, value);
        }
    }

    fn closed(&mut self, end: usize) {
        let Some(object) = self.open.pop().filter(|object| object.is_placeholder) else { return };
        match object.num {
            Some(index) if index < self.attachments && self.named.insert(index) => {
                self.found.push(Placeholder { span: object.start..end, index });
            }
            _ => {
                let error = DecodeError::new(DecodeErrorKind::InvalidPlaceholder, object.start);
                self.error.get_or_insert(error);
            }
        }
    }
}

/// The attachments that have a placeholder. A set of numbers, of which most packets have few.
#[derive(Default)]
struct Named {
    first: u64,
    /// From 64 on.
    others: Vec<bool>,
}

impl Named {
    /// False if it is there already.
    fn insert(&mut self, index: usize) -> bool {
        let Some(other) = index.checked_sub(64) else {
            let before = self.first;
            self.first |= 1 << index;
            return self.first != before;
        };
        if self.others.len() <= other {
            self.others.resize(other + 1, false);
        }
        self.others.get_mut(other).is_some_and(|is_named| !core::mem::replace(is_named, true))
    }
}

/// The objects that are open. The outer ones are where no memory has to be found for them: few payloads nest deeper.
#[derive(Default)]
struct Open {
    outer: [Object; 8],
    inner: Vec<Object>,
    depth: usize,
}

impl Open {
    fn push(&mut self, object: Object) {
        match self.outer.get_mut(self.depth) {
            Some(place) => *place = object,
            None => self.inner.push(object),
        }
        self.depth += 1;
    }

    fn pop(&mut self) -> Option<Object> {
        self.depth = self.depth.checked_sub(1)?;
        match self.outer.get(self.depth) {
            Some(object) => Some(*object),
            None => self.inner.pop(),
        }
    }

    fn last_mut(&mut self) -> Option<&mut Object> {
        match self.outer.get_mut(self.depth.checked_sub(1)?) {
            Some(object) => Some(object),
            None => self.inner.last_mut(),
        }
    }
}

/// What is known of an object that is open.
#[derive(Clone, Copy, Default)]
struct Object {
    start: usize,
    is_placeholder: bool,
    num: Option<usize>,
}

impl Object {
    fn new(start: usize) -> Self {
        Self { start, is_placeholder: false, num: None }
    }

    /// A key with its quotes, and where its value begins. The last of two equal keys counts.
    #[inline]
    fn member(&mut self, key: &[u8], bytes: &[u8], value: usize) {
        match key {
            br#""_placeholder""# => self.is_placeholder = is_true(bytes, value),
            br#""num""# => self.num = index(bytes, value),
            // Written with escapes it is the same key. Longer than this even escaped letter by letter, it is not.
            key if key.len() <= 6 * "_placeholder".len() + 2 && key.contains(&b'\\') => {
                match serde_json::from_slice::<String>(key).as_deref() {
                    Ok("_placeholder") => self.is_placeholder = is_true(bytes, value),
                    Ok("num") => self.num = index(bytes, value),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

/// Whether the value is `true`. What else begins so is no JSON, which the scanner will see.
fn is_true(bytes: &[u8], value: usize) -> bool {
    bytes.get(scan::skip_whitespace(bytes, value)..).is_some_and(|value| value.starts_with(b"true"))
}

/// The value, if it is written with digits only.
fn index(bytes: &[u8], value: usize) -> Option<usize> {
    let value = bytes.get(scan::skip_whitespace(bytes, value)..).unwrap_or_default();
    let len = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let digits = value.get(..len).filter(|digits| (1..=9).contains(&digits.len()))?;
    match value.get(len) {
        Some(b'.' | b'e' | b'E') => None,
        _ => Some(digits.iter().fold(0, |number, digit| number * 10 + usize::from(digit - b'0'))),
    }
}
