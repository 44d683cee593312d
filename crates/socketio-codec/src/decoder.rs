//! Reading packets.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;

use crate::ack_id::AckId;
use crate::arguments::{self, Arguments};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::event::Event;
use crate::json::Json;
use crate::limits::Limits;
use crate::name::RawName;
use crate::namespace::{self, Namespace};
use crate::packet::Packet;
use crate::placeholder::Placeholder;
use crate::scan::{self, ArrayShape};
use crate::text::Text;

/// Turns one peer's frames into packets.
///
/// ```text
///                 handle_text: a text packet            handle_binary: the last ──► the packet
///                 ┌───────────────────┐                 ┌─────────────┐
///                 ▼                   │                 │             ▼
///   new ──────► idle ─────────────────┘      ┌──► attachments due ──► idle
///                 └── handle_text: a binary ─┘          │    ▲
///                     packet, None                      └────┘ handle_binary: one more, None
/// ```
///
/// Anything else is an error, upon which what was incomplete is dropped and the decoder is idle: a server closes
/// the connection then, a debugger goes on. A packet whose attachments do not come is held until the decoder is
/// dropped: the caller bounds the time.
///
/// Decoding a text packet allocates nothing itself. Its parts share the frame's buffer: for the first such part
/// `bytes` may make the frame's reference count, which is when it has a namespace other than `/`. A name with
/// escapes is decoded to compare it with the reserved ones. A binary packet costs its list of attachments and of
/// placeholders, and the box they wait in.
///
/// ```
/// use socketio_codec::{Decoder, Limits, Packet};
///
/// let mut decoder = Decoder::new(Limits::default());
/// let due = decoder.handle_text(r#"51-["upload",{"_placeholder":true,"num":0}]"#.into())?;
/// assert!(due.is_none());
///
/// let packet = decoder.handle_binary(b"\x01\x02"[..].into())?;
/// let Some(Packet::Event { event, .. }) = packet else { panic!() };
/// assert_eq!(event.name(), "upload");
/// assert_eq!(event.attachment(0).unwrap(), &b"\x01\x02"[..]);
/// # Ok::<(), socketio_codec::DecodeError>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    /// Boxed because most clients never send a binary packet, and a server holds one decoder for each.
    waiting: Option<Box<Waiting>>,
}

/// A binary packet whose attachments are still due.
#[derive(Debug)]
struct Waiting {
    packet: Packet,
    placeholders: Vec<Placeholder>,
    attachments: Vec<Bytes>,
    attachments_len: usize,
    attachments_due: usize,
}

impl Decoder {
    /// A decoder for one peer.
    pub fn new(limits: Limits) -> Self {
        Self { limits, waiting: None }
    }

    /// Whether attachments are due: only [`handle_binary`](Self::handle_binary) can go on then.
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Reads a text frame. `None` means that its attachments are due.
    pub fn handle_text(&mut self, frame: Text) -> Result<Option<Packet>, DecodeError> {
        if self.waiting.take().is_some() {
            return Err(DecodeError::new(DecodeErrorKind::AttachmentExpected, 0));
        }
        let header = Header::read(&frame, &self.limits)?;
        let attachments_due = header.attachments;
        let packet = header.packet(frame, &self.limits)?;
        if attachments_due == 0 {
            return Ok(Some(packet));
        }
        self.waiting = Some(Waiting::new(packet, attachments_due)?);
        Ok(None)
    }

    /// Takes a binary frame, an attachment. `None` means that more are due.
    ///
    /// The buffer is kept as it is: one that is a part of a larger buffer keeps all of that in memory.
    pub fn handle_binary(&mut self, frame: Bytes) -> Result<Option<Packet>, DecodeError> {
        let Some(mut waiting) = self.waiting.take() else {
            return Err(DecodeError::new(DecodeErrorKind::UnexpectedAttachment, 0));
        };
        waiting.attachments_len = waiting.attachments_len.saturating_add(frame.len());
        if waiting.attachments_len > self.limits.attachment_bytes_max {
            return Err(DecodeError::new(DecodeErrorKind::AttachmentsTooLarge, 0));
        }
        waiting.attachments.push(frame);
        if waiting.attachments.len() < waiting.attachments_due {
            self.waiting = Some(waiting);
            return Ok(None);
        }
        Ok(Some(waiting.complete()))
    }
}

/// With the default [`Limits`].
impl Default for Decoder {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Waiting {
    #[cold]
    fn new(packet: Packet, attachments_due: usize) -> Result<Box<Self>, DecodeError> {
        let placeholders = match &packet {
            Packet::Event { event, .. } => event.arguments().placeholders(attachments_due)?,
            Packet::Ack { arguments, .. } => arguments.placeholders(attachments_due)?,
            _ => Vec::new(),
        };
        let waiting = Self { packet, placeholders, attachments: Vec::new(), attachments_len: 0, attachments_due };
        Ok(Box::new(waiting))
    }

    fn complete(self) -> Packet {
        let with_binary = |arguments: Arguments| arguments.with_binary(self.attachments, self.placeholders);
        match self.packet {
            Packet::Event { namespace, id, event } => {
                Packet::Event { namespace, id, event: event.map_arguments(with_binary) }
            }
            Packet::Ack { namespace, id, arguments } => {
                Packet::Ack { namespace, id, arguments: with_binary(arguments) }
            }
            // `51-` alone: its attachments belong nowhere.
            other => other,
        }
    }
}

/// What is before the payload: `<type>[<attachments>-][<namespace>,][<id>]`.
struct Header {
    kind: u8,
    attachments: usize,
    /// Without its comma; `None` for the main namespace.
    namespace: Option<Range<usize>>,
    id: Option<AckId>,
    payload_start: usize,
}

impl Header {
    fn read(frame: &Text, limits: &Limits) -> Result<Self, DecodeError> {
        let bytes = frame.as_bytes();
        let kind = match bytes.first() {
            Some(kind @ b'0'..=b'6') => *kind,
            // The reference reads an empty frame, or one that begins with white space, as a CONNECT.
            _ => return Err(DecodeError::new(DecodeErrorKind::UnknownType, 0)),
        };
        let mut at = 1;
        let mut attachments = 0;
        if matches!(kind, b'5' | b'6') {
            (attachments, at) = attachment_count(bytes, at, limits)?;
        }
        let mut namespace = None;
        if bytes.get(at) == Some(&b'/') {
            let end = namespace_end(bytes, at, limits)?;
            // `/` written out is the main namespace too.
            if end > at + 1 {
                namespace = Some(at..end);
            }
            at = end;
            if at < bytes.len() {
                at += 1;
            }
        }
        let (id, payload_start) = ack_id(bytes, at, limits)?;
        // JSON may begin with white space, but the reference counts it among the digits of the id: `2 ["a"]` asks it
        // for acknowledgement 0. No encoder writes it.
        if scan::skip_whitespace(bytes, payload_start) != payload_start {
            return Err(DecodeError::new(DecodeErrorKind::InvalidJson, payload_start));
        }
        Ok(Self { kind, attachments, namespace, id, payload_start })
    }

    /// Reads the payload.
    #[inline]
    fn packet(self, frame: Text, limits: &Limits) -> Result<Packet, DecodeError> {
        let Self { kind, namespace, id, payload_start: start, .. } = self;
        let namespace = match namespace {
            None => Namespace::ROOT,
            Some(range) => Namespace::from_checked(frame.slice(range).ok_or(DecodeError::new(
                // Unreachable: a namespace ends at a comma or at the end of the text.
                DecodeErrorKind::InvalidNamespace,
                1,
            ))?),
        };
        let is_empty = start >= frame.len();
        let depth_max = limits.json_depth_max;
        Ok(match kind {
            b'2' | b'5' if is_empty => Packet::EmptyEvent { namespace },
            b'2' | b'5' => Packet::Event { namespace, id, event: event(frame, start, limits)? },
            b'3' | b'6' if is_empty => Packet::Ack { namespace, id, arguments: Arguments::EMPTY },
            b'3' | b'6' => {
                let shape = argument_list(&frame, start, limits)?;
                let arguments = Arguments::decoded(frame, arguments::whole(&shape), shape.len);
                Packet::Ack { namespace, id, arguments }
            }
            // An id of a CONNECT, DISCONNECT or CONNECT_ERROR has no meaning; the reference does not mind it.
            b'0' => {
                let auth = if is_empty { None } else { Some(Json::decode(frame, start, depth_max, b"{")?) };
                Packet::Connect { namespace, auth }
            }
            b'1' if is_empty => Packet::Disconnect { namespace },
            b'1' => return Err(DecodeError::new(DecodeErrorKind::InvalidPayload, start)),
            _ => {
                let error = if is_empty { None } else { Some(Json::decode(frame, start, depth_max, b"{\"")?) };
                Packet::ConnectError { namespace, error }
            }
        })
    }
}

/// The array of an event or an acknowledgement.
fn argument_list(frame: &Text, start: usize, limits: &Limits) -> Result<ArrayShape, DecodeError> {
    let shape = scan::array(frame.as_bytes(), start, limits.json_depth_max)?;
    if shape.len > limits.arguments_max {
        return Err(DecodeError::new(DecodeErrorKind::TooManyArguments, start));
    }
    Ok(shape)
}

#[inline]
fn event(frame: Text, start: usize, limits: &Limits) -> Result<Event, DecodeError> {
    let shape = argument_list(&frame, start, limits)?;
    let name = RawName::decoded(frame.as_bytes().get(shape.first.clone()).unwrap_or_default());
    match name.as_bytes().first() {
        Some(b'"') if name.is_reserved() => {
            return Err(DecodeError::new(DecodeErrorKind::ReservedEventName, shape.first.start));
        }
        Some(b'"' | b'-' | b'0'..=b'9') => {}
        _ => return Err(DecodeError::new(DecodeErrorKind::InvalidEventName, shape.first.start)),
    }
    let arguments = Arguments::decoded(frame, shape.rest, shape.len - 1);
    Ok(Event::decoded(shape.first, arguments))
}

/// `<attachments>-`, and the byte behind it.
///
/// Only digits: the reference also takes what `Number()` reads, such as ` 1`, `1e0` or `0x1`.
fn attachment_count(bytes: &[u8], start: usize, limits: &Limits) -> Result<(usize, usize), DecodeError> {
    let (count, end) = decimal(bytes, start);
    if end == start || bytes.get(end) != Some(&b'-') || count == 0 {
        return Err(DecodeError::new(DecodeErrorKind::InvalidAttachmentCount, start));
    }
    match usize::try_from(count) {
        Ok(count) if count <= limits.attachments_max => Ok((count, end + 1)),
        _ => Err(DecodeError::new(DecodeErrorKind::TooManyAttachments, start)),
    }
}

/// The end of the namespace that begins at `start`: its comma, or the end of the frame.
fn namespace_end(bytes: &[u8], start: usize, limits: &Limits) -> Result<usize, DecodeError> {
    let rest = bytes.get(start..).unwrap_or_default();
    // One byte more than allowed tells whether the comma comes in time; a megabyte of name is not searched.
    let allowed = rest.get(..=limits.namespace_len_max).unwrap_or(rest);
    let len = match memchr::memchr(b',', allowed) {
        Some(comma) => comma,
        None if rest.len() <= limits.namespace_len_max => rest.len(),
        None => return Err(DecodeError::new(DecodeErrorKind::NamespaceTooLong, start)),
    };
    match namespace::find_invalid(rest.get(..len).unwrap_or_default()) {
        Some(at) => Err(DecodeError::new(DecodeErrorKind::InvalidNamespace, start + at)),
        None => Ok(start + len),
    }
}

/// The id that begins at `start` if there is one, and the byte behind it.
fn ack_id(bytes: &[u8], start: usize, limits: &Limits) -> Result<(Option<AckId>, usize), DecodeError> {
    match decimal(bytes, start) {
        (_, end) if end == start => Ok((None, start)),
        (id, end) => match AckId::new(id) {
            Some(id) if id <= limits.ack_id_max => Ok((Some(id), end)),
            _ => Err(DecodeError::new(DecodeErrorKind::AckIdTooLarge, start)),
        },
    }
}

/// The number whose digits begin at `start` (`u64::MAX` if it is larger), and the byte behind them.
fn decimal(bytes: &[u8], start: usize) -> (u64, usize) {
    let mut number: u64 = 0;
    let mut at = start;
    while let Some(digit @ b'0'..=b'9') = bytes.get(at) {
        number = number.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
        at += 1;
    }
    (number, at)
}
