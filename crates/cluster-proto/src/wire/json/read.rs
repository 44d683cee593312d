//! A message in JSON, read from its beginning to its end.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use socketio_codec::{Arguments, Event, Json, Limits, Text, pieces};

use super::buffer;
use crate::wire::field::Field;
use crate::wire::kind::{Kind, Open};
use crate::wire::number;
use crate::wire::refused::Refused;

/// A place in a message. See [`Reader`](crate::wire::reader::Reader), which says what its functions do.
pub(crate) struct Plain {
    text: Text,
    pub(crate) at: usize,
    revives: bool,
}

impl Plain {
    pub(crate) fn new(body: Bytes, revives: bool) -> Self {
        let text = match Text::try_from(body.clone()) {
            Ok(text) => text,
            // As `Buffer.toString` reads it.
            Err(_) => Text::from(String::from_utf8_lossy(&body).into_owned()),
        };
        Self { text, at: 0, revives }
    }

    pub(crate) fn kind(&self) -> Result<Kind, Refused> {
        let at = pieces::skip_whitespace(self.text.as_bytes(), self.at);
        match self.text.as_bytes().get(at) {
            Some(b'n') => Ok(Kind::Nothing),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b'"') => Ok(Kind::Text),
            Some(b'[') => Ok(Kind::List),
            Some(b'{') => Ok(Kind::Map),
            _ => Err(Refused::InvalidJson),
        }
    }

    pub(crate) fn list(&mut self) -> Result<Open, Refused> {
        self.begin(b'[')
    }

    pub(crate) fn more(&mut self, open: &mut Open) -> Result<bool, Refused> {
        self.next(open, b']')
    }

    pub(crate) fn map(&mut self) -> Result<Open, Refused> {
        self.begin(b'{')
    }

    pub(crate) fn field(&mut self, open: &mut Open) -> Result<Option<Field>, Refused> {
        if !self.next(open, b'}')? {
            return Ok(None);
        }
        if self.kind()? != Kind::Text {
            return Err(Refused::InvalidJson);
        }
        let field = Field::of(self.text()?.as_bytes());
        if self.take_if(b':') { Ok(Some(field)) } else { Err(Refused::InvalidJson) }
    }

    pub(crate) fn skip(&mut self) -> Result<(), Refused> {
        self.span(Limits::JSON_DEPTH_CEILING).map(drop)
    }

    pub(crate) fn text(&mut self) -> Result<Cow<'_, str>, Refused> {
        match self.kind()? {
            Kind::Text => Ok(pieces::unescape(self.scalar()?)),
            _ => Err(Refused::WrongField),
        }
    }

    pub(crate) fn name(&mut self) -> Result<Cow<'_, str>, Refused> {
        if self.kind()? == Kind::Text {
            return self.text();
        }
        let start = self.at;
        let number = self.number()?;
        self.at = start;
        let literal = self.scalar()?;
        // Digits as they are: made a number, those of a long one would be others.
        if literal.bytes().all(|digit| digit.is_ascii_digit()) {
            return Ok(Cow::Borrowed(literal));
        }
        let mut made = String::new();
        number::write(number, &mut made);
        Ok(Cow::Owned(made))
    }

    pub(crate) fn number(&mut self) -> Result<f64, Refused> {
        match self.kind()? {
            Kind::Number => self.scalar()?.parse().map_err(|_| Refused::InvalidJson),
            _ => Err(Refused::WrongField),
        }
    }

    pub(crate) fn bool(&mut self) -> Result<bool, Refused> {
        match self.scalar()? {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Refused::WrongField),
        }
    }

    pub(crate) fn event(&mut self, limits: &Limits) -> Result<Event, Refused> {
        if self.kind()? != Kind::List {
            return Err(Refused::InvalidData);
        }
        let (text, attachments) = self.part(limits, limits.json_depth_max)?;
        Ok(Event::from_json(text, attachments, limits)?)
    }

    pub(crate) fn values(&mut self, limits: &Limits) -> Result<Arguments, Refused> {
        if self.kind()? != Kind::List {
            return Err(Refused::InvalidData);
        }
        let (text, attachments) = self.part(limits, limits.json_depth_max)?;
        Ok(Arguments::within(text, attachments, limits)?)
    }

    pub(crate) fn value(&mut self, limits: &Limits) -> Result<Arguments, Refused> {
        let (text, attachments) = self.part(limits, limits.json_depth_max.saturating_sub(1))?;
        match attachments.is_empty() {
            true => Ok(Arguments::from_checked(text, 1)),
            false => Ok(Arguments::within(Text::from(format!("[{text}]")), attachments, limits)?),
        }
    }

    pub(crate) fn json(&mut self, limits: &Limits) -> Result<Json, Refused> {
        let span = self.span(limits.json_depth_max)?;
        Ok(Json::from_text(self.cut(span)?)?)
    }

    pub(crate) fn end(&self) -> Result<(), Refused> {
        let end = pieces::skip_whitespace(self.text.as_bytes(), self.at);
        if end < self.text.len() { Err(Refused::InvalidJson) } else { Ok(()) }
    }

    /// A value as text of its own, and the attachments in it.
    fn part(&mut self, limits: &Limits, depth_max: usize) -> Result<(Text, Vec<Bytes>), Refused> {
        let span = self.span(depth_max)?;
        if self.revives
            && let (Cow::Owned(revived), attachments) =
                buffer::revive(self.slice(span.clone())?, limits.attachments_max)?
        {
            return Ok((Text::from(revived), attachments));
        }
        Ok((self.cut(span)?, Vec::new()))
    }

    fn begin(&mut self, bracket: u8) -> Result<Open, Refused> {
        if self.take_if(bracket) { Ok(Open::new(0)) } else { Err(Refused::WrongField) }
    }

    fn next(&mut self, open: &mut Open, bracket: u8) -> Result<bool, Refused> {
        let is_first = std::mem::replace(&mut open.is_first, false);
        match () {
            () if self.take_if(bracket) => Ok(false),
            () if is_first || self.take_if(b',') => Ok(true),
            () => Err(Refused::InvalidJson),
        }
    }

    /// Goes over this byte, which may have white space before it, if it is there.
    fn take_if(&mut self, byte: u8) -> bool {
        let at = pieces::skip_whitespace(self.text.as_bytes(), self.at);
        let is_there = self.text.as_bytes().get(at) == Some(&byte);
        if is_there {
            self.at = at + 1;
        }
        is_there
    }

    /// The text of a value that has no others in it.
    fn scalar(&mut self) -> Result<&str, Refused> {
        let span = self.span(0)?;
        self.slice(span)
    }

    /// Checks a value and says where it is.
    fn span(&mut self, depth_max: usize) -> Result<Range<usize>, Refused> {
        let start = pieces::skip_whitespace(self.text.as_bytes(), self.at);
        self.at = pieces::value_end(self.text.as_bytes(), start, depth_max)?;
        Ok(start..self.at)
    }

    fn slice(&self, span: Range<usize>) -> Result<&str, Refused> {
        let bytes = self.text.as_bytes().get(span).unwrap_or_default();
        std::str::from_utf8(bytes).map_err(|_| Refused::InvalidJson)
    }

    fn cut(&self, span: Range<usize>) -> Result<Text, Refused> {
        self.text.slice(span).ok_or(Refused::InvalidJson)
    }
}
