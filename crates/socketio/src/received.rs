//! Arguments that came, as the types a handler wants.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::Error as Missing;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use socketio_codec::Arguments;

use crate::arguments::Argument;

/// What a handler can be called with.
///
/// - A tuple has a place for each argument, up to eight: `(String, u32)`; `()` is for none. A place of type `Option` may be left empty, by
///   `null` or by sending less. More arguments than places do not fit, unless the last place is [`Rest`].
/// - An [`Argument`] is for one: `String`, `u32`, `Vec<T>`, a JSON value.
/// - [`Arguments`] are whatever came.
///
/// ```
/// use fanfare_socketio::{Arguments, FromArguments, Rest};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let came = Arguments::serialize(&("text", 1))?;
/// assert!(<(String, u32)>::from_arguments(&came).is_ok());
/// assert!(<(String, u32, Option<bool>)>::from_arguments(&came).is_ok_and(|(.., flag)| flag.is_none()));
/// assert!(<(String, Rest)>::from_arguments(&came).is_ok());
/// assert!(String::from_arguments(&came).is_err(), "there are two");
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from the arguments of an event",
    note = "a handler takes a tuple with a place for each argument: `(message,): (Message,)`",
    note = "each of which implements `serde::Deserialize` and borrows nothing"
)]
pub trait FromArguments: Sized {
    /// Reads them.
    ///
    /// # Errors
    /// What does not fit, in words for a log.
    fn from_arguments(arguments: &Arguments) -> Result<Self, serde_json::Error>;
}

/// The last place of a tuple for arguments of which there may be more: they are not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rest;

impl FromArguments for Arguments {
    fn from_arguments(arguments: &Arguments) -> Result<Self, serde_json::Error> {
        Ok(arguments.clone())
    }
}

impl<T: Argument + DeserializeOwned> FromArguments for T {
    fn from_arguments(arguments: &Arguments) -> Result<Self, serde_json::Error> {
        <(T,)>::from_arguments(arguments).map(|(only,)| only)
    }
}

impl FromArguments for () {
    fn from_arguments(arguments: &Arguments) -> Result<Self, serde_json::Error> {
        if arguments.is_empty() { Ok(()) } else { Err(too_many(0)) }
    }
}

impl FromArguments for Rest {
    fn from_arguments(_: &Arguments) -> Result<Self, serde_json::Error> {
        Ok(Self)
    }
}

impl FromArguments for (Rest,) {
    fn from_arguments(_: &Arguments) -> Result<Self, serde_json::Error> {
        Ok((Rest,))
    }
}

macro_rules! tuples {
    ($(($($element:ident $value:ident)+) $len:literal)+) => {$(
        impl<$($element: DeserializeOwned),+> FromArguments for ($($element,)+) {
            fn from_arguments(arguments: &Arguments) -> Result<Self, serde_json::Error> {
                Ok(arguments.deserialize_all::<Exactly<Self>>()?.0)
            }
        }

        impl<$($element: DeserializeOwned),+> FromArguments for ($($element,)+ Rest,) {
            fn from_arguments(arguments: &Arguments) -> Result<Self, serde_json::Error> {
                let ($($value,)+) = arguments.deserialize_all::<AtLeast<($($element,)+)>>()?.0;
                Ok(($($value,)+ Rest,))
            }
        }

        impl<$($element: DeserializeOwned),+> Places for ($($element,)+) {
            const LEN: usize = $len;

            fn fill<'de, S: SeqAccess<'de>>(from: &mut S) -> Result<Self, S::Error> {
                Ok(($(next::<$element, S>(from)?,)+))
            }
        }
    )+};
}

tuples! {
    (A a) 1
    (A a B b) 2
    (A a B b C c) 3
    (A a B b C c D d) 4
    (A a B b C c D d E e) 5
    (A a B b C c D d E e F f) 6
    (A a B b C c D d E e F f G g) 7
    (A a B b C c D d E e F f G g H h) 8
}

/// A tuple, filled place by place.
trait Places: Sized {
    const LEN: usize;

    fn fill<'de, S: SeqAccess<'de>>(from: &mut S) -> Result<Self, S::Error>;
}

/// The next argument, or what its type is without one.
fn next<'de, T: DeserializeOwned, S: SeqAccess<'de>>(from: &mut S) -> Result<T, S::Error> {
    match from.next_element()? {
        Some(value) => Ok(value),
        None => T::deserialize(Nothing).map_err(|_| S::Error::custom("too few arguments")),
    }
}

/// Places for all arguments.
struct Exactly<T>(T);

/// Places for the first ones.
struct AtLeast<T>(T);

impl<'de, T: Places> Deserialize<'de> for Exactly<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Filling::<T, false>(PhantomData)).map(Self)
    }
}

impl<'de, T: Places> Deserialize<'de> for AtLeast<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Filling::<T, true>(PhantomData)).map(Self)
    }
}

struct Filling<T, const MAY_BE_MORE: bool>(PhantomData<T>);

impl<'de, T: Places, const MAY_BE_MORE: bool> Visitor<'de> for Filling<T, MAY_BE_MORE> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("arguments")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut from: S) -> Result<T, S::Error> {
        let filled = T::fill(&mut from)?;
        while from.next_element::<IgnoredAny>()?.is_some() {
            if !MAY_BE_MORE {
                return Err(too_many(T::LEN));
            }
        }
        Ok(filled)
    }
}

#[cold]
fn too_many<E: Error>(places: usize) -> E {
    E::custom(format_args!("more than {places} arguments"))
}

/// An argument that is not there: `None` for an `Option`, as for a field that is missing, and an error for all else.
struct Nothing;

impl<'de> Deserializer<'de> for Nothing {
    type Error = Missing;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Missing> {
        Err(Missing::custom("nothing there"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Missing> {
        visitor.visit_none()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use socketio_codec::Attachment;

    use super::*;

    fn came(array: Value) -> Arguments {
        Arguments::from_json(array.to_string().into()).unwrap()
    }

    fn read<T: FromArguments>(array: Value) -> Result<T, String> {
        T::from_arguments(&came(array)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_tuple_has_a_place_for_each_argument() {
        assert_eq!(read::<(String, u32)>(json!(["a", 1])), Ok(("a".to_owned(), 1)));
        assert_eq!(read::<()>(json!([])), Ok(()));
        assert_eq!(read::<String>(json!(["a"])), Ok("a".to_owned()));
        assert_eq!(read::<Vec<u8>>(json!([[1, 2]])), Ok(vec![1, 2]));
        assert_eq!(read::<Value>(json!([{ "a": 1 }])), Ok(json!({ "a": 1 })));
        for mismatch in [
            read::<(String, u32)>(json!(["a"])).map(drop),
            read::<(String, u32)>(json!([1, "a"])).map(drop),
            read::<(String, u32)>(json!(["a", 1, 2])).map(drop),
            read::<()>(json!([1])).map(drop),
            read::<String>(json!([])).map(drop),
            read::<Vec<u8>>(json!([1, 2])).map(drop),
        ] {
            assert!(mismatch.is_err());
        }
    }

    #[test]
    fn what_is_optional_may_be_null_or_missing_and_the_rest_is_not_looked_at() {
        type Optional = (String, Option<u32>, Option<bool>);
        assert_eq!(read::<Optional>(json!(["a", 1, true])), Ok(("a".to_owned(), Some(1), Some(true))));
        assert_eq!(read::<Optional>(json!(["a", null])), Ok(("a".to_owned(), None, None)));
        assert_eq!(read::<Optional>(json!(["a"])), Ok(("a".to_owned(), None, None)));
        assert!(read::<Optional>(json!([])).is_err());
        assert!(read::<Optional>(json!(["a", "b"])).is_err(), "optional, but not anything");
        assert_eq!(read::<Option<u32>>(json!([])), Ok(None));
        assert_eq!(read::<(String, Rest)>(json!(["a", 1, { "b": [2] }])), Ok(("a".to_owned(), Rest)));
        assert_eq!(read::<(String, Rest)>(json!(["a"])), Ok(("a".to_owned(), Rest)));
        assert_eq!(read::<(Rest,)>(json!([1, 2])), Ok((Rest,)));
        assert!(read::<(String, Rest)>(json!([])).is_err());
        assert!(read::<(Value,)>(json!([])).is_err(), "a value that is not there is not null");
    }

    #[test]
    fn attachments_are_read_wherever_they_are() {
        let sent = Arguments::serialize(&("name", Attachment::from(&b"1"[..]), [Attachment::from(&b"2"[..])])).unwrap();
        let (name, one, more) = <(String, Attachment, Vec<Attachment>)>::from_arguments(&sent).unwrap();
        assert_eq!((name.as_str(), &one[..], &more[0][..]), ("name", &b"1"[..], &b"2"[..]));
        let (_, one, Rest) = <(String, Attachment, Rest)>::from_arguments(&sent).unwrap();
        assert_eq!(&one[..], b"1");
        assert!(<(String, Attachment)>::from_arguments(&sent).is_err());
    }
}
