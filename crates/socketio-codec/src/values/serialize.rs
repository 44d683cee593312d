//! Values to JSON text, their bytes to attachments.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Display};

use bytes::Bytes;
use serde::Serialize;
use serde::ser::{self, Impossible, Serializer};
use serde_json::Number;

use crate::error::DecodeError;
use crate::limits::Limits;
use crate::values::decimal;
use crate::values::deserialize::SERDE_JSON;
use crate::values::placeholder::Placeholder;
use crate::values::string;

/// A value that cannot be written: its own `Serialize` failed, or JSON or the protocol has no form for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SerializeError(String);

impl SerializeError {
    pub(crate) fn bytes_without_packet() -> Self {
        Self("bytes outside of the arguments of an event or acknowledgement".into())
    }

    pub(crate) fn placeholder() -> Self {
        Self("value that looks like the placeholder of an attachment".into())
    }

    pub(crate) fn from_decode(error: DecodeError) -> Self {
        Self(error.to_string())
    }

    fn not_a_pair() -> Self {
        Self("key without a value, or value without a key".into())
    }

    fn key() -> Self {
        Self("key that is not a string, number or boolean".into())
    }
}

impl Display for SerializeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for SerializeError {}

impl ser::Error for SerializeError {
    fn custom<T: Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// A value as JSON text.
pub(crate) struct Written {
    pub(crate) text: String,
    /// The byte strings of the value, for each of which the text has a placeholder.
    pub(crate) attachments: Vec<Bytes>,
    /// In the order in which they are in the text.
    pub(crate) placeholders: Vec<Placeholder>,
    /// Elements of the outermost array, none for a unit; `None` if the value is something else.
    pub(crate) len: Option<usize>,
    /// Whether the text is JSON of bounded depth, with these placeholders and no others, only if a scan says so: part of
    /// it came from elsewhere (`RawValue`), it is nested deep, it may have something that looks like a placeholder, or a
    /// `Serialize` went on after an error. Otherwise it is by the way it was made.
    pub(crate) is_unchecked: bool,
}

/// The JSON text of a value, with a placeholder for each of its byte strings, and those.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<Written, SerializeError> {
    // Most arguments fit. A text that grows from nothing is moved half a dozen times until it is as long.
    let mut writer = Writer { text: Vec::with_capacity(256), ..Writer::default() };
    value.serialize(&mut writer)?;
    let Writer { text, attachments, placeholders, len, is_unchecked, .. } = writer;
    let text = String::from_utf8(text).expect("only text is written");
    Ok(Written { text, attachments, placeholders, len, is_unchecked })
}

#[derive(Default)]
struct Writer {
    /// UTF-8.
    text: Vec<u8>,
    attachments: Vec<Bytes>,
    placeholders: Vec<Placeholder>,
    /// Arrays and objects that are open.
    depth: usize,
    len: Option<usize>,
    is_unchecked: bool,
}

impl Writer {
    fn put(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    fn string(&mut self, text: &str) {
        // Once, for a text without escapes.
        self.text.reserve(text.len() + 2);
        string::escape(text, |piece| self.put(piece));
    }

    /// The text of a member's key.
    fn key(&mut self, key: &str) {
        self.is_unchecked |= key == "_placeholder";
        self.string(key);
    }

    fn display(&mut self, value: impl Display) -> Result<(), SerializeError> {
        fmt::Write::write_fmt(self, format_args!("{value}")).map_err(ser::Error::custom)
    }

    fn integer(&mut self, is_negative: bool, magnitude: u64) {
        if is_negative {
            self.put("-");
        }
        decimal::put(&mut self.text, magnitude);
    }

    /// A value within another.
    fn nested<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerializeError> {
        let written = value.serialize(&mut *self);
        self.is_unchecked |= written.is_err();
        written
    }

    fn open(&mut self, opening: &str, closing: &'static str) -> Compound<'_> {
        self.put(opening);
        self.depth += 1;
        self.is_unchecked |= self.depth > Limits::default().json_depth_max;
        Compound { writer: self, closing, len: 0, is_raw: false, is_key_alone: false }
    }

    /// `{"variant":` before the value of a variant.
    fn variant(&mut self, variant: &str) {
        self.depth += 1;
        self.put("{");
        self.key(variant);
        self.put(":");
    }
}

impl fmt::Write for Writer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.put(text);
        Ok(())
    }
}

macro_rules! integers {
    ($($method:ident $type:ty),*) => {$(
        fn $method(self, value: $type) -> Result<(), SerializeError> {
            self.serialize_i64(i64::from(value))
        }
    )*};
}

impl<'a> Serializer for &'a mut Writer {
    type Ok = ();
    type Error = SerializeError;
    type SerializeSeq = Compound<'a>;
    type SerializeTuple = Compound<'a>;
    type SerializeTupleStruct = Compound<'a>;
    type SerializeTupleVariant = Compound<'a>;
    type SerializeMap = Compound<'a>;
    type SerializeStruct = Compound<'a>;
    type SerializeStructVariant = Compound<'a>;

    integers! {
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_u8 u8, serialize_u16 u16, serialize_u32 u32
    }

    fn serialize_i64(self, value: i64) -> Result<(), SerializeError> {
        self.integer(value < 0, value.unsigned_abs());
        Ok(())
    }

    fn serialize_u64(self, value: u64) -> Result<(), SerializeError> {
        self.integer(false, value);
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<(), SerializeError> {
        self.display(value)
    }

    fn serialize_u128(self, value: u128) -> Result<(), SerializeError> {
        self.display(value)
    }

    fn serialize_f32(self, value: f32) -> Result<(), SerializeError> {
        // `Debug` writes an exponent where `Display` would write hundreds of digits. As a `f64` it would have more.
        if value.is_finite() { self.display(format_args!("{value:?}")) } else { self.serialize_none() }
    }

    /// What is not finite becomes `null`, as in `JSON.stringify`.
    fn serialize_f64(self, value: f64) -> Result<(), SerializeError> {
        match Number::from_f64(value) {
            // Writes itself several times faster than the `f64` does.
            Some(number) => self.display(number),
            None => self.serialize_none(),
        }
    }

    fn serialize_bool(self, value: bool) -> Result<(), SerializeError> {
        self.put(if value { "true" } else { "false" });
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), SerializeError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), SerializeError> {
        self.string(value);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), SerializeError> {
        let (index, start) = (self.attachments.len(), self.text.len());
        self.attachments.push(Bytes::copy_from_slice(value));
        self.put(r#"{"_placeholder":true,"num":"#);
        self.integer(false, index as u64);
        self.put("}");
        self.placeholders.push(Placeholder { span: start..self.text.len(), index });
        Ok(())
    }

    fn serialize_none(self) -> Result<(), SerializeError> {
        self.put("null");
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), SerializeError> {
        value.serialize(self)
    }

    /// As a value a `null`; as all that there is, the tuple without elements.
    fn serialize_unit(self) -> Result<(), SerializeError> {
        if self.depth == 0 {
            self.len = Some(0);
        }
        self.put("null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), SerializeError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), SerializeError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), SerializeError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), SerializeError> {
        self.variant(variant);
        self.nested(value)?;
        self.put("}");
        self.depth -= 1;
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Compound<'a>, SerializeError> {
        Ok(self.open("[", "]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Compound<'a>, SerializeError> {
        Ok(self.open("[", "]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Compound<'a>, SerializeError> {
        Ok(self.open("[", "]"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'a>, SerializeError> {
        self.variant(variant);
        Ok(self.open("[", "]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Compound<'a>, SerializeError> {
        Ok(self.open("{", "}"))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Compound<'a>, SerializeError> {
        if name.starts_with(SERDE_JSON) {
            self.is_unchecked = true;
            return Ok(Compound { is_raw: true, ..self.open("", "") });
        }
        Ok(self.open("{", "}"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'a>, SerializeError> {
        self.variant(variant);
        Ok(self.open("{", "}}"))
    }
}

/// An array or object that is being written.
struct Compound<'a> {
    writer: &'a mut Writer,
    closing: &'static str,
    /// Elements or members written so far.
    len: usize,
    /// A type of `serde_json` itself (`RawValue`): its one field is a string that is JSON text.
    is_raw: bool,
    /// A map's key was written and its value was not.
    is_key_alone: bool,
}

impl Compound<'_> {
    fn separate(&mut self) {
        if self.len > 0 {
            self.writer.put(",");
        }
        self.len += 1;
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerializeError> {
        self.separate();
        self.writer.nested(value)
    }

    fn member<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), SerializeError> {
        if self.is_raw {
            return self.raw(value);
        }
        self.separate();
        self.writer.key(key);
        self.writer.put(":");
        self.writer.nested(value)
    }

    /// Whether it really is JSON is seen when the whole text is checked.
    fn raw<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerializeError> {
        let start = self.writer.text.len();
        value.serialize(&mut *self.writer)?;
        let literal = String::from_utf8(self.writer.text.split_off(start)).expect("only text is written");
        let inner = literal.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        self.writer.put(&string::unescape(inner.unwrap_or(&literal)));
        Ok(())
    }

    fn close(self) -> Result<(), SerializeError> {
        if self.is_key_alone {
            return Err(SerializeError::not_a_pair());
        }
        self.writer.put(self.closing);
        // A variant's `}` closes two.
        self.writer.depth -= self.closing.len().max(1);
        if self.writer.depth == 0 && self.closing == "]" {
            self.writer.len = Some(self.len);
        }
        Ok(())
    }
}

macro_rules! elements {
    ($($trait:ident $method:ident),*) => {$(
        impl ser::$trait for Compound<'_> {
            type Ok = ();
            type Error = SerializeError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerializeError> {
                self.element(value)
            }

            fn end(self) -> Result<(), SerializeError> {
                self.close()
            }
        }
    )*};
}

elements! {
    SerializeSeq serialize_element, SerializeTuple serialize_element, SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field
}

macro_rules! members {
    ($($trait:ident),*) => {$(
        impl ser::$trait for Compound<'_> {
            type Ok = ();
            type Error = SerializeError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), SerializeError> {
                self.member(key, value)
            }

            fn end(self) -> Result<(), SerializeError> {
                self.close()
            }
        }
    )*};
}

members! { SerializeStruct, SerializeStructVariant }

impl ser::SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = SerializeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), SerializeError> {
        self.separate();
        let written =
            if self.is_key_alone { Err(SerializeError::not_a_pair()) } else { key.serialize(Key(self.writer)) };
        self.writer.is_unchecked |= written.is_err();
        self.is_key_alone = true;
        self.writer.put(":");
        written
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerializeError> {
        if !core::mem::take(&mut self.is_key_alone) {
            self.writer.is_unchecked = true;
            return Err(SerializeError::not_a_pair());
        }
        self.writer.nested(value)
    }

    fn end(self) -> Result<(), SerializeError> {
        self.close()
    }
}

/// Writes a map's key.
struct Key<'a>(&'a mut Writer);

macro_rules! key_texts {
    ($($method:ident $type:ty),*) => {$(
        fn $method(self, value: $type) -> Result<(), SerializeError> {
            self.quoted(value)
        }
    )*};
}

type NoKey = Impossible<(), SerializeError>;

impl Key<'_> {
    /// A number or boolean as text.
    fn quoted(self, key: impl Serialize) -> Result<(), SerializeError> {
        self.0.put("\"");
        key.serialize(&mut *self.0)?;
        self.0.put("\"");
        Ok(())
    }
}

impl Serializer for Key<'_> {
    type Ok = ();
    type Error = SerializeError;
    type SerializeSeq = NoKey;
    type SerializeTuple = NoKey;
    type SerializeTupleStruct = NoKey;
    type SerializeTupleVariant = NoKey;
    type SerializeMap = NoKey;
    type SerializeStruct = NoKey;
    type SerializeStructVariant = NoKey;

    key_texts! {
        serialize_bool bool, serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64,
        serialize_i128 i128, serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64,
        serialize_u128 u128
    }

    fn serialize_char(self, value: char) -> Result<(), SerializeError> {
        self.0.serialize_char(value)
    }

    fn serialize_str(self, value: &str) -> Result<(), SerializeError> {
        self.0.key(value);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), SerializeError> {
        if value.is_finite() { self.quoted(value) } else { Err(SerializeError::key()) }
    }

    fn serialize_f64(self, value: f64) -> Result<(), SerializeError> {
        if value.is_finite() { self.quoted(value) } else { Err(SerializeError::key()) }
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), SerializeError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), SerializeError> {
        value.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), SerializeError> {
        value.serialize(self)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), SerializeError> {
        Err(SerializeError::key())
    }

    fn serialize_none(self) -> Result<(), SerializeError> {
        Err(SerializeError::key())
    }

    fn serialize_unit(self) -> Result<(), SerializeError> {
        Err(SerializeError::key())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), SerializeError> {
        Err(SerializeError::key())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), SerializeError> {
        Err(SerializeError::key())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<NoKey, SerializeError> {
        Err(SerializeError::key())
    }

    fn serialize_tuple(self, _: usize) -> Result<NoKey, SerializeError> {
        Err(SerializeError::key())
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<NoKey, SerializeError> {
        Err(SerializeError::key())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<NoKey, SerializeError> {
        Err(SerializeError::key())
    }

    fn serialize_map(self, _: Option<usize>) -> Result<NoKey, SerializeError> {
        Err(SerializeError::key())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<NoKey, SerializeError> {
        Err(SerializeError::key())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<NoKey, SerializeError> {
        Err(SerializeError::key())
    }
}
