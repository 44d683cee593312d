//! A received event.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use bytes::Bytes;
use serde::Deserialize;

use crate::error::DecodeError;
use crate::limits::Limits;
use crate::names::name::{self, RawName};
use crate::names::text::Text;
use crate::scan;
use crate::values::arguments::{self, Arguments, Iter};
use crate::values::placeholder::Finder;

/// An event as it was received: its name, and the arguments behind the name.
///
/// Holds one buffer, the frame; cloning copies no text. To send it on, give it to
/// [`PacketRef::event`](crate::PacketRef::event), which copies the text of the arguments as it is.
#[derive(Clone)]
pub struct Event {
    /// Within the frame that `arguments` holds.
    name: Range<usize>,
    arguments: Arguments,
}

impl Event {
    /// The event that a JSON array is, such as `["name",{"a":true}]`, with a placeholder for each attachment: checked as
    /// one that a client sends, under the same limits.
    pub fn from_json(array: Text, attachments: Vec<Bytes>, limits: &Limits) -> Result<Self, DecodeError> {
        limits.check_attachments(&attachments)?;
        let mut finder = Finder::new(attachments.len());
        let shape = match attachments.len() {
            0 => scan::array(array.as_bytes(), 0, limits.json_depth_max, &mut ())?,
            _ => scan::array(array.as_bytes(), 0, limits.json_depth_max, &mut finder)?,
        };
        limits.check_count(shape.len)?;
        name::check(array.as_bytes(), shape.first.clone())?;
        let arguments = Arguments::decoded(array, shape.rest, shape.len.saturating_sub(1));
        Ok(Self { name: shape.first, arguments: arguments.with_binary(attachments, finder.finish()?) })
    }

    /// Takes the word of whoever wrote this text that there is JSON at these places of it: a name that an event may have,
    /// and a list of `len` values with commas between them. So it is not gone over a second time.
    ///
    /// If there is not, that is the caller's mistake: it harms no memory, but others will not be able to read what is sent.
    pub fn from_checked(text: Text, name: Range<usize>, list: Range<usize>, len: usize) -> Self {
        debug_assert!(name::check(text.as_bytes(), name.clone()).is_ok(), "the caller has looked at it");
        debug_assert!(text.slice(list.clone()).is_some_and(|list| arguments::is_list_of(&list, len)));
        Self { name, arguments: Arguments::decoded(text, list, len) }
    }

    /// For the decoder, whose scanner accepted the name at this place of the arguments' frame.
    #[inline]
    pub(crate) fn decoded(name: Range<usize>, arguments: Arguments) -> Self {
        Self { name, arguments }
    }

    /// The name, its escapes decoded; of a number (`42[1]`) the digits as they were written.
    ///
    /// A lone surrogate is given as U+FFFD. Allocates only for a name with escapes.
    pub fn name(&self) -> Cow<'_, str> {
        self.raw_name().decode()
    }

    /// Whether the name is `name`. Allocates only for a name with escapes.
    pub fn name_is(&self, name: &str) -> bool {
        self.raw_name().is(name)
    }

    /// The name as it stands in the frame: a JSON string or number.
    pub fn raw_name(&self) -> RawName<'_> {
        RawName::decoded(self.arguments.text().get(self.name.clone()).unwrap_or_default())
    }

    /// The arguments behind the name.
    pub fn arguments(&self) -> &Arguments {
        &self.arguments
    }

    /// The arguments behind the name, when the name is not needed any more. The frame stays in memory.
    pub fn into_arguments(self) -> Arguments {
        self.arguments
    }

    /// How many arguments there are behind the name.
    pub fn len(&self) -> usize {
        self.arguments.len()
    }

    /// Whether there is only the name.
    pub fn is_empty(&self) -> bool {
        self.arguments.is_empty()
    }

    /// The attachments in the order in which they were sent. None for a text packet.
    pub fn attachments(&self) -> &[Bytes] {
        self.arguments.attachments()
    }

    /// The text of argument `n`, counted from 0 behind the name.
    pub fn raw(&self, n: usize) -> Option<&str> {
        self.arguments.raw(n)
    }

    /// The texts of the arguments behind the name.
    pub fn iter(&self) -> Iter<'_> {
        self.arguments.iter()
    }

    /// The attachment that is argument `n`, if it is one. See [`Arguments::attachment`].
    pub fn attachment(&self, n: usize) -> Option<&Bytes> {
        self.arguments.attachment(n)
    }

    /// Reads argument `n`, counted from 0 behind the name, into a type. See [`Arguments::deserialize`].
    pub fn deserialize<'de, T: Deserialize<'de>>(&'de self, n: usize) -> Result<T, serde_json::Error> {
        self.arguments.deserialize(n)
    }

    /// Reads all arguments behind the name into a tuple or sequence. See [`Arguments::deserialize_all`].
    pub fn deserialize_all<'de, T: Deserialize<'de>>(&'de self) -> Result<T, serde_json::Error> {
        self.arguments.deserialize_all()
    }
}

/// Equal text of name and arguments, and equal attachments.
impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.raw_name() == other.raw_name() && self.arguments == other.arguments
    }
}

impl Eq for Event {}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:?}", self.raw_name(), self.arguments)
    }
}

/// Its own name, to send it on under.
impl<'a> From<&'a Event> for RawName<'a> {
    fn from(event: &'a Event) -> Self {
        event.raw_name()
    }
}

impl<'a> IntoIterator for &'a Event {
    type Item = &'a str;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}
