//! A message in MessagePack, read from its beginning to its end.

use std::borrow::Cow;

use bytes::Bytes;
use socketio_codec::{Arguments, Event, Json, Limits, RESERVED_NAMES, Text};

use super::token::{self, Token};
use super::values::{Binary, Values};
use crate::wire::field::Field;
use crate::wire::kind::{Kind, Open};
use crate::wire::number;
use crate::wire::refused::Refused;

/// A place in a message. See [`Reader`](crate::wire::reader::Reader), which says what its functions do.
pub(crate) struct Packed {
    bytes: Bytes,
    pub(crate) at: usize,
    pub(crate) left_out: usize,
}

impl Packed {
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self { bytes, at: 0, left_out: 0 }
    }

    pub(crate) fn kind(&self) -> Result<Kind, Refused> {
        let mut at = self.at;
        Ok(match token::token(&self.bytes, &mut at)? {
            Token::Nil => Kind::Nothing,
            Token::Bool(_) => Kind::Bool,
            Token::Unsigned(_) | Token::Signed(_) | Token::Float(_) => Kind::Number,
            Token::Str(_) => Kind::Text,
            Token::Array(_) => Kind::List,
            Token::Map(_) => Kind::Map,
            Token::Bin(_) | Token::Date(_) | Token::Ext(..) => Kind::Other,
        })
    }

    pub(crate) fn list(&mut self) -> Result<Open, Refused> {
        match token::token(&self.bytes, &mut self.at)? {
            Token::Array(left) => Ok(Open::new(left)),
            _ => Err(Refused::WrongField),
        }
    }

    pub(crate) fn more(&mut self, open: &mut Open) -> bool {
        let left = open.left.checked_sub(1);
        open.left = left.unwrap_or_default();
        left.is_some()
    }

    pub(crate) fn map(&mut self) -> Result<Open, Refused> {
        match token::token(&self.bytes, &mut self.at)? {
            Token::Map(left) => Ok(Open::new(left)),
            _ => Err(Refused::WrongField),
        }
    }

    pub(crate) fn field(&mut self, open: &mut Open) -> Result<Option<Field>, Refused> {
        if !self.more(open) {
            return Ok(None);
        }
        let start = self.at;
        match token::token(&self.bytes, &mut self.at)? {
            Token::Str(key) => Ok(Some(Field::of(key))),
            _ => {
                self.at = start;
                self.skip()?;
                Ok(Some(Field::Other))
            }
        }
    }

    pub(crate) fn skip(&mut self) -> Result<(), Refused> {
        token::skip(&self.bytes, &mut self.at)
    }

    pub(crate) fn text(&mut self) -> Result<Cow<'_, str>, Refused> {
        match token::token(&self.bytes, &mut self.at)? {
            Token::Str(text) => Ok(String::from_utf8_lossy(text)),
            _ => Err(Refused::WrongField),
        }
    }

    pub(crate) fn name(&mut self) -> Result<Cow<'_, str>, Refused> {
        let mut made = String::new();
        match token::token(&self.bytes, &mut self.at)? {
            Token::Str(text) => return Ok(String::from_utf8_lossy(text)),
            Token::Unsigned(number) => made = number.to_string(),
            Token::Signed(number) => made = number.to_string(),
            Token::Float(number) if number.is_finite() => number::write(number, &mut made),
            _ => return Err(Refused::WrongField),
        }
        Ok(Cow::Owned(made))
    }

    pub(crate) fn number(&mut self) -> Result<f64, Refused> {
        match token::token(&self.bytes, &mut self.at)? {
            Token::Unsigned(number) => Ok(number as f64),
            Token::Signed(number) => Ok(number as f64),
            Token::Float(number) => Ok(number),
            _ => Err(Refused::WrongField),
        }
    }

    pub(crate) fn bool(&mut self) -> Result<bool, Refused> {
        match token::token(&self.bytes, &mut self.at)? {
            Token::Bool(value) => Ok(value),
            _ => Err(Refused::WrongField),
        }
    }

    pub(crate) fn event(&mut self, limits: &Limits) -> Result<Event, Refused> {
        let Token::Array(len) = token::token(&self.bytes, &mut self.at)? else { return Err(Refused::InvalidData) };
        if len > limits.arguments_max {
            return Err(Refused::TooManyArguments);
        }
        let arguments = len.checked_sub(1).ok_or(Refused::InvalidData)?;
        let mut at = self.at;
        match token::token(&self.bytes, &mut at)? {
            Token::Str(name) if RESERVED_NAMES.iter().any(|reserved| reserved.as_bytes() == name) => {
                return Err(Refused::ReservedName);
            }
            Token::Str(_) | Token::Unsigned(_) | Token::Signed(_) => {}
            Token::Float(number) if number.is_finite() => {}
            _ => return Err(Refused::InvalidData),
        }
        let mut values = Values::new(&self.bytes, limits, Binary::Attached);
        // As long as the message: most values take about as many bytes in either form.
        values.text.reserve(self.bytes.len().saturating_sub(self.at).min(CAPACITY_MAX));
        values.text.push('[');
        values.value(&mut self.at, 1)?;
        let name = 1..values.text.len();
        let mut list = name.end..name.end;
        for number in 0..arguments {
            values.text.push(',');
            if number == 0 {
                list.start = values.text.len();
            }
            values.value(&mut self.at, 1)?;
        }
        list.end = values.text.len();
        values.text.push(']');
        let Values { text, attachments, left_out, .. } = values;
        self.left_out += left_out;
        match attachments.is_empty() {
            // Everything that the check would look at was looked at.
            true => Ok(Event::from_checked(Text::from(text), name, list, arguments)),
            // A map may look like a placeholder.
            false => Ok(Event::from_json(Text::from(text), attachments, limits)?),
        }
    }

    pub(crate) fn values(&mut self, limits: &Limits) -> Result<Arguments, Refused> {
        let Token::Array(len) = token::token(&self.bytes, &mut self.at)? else { return Err(Refused::InvalidData) };
        if len > limits.arguments_max {
            return Err(Refused::TooManyArguments);
        }
        self.arguments(len, limits)
    }

    pub(crate) fn value(&mut self, limits: &Limits) -> Result<Arguments, Refused> {
        self.arguments(1, limits)
    }

    fn arguments(&mut self, len: usize, limits: &Limits) -> Result<Arguments, Refused> {
        let mut values = Values::new(&self.bytes, limits, Binary::Attached);
        for number in 0..len {
            if number > 0 {
                values.text.push(',');
            }
            values.value(&mut self.at, 1)?;
        }
        let Values { text, attachments, left_out, .. } = values;
        self.left_out += left_out;
        match attachments.is_empty() {
            true => Ok(Arguments::from_checked(Text::from(text), len)),
            false => Ok(Arguments::within(Text::from(format!("[{text}]")), attachments, limits)?),
        }
    }

    pub(crate) fn json(&mut self, limits: &Limits) -> Result<Json, Refused> {
        let mut values = Values::new(&self.bytes, limits, Binary::Written);
        values.value(&mut self.at, 0)?;
        self.left_out += values.left_out;
        Ok(Json::from_text(Text::from(values.text))?)
    }

    pub(crate) fn end(&self) -> Result<(), Refused> {
        if self.at < self.bytes.len() { Err(Refused::TrailingBytes) } else { Ok(()) }
    }
}

/// What is reserved for a text beforehand: the message's length is real, but one text need not be all of it.
const CAPACITY_MAX: usize = 64 * 1024;
