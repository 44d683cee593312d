//! What is an argument, and what is a list of them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use hub::{Room, SocketId};
use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};
use socketio_codec::{Arguments, Attachment, SerializeError};

/// What an event, or an answer, can be sent with.
///
/// - A tuple is a list of arguments, of up to twelve: `("text", 1)`, `(value,)`; `()` is none.
/// - An [`Argument`] is one: a string, a number, a slice or a `Vec` (which a client gets as one array), a map, a JSON value.
/// - [`Spread`] makes a list of what is known at run time only: each element is an argument.
/// - [`Arguments`] are a list already, as they came from a client or were made before.
///
/// And references to all of these. Nothing else is taken: of a type of one's own only its owner knows that it is one argument,
/// and says so by the comma of `(value,)`, or once by `impl Argument for …`.
///
/// ```
/// use fanfare_socketio::{Spread, ToArguments};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let numbers = vec![1, 2];
/// assert_eq!("text".to_arguments()?.as_str(), r#""text""#);
/// assert_eq!(("text", 1).to_arguments()?.as_str(), r#""text",1"#);
/// assert_eq!(numbers.to_arguments()?.as_str(), "[1,2]");
/// assert_eq!(Spread(&numbers).to_arguments()?.as_str(), "1,2");
/// assert!(().to_arguments()?.is_empty());
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of arguments",
    label = "one argument, or several?",
    note = "one argument of a type of your own is `(value,)`",
    note = "each element of a collection as an argument is `Spread(&collection)`"
)]
pub trait ToArguments {
    /// The arguments.
    ///
    /// # Errors
    /// [`SerializeError`] if one of them is no JSON.
    fn to_arguments(&self) -> Result<Arguments, SerializeError>;
}

/// A type of which each value is one argument.
///
/// Of the standard library's numbers, text, collections and pointers; for others `impl Argument for Message {}` saves the comma of
/// `(message,)`, and makes `|socket, message: Message|` a handler of events with one argument.
pub trait Argument {}

impl<T: Argument + Serialize + ?Sized> ToArguments for T {
    fn to_arguments(&self) -> Result<Arguments, SerializeError> {
        Arguments::serialize(&(self,))
    }
}

/// Lists, each with the reference to it. (For all references at once, somebody else's `Argument for &Theirs` would be in the
/// way.)
macro_rules! lists {
    ($([$($generics:tt)*] $type:ty, $list:ident => $arguments:expr;)+) => {$(
        impl<$($generics)*> ToArguments for $type {
            fn to_arguments(&self) -> Result<Arguments, SerializeError> {
                let $list = self;
                $arguments
            }
        }

        impl<$($generics)*> ToArguments for &$type {
            fn to_arguments(&self) -> Result<Arguments, SerializeError> {
                (**self).to_arguments()
            }
        }
    )+};
}

lists! {
    [] Arguments, list => Ok(list.clone());
    [] (), _none => Ok(Arguments::EMPTY);
    [I: Clone + IntoIterator<Item: Serialize>] Spread<I>, list => Arguments::serialize(&List(&list.0));
}

macro_rules! tuples {
    ($(($($element:ident)+))+) => {
        lists! {$([$($element: Serialize),+] ($($element,)+), list => Arguments::serialize(list);)+}
    };
}

tuples! {
    (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H) (A B C D E F G H I)
    (A B C D E F G H I J) (A B C D E F G H I J K) (A B C D E F G H I J K L)
}

macro_rules! argument {
    ($($type:ty)+) => {$(impl Argument for $type {})+};
}

argument! {
    bool char str String
    i8 i16 i32 i64 isize u8 u16 u32 u64 usize f32 f64
    Attachment Room SocketId serde_json::Value
}

impl<T: Argument + ?Sized> Argument for &T {}
impl<T> Argument for [T] {}
impl<T, const N: usize> Argument for [T; N] {}
impl<T> Argument for Vec<T> {}
impl<T> Argument for VecDeque<T> {}
impl<T> Argument for Option<T> {}
impl<T: Argument + ?Sized> Argument for Box<T> {}
impl<T: Argument + ?Sized> Argument for Arc<T> {}
impl<T: Argument + ?Sized> Argument for Rc<T> {}
impl<T: Argument + ToOwned + ?Sized> Argument for Cow<'_, T> {}
impl<T, S> Argument for HashSet<T, S> {}
impl<T> Argument for BTreeSet<T> {}
impl<K, V, S> Argument for HashMap<K, V, S> {}
impl<K, V> Argument for BTreeMap<K, V> {}

/// Each element is an argument: `Spread(&list)`.
///
/// ```no_run
/// # fn example(socket: &fanfare_socketio::Socket, scores: Vec<u32>) -> Result<(), fanfare_socketio::EmitError> {
/// use fanfare_socketio::Spread;
///
/// socket.emit("scores", &scores)?; //         one argument, an array
/// socket.emit("scores", Spread(&scores))?; // as many arguments as there are scores
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Spread<I>(pub I);

/// A sequence, as the codec wants arguments to be.
struct List<'a, I>(&'a I);

impl<I> Serialize for List<'_, I>
where
    I: Clone + IntoIterator,
    I::Item: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for element in self.0.clone() {
            list.serialize_element(&element)?;
        }
        list.end()
    }
}
