//! Values to JSON text, their bytes to attachments.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Display, Write};

use bytes::Bytes;
use serde::Serialize;
use serde::ser::{self, Impossible, Serializer};

use crate::deserialize::SERDE_JSON;
use crate::error::DecodeError;
use crate::string;

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

/// The JSON text of a value, with a placeholder for each of its byte strings, and those.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<(String, Vec<Bytes>), SerializeError> {
    let mut writer = Writer { text: String::new(), attachments: Vec::new() };
    value.serialize(&mut writer)?;
    Ok((writer.text, writer.attachments))
}

struct Writer {
    text: String,
    attachments: Vec<Bytes>,
}

impl Writer {
    fn display(&mut self, value: impl Display) -> Result<(), SerializeError> {
        write!(self.text, "{value}").map_err(ser::Error::custom)
    }

    fn open(&mut self, opening: &str, closing: &'static str) -> Result<Compound<'_>, SerializeError> {
        self.text.push_str(opening);
        Ok(Compound { writer: self, closing, is_first: true, is_raw: false })
    }

    /// `{"variant":` before the value of a variant.
    fn variant(&mut self, variant: &str) {
        self.text.push('{');
        string::escape_into(variant, &mut self.text);
        self.text.push(':');
    }
}

macro_rules! displayed {
    ($($method:ident $type:ty),*) => {$(
        fn $method(self, value: $type) -> Result<(), SerializeError> {
            self.display(value)
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

    displayed! {
        serialize_bool bool, serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64,
        serialize_i128 i128, serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64,
        serialize_u128 u128
    }

    fn serialize_f32(self, value: f32) -> Result<(), SerializeError> {
        // `Debug` writes an exponent where `Display` would write hundreds of digits.
        if value.is_finite() { self.display(format_args!("{value:?}")) } else { self.serialize_unit() }
    }

    /// What is not finite becomes `null`, as in `JSON.stringify`.
    fn serialize_f64(self, value: f64) -> Result<(), SerializeError> {
        if value.is_finite() { self.display(format_args!("{value:?}")) } else { self.serialize_unit() }
    }

    fn serialize_char(self, value: char) -> Result<(), SerializeError> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), SerializeError> {
        string::escape_into(value, &mut self.text);
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), SerializeError> {
        let index = self.attachments.len();
        self.attachments.push(Bytes::copy_from_slice(value));
        self.display(format_args!(r#"{{"_placeholder":true,"num":{index}}}"#))
    }

    fn serialize_none(self) -> Result<(), SerializeError> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), SerializeError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), SerializeError> {
        self.text.push_str("null");
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
        value.serialize(&mut *self)?;
        self.text.push('}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Compound<'a>, SerializeError> {
        self.open("[", "]")
    }

    fn serialize_tuple(self, _: usize) -> Result<Compound<'a>, SerializeError> {
        self.open("[", "]")
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Compound<'a>, SerializeError> {
        self.open("[", "]")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'a>, SerializeError> {
        self.variant(variant);
        self.open("[", "]}")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Compound<'a>, SerializeError> {
        self.open("{", "}")
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Compound<'a>, SerializeError> {
        if name.starts_with(SERDE_JSON) {
            return Ok(Compound { is_raw: true, ..self.open("", "")? });
        }
        self.open("{", "}")
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'a>, SerializeError> {
        self.variant(variant);
        self.open("{", "}}")
    }
}

/// An array or object that is being written.
struct Compound<'a> {
    writer: &'a mut Writer,
    closing: &'static str,
    is_first: bool,
    /// A type of `serde_json` itself (`RawValue`): its one field is a string that is JSON text.
    is_raw: bool,
}

impl Compound<'_> {
    fn separate(&mut self) {
        if !self.is_first {
            self.writer.text.push(',');
        }
        self.is_first = false;
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerializeError> {
        self.separate();
        value.serialize(&mut *self.writer)
    }

    fn member<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), SerializeError> {
        if self.is_raw {
            return self.raw(value);
        }
        self.separate();
        string::escape_into(key, &mut self.writer.text);
        self.writer.text.push(':');
        value.serialize(&mut *self.writer)
    }

    /// Whether it really is JSON is seen when the whole text is checked.
    fn raw<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerializeError> {
        let start = self.writer.text.len();
        value.serialize(&mut *self.writer)?;
        let literal = self.writer.text.split_off(start);
        let inner = literal.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        self.writer.text.push_str(&string::unescape(inner.unwrap_or(&literal)));
        Ok(())
    }

    fn close(self) -> Result<(), SerializeError> {
        self.writer.text.push_str(self.closing);
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
        let key = key.serialize(Key)?;
        string::escape_into(&key, &mut self.writer.text);
        self.writer.text.push(':');
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerializeError> {
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), SerializeError> {
        self.close()
    }
}

/// The text of a map's key.
struct Key;

macro_rules! key_texts {
    ($($method:ident $type:ty),*) => {$(
        fn $method(self, value: $type) -> Result<String, SerializeError> {
            Ok(value.to_string())
        }
    )*};
}

type NoKey = Impossible<String, SerializeError>;

impl Serializer for Key {
    type Ok = String;
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
        serialize_u128 u128, serialize_char char, serialize_str &str
    }

    fn serialize_f32(self, value: f32) -> Result<String, SerializeError> {
        Ok(format!("{value:?}"))
    }

    fn serialize_f64(self, value: f64) -> Result<String, SerializeError> {
        Ok(format!("{value:?}"))
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<String, SerializeError> {
        Ok(variant.into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<String, SerializeError> {
        value.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<String, SerializeError> {
        value.serialize(self)
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<String, SerializeError> {
        Err(SerializeError::key())
    }

    fn serialize_none(self) -> Result<String, SerializeError> {
        Err(SerializeError::key())
    }

    fn serialize_unit(self) -> Result<String, SerializeError> {
        Err(SerializeError::key())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<String, SerializeError> {
        Err(SerializeError::key())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<String, SerializeError> {
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
