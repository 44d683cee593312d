//! Arguments into types, attachments in the place of their placeholders.
//!
//! Without attachments `serde_json` does it all. With them the arrays and objects are walked here, and what is
//! neither is still read by `serde_json`. The text was accepted by the scanner, so walking it cannot fail; where the
//! types cannot show that, it ends in an error. Recursion follows the caller's type and the text's nesting, which
//! is bounded.

use core::ops::Range;

use bytes::Bytes;
use serde::de::value::SeqDeserializer;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde_json::Error;

use crate::limits::Limits;
use crate::scan;
use crate::values::placeholder::Placeholder;

/// The placeholders, ordered by their place, and the attachments they name.
pub(crate) type Sources<'de> = (&'de [Placeholder], &'de [Bytes]);

/// Reads the value at `span`.
pub(crate) fn value<'de, T: Deserialize<'de>>(
    bytes: &'de [u8],
    span: Range<usize>,
    sources: Sources<'de>,
) -> Result<T, Error> {
    if sources.0.is_empty() {
        return serde_json::from_slice(bytes.get(span).unwrap_or_default());
    }
    T::deserialize(&mut Reader::new(bytes, span, sources))
}

/// Reads the values at `list`, which have commas between them, as one sequence.
pub(crate) fn list<'de, T: Deserialize<'de>>(
    bytes: &'de [u8],
    list: Range<usize>,
    sources: Sources<'de>,
) -> Result<T, Error> {
    T::deserialize(List(Reader::new(bytes, list, sources)))
}

/// A place in the text.
struct Reader<'de> {
    bytes: &'de [u8],
    at: usize,
    end: usize,
    /// Arrays and objects that are open.
    depth: usize,
    sources: Sources<'de>,
}

/// As deep as `serde_json` goes, whatever the decoder was told to accept: here it does recurse.
const DEPTH_MAX: usize = 127;

impl<'de> Reader<'de> {
    fn new(bytes: &'de [u8], span: Range<usize>, sources: Sources<'de>) -> Self {
        Self { bytes, at: span.start, end: span.end, depth: 0, sources }
    }

    fn peek(&mut self) -> Option<u8> {
        self.at = scan::skip_whitespace(self.bytes, self.at);
        self.bytes.get(self.at).copied().filter(|_| self.at < self.end)
    }

    /// Goes over one byte, which the scanner found there.
    fn expect(&mut self, byte: u8) -> Result<(), Error> {
        if self.peek() != Some(byte) {
            return Err(malformed());
        }
        self.at += 1;
        Ok(())
    }

    /// Goes over a value of whatever kind, and gives its text.
    fn skip(&mut self) -> Result<&'de [u8], Error> {
        self.peek();
        let start = self.at;
        self.at = scan::value(self.bytes, start, 0, Limits::JSON_DEPTH_CEILING).map_err(|_| malformed())?;
        self.bytes.get(start..self.at).ok_or_else(malformed)
    }

    /// If the value here is a placeholder: goes over it, and gives its attachment.
    fn attachment(&mut self) -> Option<&'de [u8]> {
        let (placeholders, attachments) = self.sources;
        let found = placeholders.binary_search_by_key(&self.at, |placeholder| placeholder.span.start).ok()?;
        let placeholder = placeholders.get(found)?;
        let attachment = attachments.get(placeholder.index)?;
        self.at = placeholder.span.end;
        Some(attachment)
    }

    fn seq<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        self.open(b'[')?;
        let value = visitor.visit_seq(Members { reader: self, closing: Some(b']'), is_first: true })?;
        self.close(b']')?;
        Ok(value)
    }

    fn map<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        self.open(b'{')?;
        let value = visitor.visit_map(Members { reader: self, closing: Some(b'}'), is_first: true })?;
        self.close(b'}')?;
        Ok(value)
    }

    fn open(&mut self, opening: u8) -> Result<(), Error> {
        self.expect(opening)?;
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(Error::custom("nested too deep for a type")) } else { Ok(()) }
    }

    fn close(&mut self, closing: u8) -> Result<(), Error> {
        match self.peek() {
            Some(found) if found == closing => {
                self.at += 1;
                self.depth -= 1;
                Ok(())
            }
            _ => Err(Error::custom("more elements than the type has places for")),
        }
    }
}

#[cold]
fn malformed() -> Error {
    Error::custom("malformed json")
}

/// For a type that asks for a scalar: the kinds of value that are none go to the visitor, which refuses them.
macro_rules! scalars {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.peek() {
                Some(b'{' | b'[') => self.deserialize_any(visitor),
                _ => serde_json::Deserializer::from_slice(self.skip()?).$method(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.peek() {
            Some(b'{') => match self.attachment() {
                Some(attachment) => visitor.visit_borrowed_bytes(attachment),
                None => self.map(visitor),
            },
            Some(b'[') => self.seq(visitor),
            _ => serde_json::Deserializer::from_slice(self.skip()?).deserialize_any(visitor),
        }
    }

    scalars! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32
        deserialize_f64 deserialize_char deserialize_str deserialize_string deserialize_bytes
        deserialize_byte_buf deserialize_unit deserialize_identifier
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.peek() == Some(b'n') {
            self.skip()?;
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        if name.starts_with(SERDE_JSON) {
            return serde_json::Deserializer::from_slice(self.skip()?).deserialize_newtype_struct(name, visitor);
        }
        visitor.visit_newtype_struct(self)
    }

    /// An attachment is a sequence of numbers to a type that wants one, such as `Vec<u8>`.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.peek();
        match self.attachment() {
            Some(attachment) => visitor.visit_seq(SeqDeserializer::new(attachment.iter().copied())),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.peek() != Some(b'{') {
            return serde_json::Deserializer::from_slice(self.skip()?).deserialize_enum(name, variants, visitor);
        }
        self.open(b'{')?;
        let value = visitor.visit_enum(Variant(self))?;
        self.close(b'}')?;
        Ok(value)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.skip()?;
        visitor.visit_unit()
    }
}

/// How `serde_json` marks its own types (`RawValue`), which only it can make.
pub(crate) const SERDE_JSON: &str = "$serde_json::private::";

/// The elements of an array, the members of an object, or (without a closing byte) of the list of arguments.
struct Members<'a, 'de> {
    reader: &'a mut Reader<'de>,
    closing: Option<u8>,
    is_first: bool,
}

impl Members<'_, '_> {
    /// Goes to the next one; false behind the last.
    fn advance(&mut self) -> Result<bool, Error> {
        let next = self.reader.peek();
        if next.is_none() || next == self.closing {
            return Ok(false);
        }
        if !self.is_first {
            self.reader.expect(b',')?;
        }
        self.is_first = false;
        Ok(true)
    }
}

impl<'de> SeqAccess<'de> for Members<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if !self.advance()? {
            return Ok(None);
        }
        if self.reader.sources.0.is_empty() {
            let text = self.reader.skip()?;
            return seed.deserialize(&mut serde_json::Deserializer::from_slice(text)).map(Some);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

impl<'de> MapAccess<'de> for Members<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        if !self.advance()? {
            return Ok(None);
        }
        seed.deserialize(Key(self.reader.skip()?)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        self.reader.expect(b':')?;
        seed.deserialize(&mut *self.reader)
    }
}

/// The text of a key. Types that are no strings are read from what is between its quotes.
struct Key<'de>(&'de [u8]);

macro_rules! unquoted {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let inner = self.0.get(1..self.0.len().saturating_sub(1)).unwrap_or_default();
            let mut json = serde_json::Deserializer::from_slice(inner);
            let value = json.$method(visitor)?;
            json.end()?;
            Ok(value)
        }
    )*};
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        serde_json::Deserializer::from_slice(self.0).deserialize_str(visitor)
    }

    unquoted! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32
        deserialize_f64
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        serde_json::Deserializer::from_slice(self.0).deserialize_enum(name, variants, visitor)
    }

    serde::forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// `{"variant":value}`, from the key on.
struct Variant<'a, 'de>(&'a mut Reader<'de>);

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        if self.0.peek() != Some(b'"') {
            return Err(Error::custom("expected a variant"));
        }
        let variant = seed.deserialize(Key(self.0.skip()?))?;
        self.0.expect(b':')?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Deserialize::deserialize(self.0)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.0.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        self.0.deserialize_any(visitor)
    }
}

/// All arguments as one sequence.
struct List<'de>(Reader<'de>);

impl<'de> Deserializer<'de> for List<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        let value = visitor.visit_seq(Members { reader: &mut self.0, closing: None, is_first: true })?;
        match self.0.peek() {
            None => Ok(value),
            Some(_) => Err(Error::custom("more arguments than the type has places for")),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        match self.0.peek() {
            None => visitor.visit_unit(),
            Some(_) => self.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}
