//! Checked MessagePack.

use alloc::borrow::Cow;
use alloc::string::ToString;
use core::fmt;
use core::ops::Range;

use bytes::Bytes;

use crate::error::DecodeError;
use crate::limits::Limits;
use crate::msgpack::DEPTH_CEILING;
use crate::msgpack::json::{self, Prototypes};
use crate::msgpack::read::{self, Token};
use crate::values::arguments::Arguments;
use crate::values::json::Json;

/// One MessagePack value, checked but not read.
#[derive(Clone, PartialEq, Eq)]
pub struct Value(Bytes);

impl Value {
    /// Checks a value, which has to be all of `bytes`.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, DecodeError> {
        let end = read::value(&bytes, 0, 0, Limits::default().json_depth_max)?;
        if end < bytes.len() {
            return Err(read::invalid(end));
        }
        Ok(Self(bytes))
    }

    /// The same value from JSON.
    pub fn from_json(value: &Json) -> Result<Self, DecodeError> {
        Ok(Self(json::to_msgpack(value.as_bytes(), (&[], &[]), 0, Prototypes::Refuse)?.0))
    }

    /// The same value from JSON, without what [`from_json`](Self::from_json) fails for: see
    /// [`Values::from_json_lossy`].
    pub fn from_json_lossy(value: &Json) -> Self {
        // The text was checked: there is nothing else that could fail.
        let made = json::to_msgpack(value.as_bytes(), (&[], &[]), 0, Prototypes::LeaveOut);
        Self(made.map_or(Bytes::from_static(b"\xc0"), |(bytes, _)| bytes))
    }

    /// The same value as JSON. Fails for byte strings, which JSON has only in [`Arguments`].
    pub fn to_json(&self) -> Result<Json, DecodeError> {
        let (text, attachments) = json::to_json(&self.0, 0, 1)?;
        if !attachments.is_empty() {
            return Err(read::invalid(0));
        }
        Json::from_text(text.into())
    }

    /// For the decoder: a value that the scanner accepted.
    pub(crate) fn decoded(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// The MessagePack bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({:?})", self.0)
    }
}

/// A list of MessagePack values, checked but not read: the arguments of an event or acknowledgement.
///
/// Keeps the frame it is a part of; cloning copies nothing.
#[derive(Clone, Default)]
pub struct Values {
    bytes: Bytes,
    list: Range<usize>,
    len: usize,
}

impl Values {
    /// No values.
    pub const EMPTY: Self = Self { bytes: Bytes::new(), list: 0..0, len: 0 };

    /// For the decoder: a list that the scanner accepted.
    pub(crate) fn decoded(bytes: Bytes, list: Range<usize>, len: usize) -> Self {
        Self { bytes, list, len }
    }

    /// The same values from JSON, attachments as byte strings in the places of their placeholders.
    ///
    /// Numbers out of range become infinite, lone surrogates U+FFFD. Fails for a key `__proto__`.
    pub fn from_json(arguments: &Arguments) -> Result<Self, DecodeError> {
        let (bytes, len) =
            json::to_msgpack(arguments.as_bytes(), arguments.sources(), arguments.list_start(), Prototypes::Refuse)?;
        Ok(Self { list: 0..bytes.len(), bytes, len })
    }

    /// The same without members `__proto__`, wherever they are: for a sender that has to send what there is, and does
    /// not want to change prototypes at its receivers.
    pub fn from_json_lossy(arguments: &Arguments) -> Self {
        let made =
            json::to_msgpack(arguments.as_bytes(), arguments.sources(), arguments.list_start(), Prototypes::LeaveOut);
        // The text was checked: there is nothing else that could fail.
        made.map_or(Self::EMPTY, |(bytes, len)| Self { list: 0..bytes.len(), bytes, len })
    }

    /// The same values as JSON, byte strings as attachments.
    ///
    /// As in JavaScript's `JSON.stringify`, what JSON has no form for becomes `null` (undefined, infinite numbers),
    /// and a date its ISO 8601 text. Other extension types become the array of type and bytes that they are to
    /// JavaScript clients. Fails for nesting beyond the default limit, and a map that looks like a placeholder.
    pub fn to_json(&self) -> Result<Arguments, DecodeError> {
        let (list, attachments) = json::to_json(self.as_bytes(), 0, self.len)?;
        Arguments::with_attachments(["[", &list, "]"].concat().into(), attachments)
    }

    /// The same under other limits.
    pub(crate) fn to_json_within(&self, limits: &Limits) -> Result<Arguments, DecodeError> {
        let (list, attachments) = json::to_json(self.as_bytes(), 0, self.len)?;
        Arguments::within(["[", &list, "]"].concat().into(), attachments, limits)
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The MessagePack bytes, one value after the other.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(self.list.clone()).unwrap_or_default()
    }

    /// The values, each sharing the buffer.
    pub fn iter(&self) -> impl Iterator<Item = Value> {
        let mut at = self.list.start;
        (0..self.len).map_while(move |_| {
            let start = at;
            at = read::value(&self.bytes, start, 0, DEPTH_CEILING).ok()?;
            Some(Value(self.bytes.slice(start..at)))
        })
    }
}

impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Values {}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// An event as it was received: its name, and the arguments behind the name.
#[derive(Clone)]
pub struct Event {
    /// Within the frame that `arguments` holds.
    name: Range<usize>,
    arguments: Values,
}

impl Event {
    /// For the decoder.
    pub(crate) fn decoded(name: Range<usize>, arguments: Values) -> Self {
        Self { name, arguments }
    }

    /// The name; of a number its decimal form.
    pub fn name(&self) -> Cow<'_, str> {
        match read::token(self.raw_name(), 0) {
            Ok((Token::Str(name), _)) => Cow::Borrowed(name),
            Ok((Token::Unsigned(number), _)) => Cow::Owned(number.to_string()),
            Ok((Token::Signed(number), _)) => Cow::Owned(number.to_string()),
            Ok((Token::Float(number), _)) => Cow::Owned(number.to_string()),
            _ => Cow::Borrowed(""),
        }
    }

    /// The name as MessagePack: a string or a number.
    pub fn raw_name(&self) -> &[u8] {
        self.arguments.bytes.get(self.name.clone()).unwrap_or_default()
    }

    /// The arguments behind the name.
    pub fn arguments(&self) -> &Values {
        &self.arguments
    }

    /// The same event as JSON, as [`Values::to_json`] has its values, and under the `limits` of one that comes as JSON.
    pub fn to_json(&self, limits: &Limits) -> Result<crate::Event, DecodeError> {
        let list = self.arguments.bytes.get(self.name.start..self.arguments.list.end).unwrap_or_default();
        let (list, attachments) = json::to_json(list, 0, self.arguments.len + 1)?;
        crate::Event::from_json(["[", &list, "]"].concat().into(), attachments, limits)
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.raw_name() == other.raw_name() && self.arguments == other.arguments
    }
}

impl Eq for Event {}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}{:?}", self.name(), self.arguments)
    }
}
