//! Values as both sides understand them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::json;

use crate::random::Random;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    /// Integers above `i64::MAX` are read as this too.
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    /// No two keys are equal in values that are made here.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// As `revive` in `reference.mjs` reads it.
    pub(crate) fn to_tree(&self) -> serde_json::Value {
        match self {
            Self::Null => json!(null),
            Self::Bool(value) => json!(value),
            Self::Integer(value) => json!(value),
            Self::Float(value) => json!(value),
            Self::Text(value) => json!(value),
            Self::Bytes(bytes) => json!({ "bytes": hex(bytes) }),
            Self::List(values) => values.iter().map(Self::to_tree).collect(),
            Self::Map(entries) => {
                let entries: Vec<_> = entries.iter().map(|(key, value)| json!([key, value.to_tree()])).collect();
                json!({ "entries": entries })
            }
        }
    }

    /// Whether they are equal but for the order of keys and the last bits of a number, which serde_json reads
    /// exactly only with its feature `float_roundtrip`.
    pub(crate) fn is_nearly(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Integer(_) | Self::Float(_), Self::Integer(_) | Self::Float(_)) => {
                let (left, right) = (self.number(), other.number());
                (left - right).abs() <= left.abs() * 4.0 * f64::EPSILON
            }
            (Self::List(left), Self::List(right)) => {
                left.len() == right.len() && left.iter().zip(right).all(|(left, right)| left.is_nearly(right))
            }
            (Self::Map(left), Self::Map(right)) => {
                left.len() == right.len()
                    && left.iter().all(|(key, left)| {
                        right.iter().any(|(other_key, right)| key == other_key && left.is_nearly(right))
                    })
            }
            _ => self == other,
        }
    }

    /// Whether some object, however deep, has two equal keys.
    pub(crate) fn repeats_a_key(&self) -> bool {
        match self {
            Self::List(values) => values.iter().any(Self::repeats_a_key),
            Self::Map(entries) => {
                let mut keys: Vec<&str> = entries.iter().map(|(key, _)| key.as_str()).collect();
                keys.sort_unstable();
                keys.windows(2).any(|pair| pair[0] == pair[1]) || entries.iter().any(|(_, value)| value.repeats_a_key())
            }
            _ => false,
        }
    }

    fn number(&self) -> f64 {
        match self {
            Self::Integer(value) => *value as f64,
            Self::Float(value) => *value,
            _ => f64::NAN,
        }
    }

    /// Any value; `depth` arrays and maps are around it.
    pub(crate) fn random(random: &mut Random, depth: usize) -> Self {
        const TEXTS: [&str; 9] =
            ["", "a", "é", "\u{1}\n\"\\/", "more than eight bytes", "😀", "\u{2028}\u{7f}", "_placeholder", "<script>"];
        const KEYS: [&str; 8] = ["a", "b", "1", "num", "_placeholder", "é\"", "", "toJSON "];
        match random.below(if depth > 3 { 8 } else { 11 }) {
            0 => Self::Null,
            1 => Self::Bool(random.once_in(2)),
            2 => Self::Integer(random.below(2000) as i64 - 1000),
            // Integers above this are rounded in JavaScript.
            3 => Self::Integer((random.bits() >> 11) as i64 * if random.once_in(2) { 1 } else { -1 }),
            4 => Self::Float(random.below(1_000_000) as f64 / 777.0),
            5 => {
                let float = f64::from_bits(random.bits());
                Self::Float(if float.is_finite() { float } else { 0.5 })
            }
            6 => Self::Text(random.pick(&TEXTS).repeat(1 + random.below(3))),
            7 => Self::Bytes((0..random.below(5)).map(|_| random.bits() as u8).collect()),
            8 => Self::List((0..random.below(4)).map(|_| Self::random(random, depth + 1)).collect()),
            _ => {
                let mut entries: Vec<(String, Self)> = Vec::new();
                for _ in 0..random.below(4) {
                    let key = random.pick(&KEYS);
                    let value = Self::random(random, depth + 1);
                    // What looks like a placeholder is none: both sides would take it for one.
                    let is_placeholder = key == "_placeholder" && value == Self::Bool(true);
                    if !is_placeholder && entries.iter().all(|(other, _)| other != key) {
                        entries.push((key.to_owned(), value));
                    }
                }
                Self::Map(entries)
            }
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::Bytes(value) => serializer.serialize_bytes(value),
            Self::List(values) => serializer.collect_seq(values),
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
                Ok(Value::Bool(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
                Ok(Value::Integer(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
                Ok(i64::try_from(value).map_or(Value::Float(value as f64), Value::Integer))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
                Ok(Value::Float(value))
            }

            fn visit_str<E>(self, value: &str) -> Result<Value, E> {
                Ok(Value::Text(value.to_owned()))
            }

            fn visit_bytes<E>(self, value: &[u8]) -> Result<Value, E> {
                Ok(Value::Bytes(value.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = access.next_element()? {
                    values.push(value);
                }
                Ok(Value::List(values))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = access.next_entry()? {
                    entries.push(entry);
                }
                Ok(Value::Map(entries))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(hex: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = hex.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    Some(digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| (byte << 4) | *digit as u8)).collect())
}
