//! Objects and lists that are read to their bound, and no further: a body is short, what it can be full of is not.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The members of an object, each once, and no more than any request has.
pub(super) struct Members(pub(super) BTreeMap<String, Box<RawValue>>);

/// A list of so many at most.
pub(super) struct AtMost<T, const MAX: usize>(pub(super) Vec<T>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if members.len() == MEMBERS_MAX {
                        return Err(A::Error::custom("more members than any request has"));
                    }
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member twice"));
                    }
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for AtMost<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T, const MAX: usize>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Reader<T, MAX> {
            type Value = AtMost<T, MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {MAX}")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<AtMost<T, MAX>, A::Error> {
                let mut read = Vec::new();
                while let Some(value) = list.next_element()? {
                    if read.len() == MAX {
                        return Err(A::Error::custom("more than that"));
                    }
                    read.push(value);
                }
                Ok(AtMost(read))
            }
        }

        deserializer.deserialize_seq(Reader(PhantomData))
    }
}

/// Three times as many as an event has.
const MEMBERS_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_behind_the_bound_is_not_read() {
        // What follows is no JSON: whoever gets there says so.
        let members: String = (0..=MEMBERS_MAX).map(|n| format!("\"{n}\":1,")).collect();
        let error = |error: serde_json::Error| error.to_string();
        let said = serde_json::from_str::<Members>(&format!("{{{members}?")).map_err(error).err().unwrap();
        assert!(said.starts_with("more members than any request has"), "{said}");
        let said = serde_json::from_str::<AtMost<u8, 2>>("[1,2,3,?").map_err(error).err().unwrap();
        assert!(said.starts_with("more than that"), "{said}");
        assert_eq!(serde_json::from_str::<AtMost<u8, 2>>("[1,2]").unwrap().0, [1, 2]);
        assert!(serde_json::from_str::<AtMost<u8, 2>>("{}").is_err());
    }

    #[test]
    fn a_member_that_is_there_twice_is_a_mistake() {
        assert_eq!(serde_json::from_str::<Members>(r#"{"a":1,"b":2}"#).unwrap().0.len(), 2);
        assert!(serde_json::from_str::<Members>(r#"{"a":1,"b":2,"\u0061":3}"#).is_err());
    }
}
