//! One value in a JSON text, found without making a tree of it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::path;

/// What is at some place of a JSON text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// Nothing that can be compared or stand in a name.
    Nothing(Lack),
    /// A string, a whole number or a boolean, as a text.
    Scalar(Cow<'a, str>),
    /// Those of a list.
    List(Vec<Cow<'a, str>>),
}

/// Why there is no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lack {
    /// Nothing is there, or `null`, or a text of no bytes.
    Missing,
    /// It has more than [`VALUE_BYTES_MAX`] bytes.
    TooLong,
    /// It is of no kind that a name is made of, or a number that is too large.
    Unfit,
}

/// What is in `json`, which is JSON, by way of `keys`. Of members with the same name the last counts, as for `JSON.parse`.
pub(crate) fn find<'a>(json: &'a str, keys: &[Box<str>]) -> Found<'a> {
    // What serde_json cannot read (half a surrogate in the value itself, or nesting beyond all limits) is no value.
    let found = Way(keys).deserialize(&mut serde_json::Deserializer::from_str(json));
    found.unwrap_or(Found::Nothing(Lack::Unfit))
}

/// The same where only one value counts.
pub(crate) fn scalar<'a>(json: &'a str, keys: &[Box<str>]) -> Result<Cow<'a, str>, Lack> {
    match find(json, keys) {
        Found::Scalar(text) => Ok(text),
        Found::Nothing(lack) => Err(lack),
        Found::List(_) => Err(Lack::Unfit),
    }
}

/// A text, if it is one that can be a value.
pub(crate) fn bounded(text: Cow<'_, str>) -> Result<Cow<'_, str>, Lack> {
    match text.len() {
        0 => Err(Lack::Missing),
        1..=VALUE_BYTES_MAX => Ok(text),
        _ => Err(Lack::TooLong),
    }
}

/// Reads a value, and in it what the keys lead to.
struct Way<'k>(&'k [Box<str>]);

impl<'de> DeserializeSeed<'de> for Way<'_> {
    type Value = Found<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Found<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Way<'_> {
    /// A text is what was looked for if the way ends here.
    fn end<'de>(&self, text: Cow<'de, str>) -> Found<'de> {
        match self.0 {
            [] => bounded(text).map_or_else(Found::Nothing, Found::Scalar),
            _ => Found::Nothing(Lack::Missing),
        }
    }

    /// What is there is none if the way ends here; what is behind it is not there.
    fn unfit<'de>(&self) -> Found<'de> {
        Found::Nothing(if self.0.is_empty() { Lack::Unfit } else { Lack::Missing })
    }
}

impl<'de> Visitor<'de> for Way<'_> {
    type Value = Found<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Found<'de>, E> {
        Ok(self.end(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Found<'de>, E> {
        Ok(self.end(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Found<'de>, E> {
        Ok(self.end(Cow::Borrowed(if value { "true" } else { "false" })))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Found<'de>, E> {
        Ok(self.end(Cow::Owned(number.to_string())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Found<'de>, E> {
        Ok(self.end(Cow::Owned(number.to_string())))
    }

    /// Whatever was written with a point or an exponent, is too large, or is `-0`.
    fn visit_f64<E>(self, _: f64) -> Result<Found<'de>, E> {
        Ok(self.unfit())
    }

    fn visit_unit<E>(self) -> Result<Found<'de>, E> {
        Ok(Found::Nothing(Lack::Missing))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found<'de>, A::Error> {
        let mut found = self.unfit();
        let next = self.0.split_first();
        while let Some(is_key) = map.next_key_seed(Is(next.map(|(key, _)| &**key)))? {
            match next {
                Some((_, rest)) if is_key => found = map.next_value_seed(Way(rest))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Found<'de>, A::Error> {
        let Some((key, rest)) = self.0.split_first() else { return all(list) };
        let (mut found, wanted) = (Found::Nothing(Lack::Missing), path::index(key));
        for at in 0.. {
            let is_there = if Some(at) == wanted {
                list.next_element_seed(Way(rest))?.map(|element| found = element).is_some()
            } else {
                list.next_element::<IgnoredAny>()?.is_some()
            };
            if !is_there {
                break;
            }
        }
        Ok(found)
    }
}

/// The scalars of a list.
fn all<'de, A: SeqAccess<'de>>(mut list: A) -> Result<Found<'de>, A::Error> {
    let mut scalars = Vec::new();
    while let Some(element) = list.next_element_seed(Way(&[]))? {
        if let Found::Scalar(text) = element {
            scalars.push(text);
        }
    }
    Ok(Found::List(scalars))
}

/// Whether a member's name is this one. Read as bytes, since half a surrogate in another's is no concern of ours.
struct Is<'k>(Option<&'k str>);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_bytes<E>(self, name: &[u8]) -> Result<bool, E> {
        Ok(self.0.is_some_and(|wanted| wanted.as_bytes() == name))
    }
}

/// Longer than any id, and short enough for a name made of several.
pub(crate) const VALUE_BYTES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn found(json: &str, way: &str) -> Option<String> {
        let keys: Vec<Box<str>> = way.split('.').filter(|key| !key.is_empty()).map(Into::into).collect();
        scalar(json, &keys).ok().map(Cow::into_owned)
    }

    #[test]
    fn strings_whole_numbers_and_booleans_are_values() {
        for (json, text) in [
            (r#""a""#, "a"),
            (r#""\u00fc\"""#, "ü\""),
            ("7", "7"),
            (r#""7""#, "7"),
            ("-7", "-7"),
            ("18446744073709551615", "18446744073709551615"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("true", "true"),
        ] {
            assert_eq!(found(json, "").as_deref(), Some(text), "{json}");
        }
        let long = format!("\"{}\"", "x".repeat(257));
        for json in
            ["null", "1.0", "1e2", "-0", "0.5", "18446744073709551616", "{}", "[1]", r#""""#, r#""\ud800""#, &long]
        {
            assert_eq!(found(json, ""), None, "{json}");
        }
    }

    #[test]
    fn what_is_no_value_is_told_by_why() {
        let (longest, long) = (format!("\"{}\"", "x".repeat(256)), format!("\"{}\"", "é".repeat(129)));
        assert!(scalar(&longest, &[]).is_ok());
        for (json, way, lack) in [
            ("null", "", Lack::Missing),
            ("\"\"", "", Lack::Missing),
            (&long, "", Lack::TooLong),
            ("1.5", "", Lack::Unfit),
            ("18446744073709551616", "", Lack::Unfit),
            ("{}", "", Lack::Unfit),
            ("[1]", "", Lack::Unfit),
            (r#""\ud800""#, "", Lack::Unfit),
            ("{}", "a", Lack::Missing),
            ("[1]", "1", Lack::Missing),
            ("1.5", "a", Lack::Missing),
            (&long, "a", Lack::Missing),
            (r#"{"a":{}}"#, "a", Lack::Unfit),
            (r#"{"a":[[]]}"#, "a.0", Lack::Unfit),
        ] {
            let keys: Vec<Box<str>> = way.split('.').filter(|key| !key.is_empty()).map(Into::into).collect();
            assert_eq!(scalar(json, &keys), Err(lack), "{way} of {json}");
        }
    }

    #[test]
    fn a_way_leads_through_objects_and_lists() {
        let json = r#"{"a":{"b":[1,{"c":"x"}],"0":"zero"},"a.b":2,"e\u0073c":3}"#;
        for (way, text) in [
            ("a.b.0", Some("1")),
            ("a.b.1.c", Some("x")),
            ("a.0", Some("zero")),
            ("esc", Some("3")),
            ("a.b.2", None),
            ("a.b.01", None),
            ("a.b.c", None),
            ("a.b.0.x", None),
            ("b", None),
            ("", None),
        ] {
            assert_eq!(found(json, way).as_deref(), text, "{way}");
        }
    }

    #[test]
    fn of_two_members_with_one_name_the_last_counts() {
        assert_eq!(found(r#"{"a":1,"a":2}"#, "a").as_deref(), Some("2"));
        assert_eq!(found(r#"{"a":1,"a":null}"#, "a"), None);
        assert_eq!(found(r#"{"a":{"b":1},"\u0061":{}}"#, "a.b"), None);
    }

    #[test]
    fn what_is_odd_elsewhere_does_not_matter() {
        assert_eq!(found(r#"{"\ud800":"\udfff","x":1e999,"a":1}"#, "a").as_deref(), Some("1"));
    }

    #[test]
    fn of_a_list_its_values_are_found() {
        let list = find(r#"{"roles":["a",1,null,[2],true]}"#, &["roles".into()]);
        assert_eq!(list, Found::List(vec!["a".into(), "1".into(), "true".into()]));
    }
}
