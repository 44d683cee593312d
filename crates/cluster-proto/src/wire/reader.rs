//! One way to read both formats.

use std::borrow::Cow;

use bytes::Bytes;
use socketio_codec::{Arguments, Event, Json, Limits};

use crate::wire::field::Field;
use crate::wire::json::Plain;
use crate::wire::kind::{Kind, Open};
use crate::wire::msgpack::Packed;
use crate::wire::refused::Refused;

/// A message, read value by value from its beginning to its end. Whatever is asked for and is not there is an error, by
/// which the message is dropped; what is not asked for is skipped.
pub(crate) enum Reader {
    Packed(Packed),
    Plain(Plain),
}

macro_rules! each {
    ($self:ident, $reader:ident => $body:expr) => {
        match $self {
            Reader::Packed($reader) => $body,
            Reader::Plain($reader) => $body,
        }
    };
}

impl Reader {
    /// A message whose format its first byte says: as MessagePack `[` and `{` would be numbers.
    ///
    /// `revives`: what looks like a `Buffer` that was made JSON is one. So it is where bytes can come only in this form.
    pub(crate) fn new(body: Bytes, revives: bool) -> Self {
        match body.first() {
            Some(b'[' | b'{') => Self::Plain(Plain::new(body, revives)),
            _ => Self::Packed(Packed::new(body)),
        }
    }

    /// What comes next.
    pub(crate) fn kind(&self) -> Result<Kind, Refused> {
        each!(self, reader => reader.kind())
    }

    /// Begins a list.
    pub(crate) fn list(&mut self) -> Result<Open, Refused> {
        each!(self, reader => reader.list())
    }

    /// Whether the list has another value, which comes next.
    pub(crate) fn more(&mut self, open: &mut Open) -> Result<bool, Refused> {
        match self {
            Self::Packed(reader) => Ok(reader.more(open)),
            Self::Plain(reader) => reader.more(open),
        }
    }

    /// Begins a map.
    pub(crate) fn map(&mut self) -> Result<Open, Refused> {
        each!(self, reader => reader.map())
    }

    /// The next key of the map, whose value comes next.
    pub(crate) fn field(&mut self, open: &mut Open) -> Result<Option<Field>, Refused> {
        each!(self, reader => reader.field(open))
    }

    /// Goes over a value.
    pub(crate) fn skip(&mut self) -> Result<(), Refused> {
        each!(self, reader => reader.skip())
    }

    /// A text.
    pub(crate) fn text(&mut self) -> Result<Cow<'_, str>, Refused> {
        each!(self, reader => reader.text())
    }

    /// A text, or a number as its decimal text.
    pub(crate) fn name(&mut self) -> Result<Cow<'_, str>, Refused> {
        each!(self, reader => reader.name())
    }

    /// Who somebody is, or which question: what is kept while it is answered. `None` if it is empty.
    pub(crate) fn id(&mut self) -> Result<Option<String>, Refused> {
        let id = self.name()?;
        if id.len() > ID_LEN_MAX {
            return Err(Refused::LongId);
        }
        Ok(Some(id.into_owned()).filter(|id| !id.is_empty()))
    }

    /// An integer in any form: of any length, as a double, or as text; `None` for whatever else is there.
    pub(crate) fn integer(&mut self) -> Result<Option<i64>, Refused> {
        let number = match self.kind()? {
            Kind::Number => each!(self, reader => reader.number())?,
            Kind::Text => match self.text()?.parse() {
                Ok(number) => number,
                Err(_) => return Ok(None),
            },
            _ => {
                self.skip()?;
                return Ok(None);
            }
        };
        let is_exact = number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0;
        Ok(is_exact.then_some(number as i64))
    }

    /// A number; `None` for whatever else is there.
    pub(crate) fn number(&mut self) -> Result<Option<f64>, Refused> {
        match self.kind()? {
            Kind::Number => each!(self, reader => reader.number()).map(Some),
            _ => self.skip().map(|()| None),
        }
    }

    /// `true` or `false`; `None` for whatever else is there.
    pub(crate) fn bool(&mut self) -> Result<Option<bool>, Refused> {
        match self.kind()? {
            Kind::Bool => each!(self, reader => reader.bool()).map(Some),
            _ => self.skip().map(|()| None),
        }
    }

    /// Whether JavaScript takes the value for true.
    pub(crate) fn is_truthy(&mut self) -> Result<bool, Refused> {
        match self.kind()? {
            Kind::Nothing => self.skip().map(|()| false),
            Kind::Bool => Ok(self.bool()?.unwrap_or_default()),
            Kind::Number => Ok(self.number()?.is_some_and(|number| number != 0.0 && !number.is_nan())),
            Kind::Text => Ok(!self.text()?.is_empty()),
            Kind::List | Kind::Map | Kind::Other => self.skip().map(|()| true),
        }
    }

    /// A list that is an event: a name and its arguments.
    pub(crate) fn event(&mut self, limits: &Limits) -> Result<Event, Refused> {
        each!(self, reader => reader.event(limits))
    }

    /// A list of any values.
    pub(crate) fn values(&mut self, limits: &Limits) -> Result<Arguments, Refused> {
        each!(self, reader => reader.values(limits))
    }

    /// One value of any kind.
    pub(crate) fn value(&mut self, limits: &Limits) -> Result<Arguments, Refused> {
        each!(self, reader => reader.value(limits))
    }

    /// One value of any kind as JSON without attachments.
    pub(crate) fn json(&mut self, limits: &Limits) -> Result<Json, Refused> {
        each!(self, reader => reader.json(limits))
    }

    /// Where it is, to come back to: keys are in any order, and what one means may depend on a later one.
    pub(crate) fn place(&self) -> usize {
        each!(self, reader => reader.at)
    }

    /// Goes back to a value.
    pub(crate) fn go_to(&mut self, place: usize) {
        each!(self, reader => reader.at = place);
    }

    /// Checks that nothing follows.
    pub(crate) fn end(&self) -> Result<(), Refused> {
        each!(self, reader => reader.end())
    }

    /// How many members named `__proto__` were left out so far.
    pub(crate) fn left_out(&self) -> usize {
        match self {
            Self::Packed(reader) => reader.left_out,
            Self::Plain(_) => 0,
        }
    }
}

/// How long an id is at most, in bytes. Node's have 6 (`uid2`), 16 (`randomId`) or 20, a UUID has 36.
const ID_LEN_MAX: usize = 128;
