//! Values as an application has them.

use std::fmt;

use arbitrary::{Arbitrary, Unstructured};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Anything that can be an argument. A map keeps its order, and keys that stand twice.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Unsigned(u64),
    /// Below zero.
    Signed(i64),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Map(Vec<(String, Value)>),
}

impl Value {
    /// It and all that is in it, outermost first.
    pub(crate) fn walk(&self) -> Vec<&Value> {
        let mut found = vec![self];
        match self {
            Self::List(values) => found.extend(values.iter().flat_map(Value::walk)),
            Self::Map(members) => found.extend(members.iter().flat_map(|(_, value)| value.walk())),
            _ => {}
        }
        found
    }

    /// Whether it would be taken for the place of an attachment.
    pub(crate) fn is_placeholder(&self) -> bool {
        self.member("_placeholder") == Some(&Self::Bool(true))
    }

    /// The last member of that key: it counts, as for `JSON.parse`.
    pub(crate) fn member(&self, name: &str) -> Option<&Value> {
        let Self::Map(members) = self else { return None };
        members.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub(crate) fn has_key(&self, name: &str) -> bool {
        self.walk().into_iter().any(|value| value.member(name).is_some())
    }

    pub(crate) fn bytes_count(&self) -> usize {
        self.walk().into_iter().filter(|value| matches!(value, Self::Bytes(_))).count()
    }

    fn make(input: &mut Unstructured<'_>, depth: usize) -> arbitrary::Result<Self> {
        let kinds = if depth < 6 { 9 } else { 7 };
        Ok(match input.int_in_range(0..=kinds - 1)? {
            0 => Self::Null,
            1 => Self::Bool(input.arbitrary()?),
            // Of any number of bits, for formats count them.
            2 => Self::Unsigned(input.arbitrary::<u64>()? >> input.int_in_range(0..=63)?),
            3 => Self::Signed(input.int_in_range(i64::MIN..=-1)? >> input.int_in_range(0..=63)?),
            // Such as have a short decimal form: how exactly a float is parsed is for serde_json to test.
            4 => Self::Float(f64::from(input.arbitrary::<i32>()?) / 64.0),
            5 => Self::Text(input.arbitrary()?),
            6 => Self::Bytes(input.arbitrary()?),
            7 => {
                let len = input.int_in_range(0..=4)?;
                Self::List((0..len).map(|_| Self::make(input, depth + 1)).collect::<Result<_, _>>()?)
            }
            _ => {
                let len = input.int_in_range(0..=4)?;
                let member = |_| Ok((key(input)?, Self::make(input, depth + 1)?));
                Self::Map((0..len).map(member).collect::<Result<_, _>>()?)
            }
        })
    }
}

/// Now and then one that means something to somebody.
fn key(input: &mut Unstructured<'_>) -> arbitrary::Result<String> {
    Ok(match input.int_in_range(0..=7)? {
        0 => "_placeholder".to_owned(),
        1 => "num".to_owned(),
        2 => "__proto__".to_owned(),
        3 => "toString".to_owned(),
        _ => input.arbitrary()?,
    })
}

impl<'a> Arbitrary<'a> for Value {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        Self::make(input, 0)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Unsigned(value) => serializer.serialize_u64(*value),
            Self::Signed(value) => serializer.serialize_i64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::Bytes(value) => serializer.serialize_bytes(value),
            Self::List(values) => values.serialize(serializer),
            Self::Map(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (key, value) in members {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyVisitor)
    }
}

struct AnyVisitor;

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Unsigned(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(u64::try_from(value).map_or(Value::Signed(value), Value::Unsigned))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(value.to_vec()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Value::Map(members))
    }
}
