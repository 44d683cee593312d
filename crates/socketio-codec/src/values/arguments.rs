//! The arguments of an event or an acknowledgement.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::iter::FusedIterator;
use core::ops::Range;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::DecodeError;
use crate::limits::Limits;
use crate::names::text::{self, Text};
use crate::scan::{self, ArrayShape};
use crate::values::deserialize;
use crate::values::placeholder::{Finder, Placeholder};
use crate::values::serialize::{self, SerializeError, Written};

/// A list of JSON values, checked but not parsed, and the attachments that belong among them.
///
/// Read them as text ([`raw`](Self::raw), [`iter`](Self::iter)), into types ([`deserialize`](Self::deserialize)),
/// or hand them on as they are: [`PacketRef`](crate::PacketRef) writes the text without looking at it. Cloning
/// copies no text.
///
/// ```
/// use socketio_codec::{Arguments, Attachment};
///
/// let arguments = Arguments::serialize(&("cat.png", Attachment::from(&b"\x89PNG"[..])))?;
/// assert_eq!(arguments.as_str(), r#""cat.png",{"_placeholder":true,"num":0}"#);
/// assert_eq!(&arguments.attachments()[0][..], b"\x89PNG");
///
/// let (name, image): (String, Attachment) = arguments.deserialize_all()?;
/// assert_eq!((name.as_str(), &image[..]), ("cat.png", &b"\x89PNG"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Arguments {
    /// The text the list is a part of: usually the whole frame, so that decoding cuts no buffer.
    text: Text,
    /// The values and the commas between them, without brackets and white space around.
    list: Range<usize>,
    len: usize,
    binary: Option<Arc<Binary>>,
}

/// What a binary packet has more.
#[derive(Debug)]
struct Binary {
    attachments: Vec<Bytes>,
    /// Ordered by where they are in the text.
    placeholders: Vec<Placeholder>,
}

impl Arguments {
    /// No arguments.
    pub const EMPTY: Self = Self { text: Text::from_static(""), list: 0..0, len: 0, binary: None };

    /// No arguments, as a reference that lives as long as one likes.
    pub fn empty() -> &'static Self {
        static EMPTY: Arguments = Arguments::EMPTY;
        &EMPTY
    }

    /// The elements of a JSON array, such as `[1,{"a":true}]`, under the default [`Limits`] for its nesting.
    pub fn from_json(array: Text) -> Result<Self, DecodeError> {
        Self::with_attachments(array, Vec::new())
    }

    /// The elements of a JSON array that has a placeholder (`{"_placeholder":true,"num":0}`) for each attachment.
    ///
    /// Without attachments an object that looks like a placeholder is left alone, as it is on the wire.
    pub fn with_attachments(array: Text, attachments: Vec<Bytes>) -> Result<Self, DecodeError> {
        Self::nested(array, attachments, Limits::default().json_depth_max)
    }

    /// The same under other limits, as the arguments of an acknowledgement are read.
    pub fn within(array: Text, attachments: Vec<Bytes>, limits: &Limits) -> Result<Self, DecodeError> {
        limits.check_attachments(&attachments)?;
        let arguments = Self::nested(array, attachments, limits.json_depth_max)?;
        limits.check_count(arguments.len())?;
        Ok(arguments)
    }

    fn nested(array: Text, attachments: Vec<Bytes>, depth_max: usize) -> Result<Self, DecodeError> {
        let mut finder = Finder::new(attachments.len());
        let shape = match attachments.len() {
            0 => scan::array(array.as_bytes(), 0, depth_max, &mut ())?,
            _ => scan::array(array.as_bytes(), 0, depth_max, &mut finder)?,
        };
        let arguments = Self::decoded(array, whole(&shape), shape.len);
        Ok(arguments.with_binary(attachments, finder.finish()?))
    }

    /// Takes the word of whoever wrote this list (values with commas between them, without brackets) that it is `len`
    /// values of JSON, so that it is not gone over a second time.
    ///
    /// If it is not, that is the caller's mistake: it harms no memory, but others will not be able to read what is sent.
    pub fn from_checked(list: Text, len: usize) -> Self {
        debug_assert!(is_list_of(&list, len), "the caller has written it");
        Self { list: 0..list.len(), text: list, len, binary: None }
    }

    /// Writes each element of a tuple, array or slice as one argument. `()`, the tuple without elements, is none.
    ///
    /// Bytes (`serialize_bytes`, so [`Attachment`](crate::Attachment) or `serde_bytes`), wherever they are in the
    /// values, become attachments, and are copied for it. What is no sequence is an error: an argument alone is `(value,)`.
    pub fn serialize<T: Serialize + ?Sized>(arguments: &T) -> Result<Self, SerializeError> {
        let Written { text, attachments, placeholders, len, is_unchecked } = serialize::to_json(arguments)?;
        let text = Text::from(text);
        match len {
            // A unit has no brackets.
            Some(0) => return Ok(Self::EMPTY),
            Some(len) if !is_unchecked => {
                let list = 1..text.len() - 1;
                return Ok(Self::decoded(text, list, len).with_binary(attachments, placeholders));
            }
            _ => {}
        }
        let made = Self::with_attachments(text, attachments).map_err(SerializeError::from_decode)?;
        // A map that looks like a placeholder would take an attachment for itself.
        match &made.binary {
            Some(binary) if binary.placeholders.len() != binary.attachments.len() => Err(SerializeError::placeholder()),
            _ => Ok(made),
        }
    }

    /// The same in buffers of their own: as they came they keep the whole read that they came in, which may be a
    /// thousand times as large. For what is kept longer than the message is handled.
    #[must_use = "the arguments themselves stay as they are"]
    pub fn detached(&self) -> Self {
        let start = self.list.start;
        let text = Text::from(String::from(self.as_str()));
        let binary = self.binary.as_ref().map(|binary| {
            let attachments = binary.attachments.iter().map(|attachment| Bytes::copy_from_slice(attachment)).collect();
            let moved = |at: &Placeholder| {
                let span = at.span.start.saturating_sub(start)..at.span.end.saturating_sub(start);
                Placeholder { span, index: at.index }
            };
            Arc::new(Binary { attachments, placeholders: binary.placeholders.iter().map(moved).collect() })
        });
        Self { list: 0..text.len(), text, len: self.len, binary }
    }

    /// For the decoder: a list that the scanner found.
    #[inline]
    pub(crate) fn decoded(text: Text, list: Range<usize>, len: usize) -> Self {
        Self { text, list, len, binary: None }
    }

    #[inline]
    pub(crate) fn with_binary(mut self, attachments: Vec<Bytes>, placeholders: Vec<Placeholder>) -> Self {
        if !attachments.is_empty() {
            self.binary = Some(Arc::new(Binary { attachments, placeholders }));
        }
        self
    }

    /// How many arguments there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The text of all of them: JSON values with commas between, without brackets.
    pub fn as_str(&self) -> &str {
        text::checked(self.as_bytes())
    }

    /// The bytes of that text, without a second UTF-8 check.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes().get(self.list.clone()).unwrap_or_default()
    }

    /// The attachments in the order in which they were sent.
    pub fn attachments(&self) -> &[Bytes] {
        self.binary.as_ref().map_or(&[], |binary| &binary.attachments)
    }

    /// Where in [`as_bytes`](Self::as_bytes) attachments belong, in the order of the text: the place of each placeholder,
    /// and the attachment that it names.
    pub fn placeholders(&self) -> impl Iterator<Item = (Range<usize>, &Bytes)> {
        let (placeholders, attachments) = self.sources();
        let start = self.list.start;
        placeholders.iter().filter_map(move |placeholder| {
            let Range { start: from, end } = placeholder.span;
            Some((from.checked_sub(start)?..end.checked_sub(start)?, attachments.get(placeholder.index)?))
        })
    }

    /// The text of argument `n`, counted from 0.
    ///
    /// Walks over those before it; to read them all, [`iter`](Self::iter).
    pub fn raw(&self, n: usize) -> Option<&str> {
        self.iter().nth(n)
    }

    /// The texts of the arguments.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.spans())
    }

    /// The attachment that is argument `n`, if it is one: without copying it.
    pub fn attachment(&self, n: usize) -> Option<&Bytes> {
        let binary = self.binary.as_ref()?;
        let span = self.spans().nth(n)?;
        let found = binary.placeholders.binary_search_by_key(&span.start, |placeholder| placeholder.span.start);
        let placeholder = binary.placeholders.get(found.ok()?)?;
        binary.attachments.get(placeholder.index)
    }

    /// Reads argument `n`, counted from 0, into a type, with attachments in the place of their placeholders.
    ///
    /// An attachment is given to the type as bytes: [`Attachment`](crate::Attachment), `serde_bytes`, `&[u8]` and
    /// `Vec<u8>` take it. An argument that is not there is an error. Numbers and strings are read as `serde_json`
    /// reads them, which refuses lone surrogates and numbers out of range.
    pub fn deserialize<'de, T: Deserialize<'de>>(&'de self, n: usize) -> Result<T, serde_json::Error> {
        let span = self.spans().nth(n).ok_or_else(|| missing(n))?;
        deserialize::value(self.text.as_bytes(), span, self.sources())
    }

    /// Reads all arguments into a tuple, or a sequence such as `Vec<T>`. A tuple must have a place for each.
    pub fn deserialize_all<'de, T: Deserialize<'de>>(&'de self) -> Result<T, serde_json::Error> {
        deserialize::list(self.text.as_bytes(), self.list.clone(), self.sources())
    }

    /// The text that all spans are places in.
    pub(crate) fn text(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Where in that text the list is.
    #[cfg(feature = "msgpack")]
    pub(crate) fn list_start(&self) -> usize {
        self.list.start
    }

    pub(crate) fn sources(&self) -> (&[Placeholder], &[Bytes]) {
        match &self.binary {
            Some(binary) => (&binary.placeholders, &binary.attachments),
            None => (&[], &[]),
        }
    }

    fn spans(&self) -> Spans<'_> {
        Spans { bytes: self.text.as_bytes(), at: self.list.start, left: self.len }
    }
}

/// Whether it is a list of so many values. Only tests pay for it.
pub(crate) fn is_list_of(list: &Text, len: usize) -> bool {
    let array = alloc::format!("[{}]", list.as_str());
    scan::array(array.as_bytes(), 0, Limits::JSON_DEPTH_CEILING, &mut ()).is_ok_and(|shape| shape.len == len)
}

/// From the first element to the last.
pub(crate) fn whole(shape: &ArrayShape) -> Range<usize> {
    shape.first.start..shape.rest.end
}

#[cold]
fn missing(n: usize) -> serde_json::Error {
    serde::de::Error::custom(format_args!("there is no argument {n}"))
}

impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.as_str())?;
        match self.attachments() {
            [] => Ok(()),
            attachments => write!(f, " with {attachments:?}"),
        }
    }
}

/// Equal text and equal attachments.
impl PartialEq for Arguments {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes() && self.attachments() == other.attachments()
    }
}

impl Eq for Arguments {}

impl TryFrom<Text> for Arguments {
    type Error = DecodeError;

    fn try_from(array: Text) -> Result<Self, DecodeError> {
        Self::from_json(array)
    }
}

impl<'a> IntoIterator for &'a Arguments {
    type Item = &'a str;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// The texts of arguments, see [`Arguments::iter`].
#[derive(Debug, Clone)]
pub struct Iter<'a>(Spans<'a>);

impl<'a> Iterator for Iter<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let span = self.0.next()?;
        self.0.bytes.get(span).map(text::checked)
    }

    fn nth(&mut self, n: usize) -> Option<&'a str> {
        let span = self.0.nth(n)?;
        self.0.bytes.get(span).map(text::checked)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.left, Some(self.0.left))
    }
}

impl ExactSizeIterator for Iter<'_> {}
impl FusedIterator for Iter<'_> {}

/// Where the elements of a list are. The scanner has accepted the list, so no element can fail.
#[derive(Debug, Clone)]
struct Spans<'a> {
    bytes: &'a [u8],
    at: usize,
    left: usize,
}

impl Iterator for Spans<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        self.left = self.left.checked_sub(1)?;
        let start = scan::skip_whitespace(self.bytes, self.at);
        let end = scan::value(self.bytes, start, 0, Limits::JSON_DEPTH_CEILING).ok()?;
        // Behind the comma; behind the last element nobody looks.
        self.at = scan::skip_whitespace(self.bytes, end) + 1;
        Some(start..end)
    }
}
