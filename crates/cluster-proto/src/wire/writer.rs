//! One way to write both formats.

use bytes::Bytes;
use socketio_codec::{Arguments, Json, RawName, pieces};

use crate::wire::json::buffer;
use crate::wire::message::Format;
use crate::wire::msgpack::Packer;

/// A message that is being written, value after value.
pub(crate) enum Writer {
    Packed(Packer),
    /// Attachments become what `JSON.stringify` makes of a `Buffer`.
    Plain(String),
}

impl Writer {
    pub(crate) fn new(format: Format) -> Self {
        match format {
            Format::Msgpack => Self::Packed(Packer::default()),
            Format::Json => Self::Plain(String::new()),
        }
    }

    /// The message, and how many members it has not.
    pub(crate) fn finish(self) -> (Bytes, usize) {
        match self {
            Self::Packed(packer) => (packer.out.into(), packer.left_out),
            Self::Plain(text) => (text.into(), 0),
        }
    }

    /// Begins a list of so many values; [`end_list`](Self::end_list) ends it.
    pub(crate) fn list(&mut self, len: usize) {
        match self {
            Self::Packed(packer) => packer.array(len),
            Self::Plain(text) => piece(text).push('['),
        }
    }

    pub(crate) fn end_list(&mut self) {
        if let Self::Plain(text) = self {
            text.push(']');
        }
    }

    /// Begins a map of so many members; [`end_map`](Self::end_map) ends it.
    pub(crate) fn map(&mut self, len: usize) {
        match self {
            Self::Packed(packer) => packer.map(len),
            Self::Plain(text) => piece(text).push('{'),
        }
    }

    pub(crate) fn end_map(&mut self) {
        if let Self::Plain(text) = self {
            text.push('}');
        }
    }

    /// The key of the next value.
    pub(crate) fn key(&mut self, key: &str) {
        self.text(key);
        if let Self::Plain(text) = self {
            text.push(':');
        }
    }

    pub(crate) fn text(&mut self, value: &str) {
        match self {
            Self::Packed(packer) => packer.str(value),
            Self::Plain(text) => pieces::escape(value, piece(text)),
        }
    }

    pub(crate) fn texts<'a>(&mut self, values: impl Iterator<Item = &'a str> + Clone) {
        self.list(values.clone().count());
        values.for_each(|value| self.text(value));
        self.end_list();
    }

    pub(crate) fn unsigned(&mut self, number: u64) {
        match self {
            Self::Packed(packer) => packer.unsigned(number),
            Self::Plain(text) => piece(text).push_str(&number.to_string()),
        }
    }

    pub(crate) fn bool(&mut self, value: bool) {
        match self {
            Self::Packed(packer) => packer.bool(value),
            Self::Plain(text) => piece(text).push_str(if value { "true" } else { "false" }),
        }
    }

    pub(crate) fn json(&mut self, json: &Json) {
        match self {
            Self::Packed(packer) => packer.json(json),
            Self::Plain(text) => piece(text).push_str(json.as_str()),
        }
    }

    /// An event's list.
    pub(crate) fn event(&mut self, name: RawName<'_>, arguments: &Arguments) {
        self.list(1 + arguments.len());
        match self {
            Self::Packed(packer) => packer.literal(name.as_str()),
            Self::Plain(text) => piece(text).push_str(name.as_str()),
        }
        self.values(arguments);
        self.end_list();
    }

    /// A list of any values.
    pub(crate) fn list_of(&mut self, arguments: &Arguments) {
        self.list(arguments.len());
        self.values(arguments);
        self.end_list();
    }

    /// The values of a list, without its brackets: one, where it is one.
    pub(crate) fn values(&mut self, arguments: &Arguments) {
        if arguments.is_empty() {
            return;
        }
        match self {
            Self::Packed(packer) => packer.values(arguments),
            Self::Plain(text) => buffer::write_list(arguments, piece(text)),
        }
    }
}

/// The text, with a comma where the next value needs one. What it ends with cannot be the end of a text: that is a quote.
fn piece(text: &mut String) -> &mut String {
    if !matches!(text.as_bytes().last(), None | Some(b'[' | b'{' | b':')) {
        text.push(',');
    }
    text
}
