//! Frames to packets.

use core::ops::Range;

use bytes::Bytes;

use crate::error::{DecodeError, DecodeErrorKind};
use crate::limits::Limits;
use crate::msgpack::Packet;
use crate::msgpack::read::{self, Token};
use crate::msgpack::values::{Event, Value, Values};
use crate::names::ack_id::AckId;
use crate::names::name;
use crate::names::namespace::{self, Namespace};
use crate::names::text::Text;

/// Reads a frame, which holds one whole packet.
///
/// Of `limits`, those of namespaces, ids and nesting apply (see [`DEPTH_CEILING`](crate::msgpack::DEPTH_CEILING)); the
/// size of byte strings is within the size of the frame.
pub fn decode(frame: Bytes, limits: &Limits) -> Result<Packet, DecodeError> {
    let members = Members::read(&frame, limits)?;
    let namespace = members.namespace(&frame, limits)?;
    let id = members.id(&frame, limits)?;
    let data = members.data(&frame)?;
    let wrong_data = DecodeError::new(DecodeErrorKind::InvalidPayload, members.data.start);
    let kind = match read::token(&frame, members.kind.start) {
        Ok((Token::Unsigned(kind), _)) if !members.kind.is_empty() => kind,
        _ => return Err(DecodeError::new(DecodeErrorKind::UnknownType, members.kind.start)),
    };
    match (kind, data) {
        (2 | 3, Some((Token::Array(len), _))) if len > limits.arguments_max => {
            Err(DecodeError::new(DecodeErrorKind::TooManyArguments, members.data.start))
        }
        (0, None) => Ok(Packet::Connect { namespace, auth: None }),
        (0, Some((Token::Map(_), _))) => {
            Ok(Packet::Connect { namespace, auth: Some(Value::decoded(frame.slice(members.data))) })
        }
        (1, None) => Ok(Packet::Disconnect { namespace }),
        (2, Some((Token::Array(len), start))) => {
            Ok(Packet::Event { namespace, id, event: event(frame, start..members.data.end, len)? })
        }
        (3, Some((Token::Array(len), start))) => {
            Ok(Packet::Ack { namespace, id, arguments: Values::decoded(frame, start..members.data.end, len) })
        }
        (4, Some((Token::Map(_) | Token::Str(_), _))) => {
            Ok(Packet::ConnectError { namespace, error: Value::decoded(frame.slice(members.data)) })
        }
        (0..=4, _) => Err(wrong_data),
        _ => Err(DecodeError::new(DecodeErrorKind::UnknownType, members.kind.start)),
    }
}

/// `list` is the elements of the array of `len`, the name among them.
fn event(frame: Bytes, list: Range<usize>, len: usize) -> Result<Event, DecodeError> {
    let invalid = DecodeError::new(DecodeErrorKind::InvalidEventName, list.start);
    let Some(arguments_len) = len.checked_sub(1) else { return Err(invalid) };
    let end = match read::token(&frame, list.start)? {
        (Token::Str(name), _) if name::is_reserved(name.as_bytes()) => {
            return Err(DecodeError::new(DecodeErrorKind::ReservedEventName, list.start));
        }
        (Token::Str(_) | Token::Unsigned(_) | Token::Signed(_) | Token::Float(_), end) => end,
        _ => return Err(invalid),
    };
    Ok(Event::decoded(list.start..end, Values::decoded(frame, end..list.end, arguments_len)))
}

/// Where the members of a packet are; empty for one that is not there. The last of equal keys counts.
#[derive(Default)]
struct Members {
    kind: Range<usize>,
    namespace: Range<usize>,
    data: Range<usize>,
    id: Range<usize>,
}

impl Members {
    /// Checks the whole frame.
    fn read(frame: &[u8], limits: &Limits) -> Result<Self, DecodeError> {
        let (Token::Map(len), mut at) = read::token(frame, 0)? else { return Err(read::invalid(0)) };
        let mut members = Self::default();
        for _ in 0..len {
            let start = read::value(frame, at, 0, limits.json_depth_max)?;
            let end = read::value(frame, start, 0, limits.json_depth_max)?;
            // As everybody writes them, they need not be taken apart.
            match frame.get(at..start).unwrap_or_default() {
                b"\xa4type" => members.kind = start..end,
                b"\xa3nsp" => members.namespace = start..end,
                b"\xa4data" => members.data = start..end,
                b"\xa2id" => members.id = start..end,
                _ => members.insert(frame, at, start..end)?,
            }
            at = end;
        }
        if at < frame.len() { Err(read::invalid(at)) } else { Ok(members) }
    }

    /// A member whose key, at `key`, is another one, or written in a longer form than it needs.
    #[cold]
    fn insert(&mut self, frame: &[u8], key: usize, value: Range<usize>) -> Result<(), DecodeError> {
        match read::token(frame, key)?.0 {
            Token::Str("type") => self.kind = value,
            Token::Str("nsp") => self.namespace = value,
            Token::Str("data") => self.data = value,
            Token::Str("id") => self.id = value,
            Token::Str("__proto__") => return Err(read::invalid(key)),
            // Clients add others, such as `options`.
            _ => {}
        }
        Ok(())
    }

    fn namespace(&self, frame: &Bytes, limits: &Limits) -> Result<Namespace, DecodeError> {
        if frame.get(self.namespace.clone()) == Some(b"\xa1/") {
            return Ok(Namespace::ROOT);
        }
        let error = |kind| DecodeError::new(kind, self.namespace.start);
        let name = match read::token(frame, self.namespace.start) {
            Ok((Token::Str(name), _)) if !self.namespace.is_empty() => name.as_bytes(),
            _ => return Err(error(DecodeErrorKind::InvalidNamespace)),
        };
        if name == b"/" {
            return Ok(Namespace::ROOT);
        }
        if name.len() > limits.namespace_len_max {
            return Err(error(DecodeErrorKind::NamespaceTooLong));
        }
        // The reference takes any string here; only these can be written in the text format too.
        if namespace::find_invalid(name).is_some() {
            return Err(error(DecodeErrorKind::InvalidNamespace));
        }
        let start = self.namespace.end - name.len();
        Text::try_from(frame.slice(start..self.namespace.end)).map(Namespace::from_checked)
    }

    fn id(&self, frame: &[u8], limits: &Limits) -> Result<Option<AckId>, DecodeError> {
        if self.id.is_empty() {
            return Ok(None);
        }
        match read::token(frame, self.id.start)?.0 {
            Token::Undefined => Ok(None),
            Token::Unsigned(id) => match AckId::new(id) {
                Some(id) if id <= limits.ack_id_max => Ok(Some(id)),
                _ => Err(DecodeError::new(DecodeErrorKind::AckIdTooLarge, self.id.start)),
            },
            _ => Err(DecodeError::new(DecodeErrorKind::InvalidPayload, self.id.start)),
        }
    }

    /// The head of the data, and the byte behind the head.
    fn data<'a>(&self, frame: &'a [u8]) -> Result<Option<(Token<'a>, usize)>, DecodeError> {
        if self.data.is_empty() {
            return Ok(None);
        }
        let (token, end) = read::token(frame, self.data.start)?;
        Ok((token != Token::Undefined).then_some((token, end)))
    }
}
