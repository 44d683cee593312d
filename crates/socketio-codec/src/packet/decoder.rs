//! Reading packets.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;
use core::ops::Range;

use bytes::Bytes;

use crate::error::{DecodeError, DecodeErrorKind};
use crate::limits::Limits;
use crate::names::ack_id::AckId;
use crate::names::name;
use crate::names::namespace::{self, Namespace};
use crate::names::text::Text;
use crate::packet::{Packet, PacketType, Refused};
use crate::scan::{self, ArrayShape, Watch};
use crate::values::arguments::Arguments;
use crate::values::event::Event;
use crate::values::json::Json;
use crate::values::placeholder::{Finder, Placeholder};

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
/// escapes is decoded to compare it with the reserved ones. A binary packet costs four allocations: its attachments,
/// their places, the box it waits in, and what clones of its arguments share.
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
    /// Boxed because most clients never send a binary packet or a wrong one, and a server holds one decoder for each.
    aside: Option<Box<Aside>>,
}

/// What is left of the frame before.
#[derive(Debug)]
enum Aside {
    Waiting(Waiting),
    Refused(Refused),
}

/// A binary packet whose attachments are still due.
#[derive(Debug)]
struct Waiting {
    frame: Text,
    outline: Outline,
    placeholders: Vec<Placeholder>,
    attachments: Vec<Bytes>,
    attachments_len: usize,
}

impl Decoder {
    /// A decoder for one peer.
    pub fn new(limits: Limits) -> Self {
        Self { limits, aside: None }
    }

    /// Whether attachments are due: only [`handle_binary`](Self::handle_binary) can go on then.
    pub fn is_waiting(&self) -> bool {
        matches!(self.aside.as_deref(), Some(Aside::Waiting(_)))
    }

    /// What the last frame would have been, if it was an error and one can tell: enough to answer its sender, instead of
    /// closing. Known until the next frame is handled.
    ///
    /// `None` where nobody can be answered: the type, the namespace or the id itself was wrong.
    ///
    /// ```
    /// use socketio_codec::{Arguments, Decoder, Limits, PacketRef, PacketType};
    ///
    /// let mut limits = Limits::default();
    /// limits.arguments_max = 3;
    /// let mut decoder = Decoder::new(limits);
    /// let error = decoder.handle_text(r#"2/chat,7["add",1,2,3]"#.into()).unwrap_err();
    /// assert!(error.kind().is_limit());
    ///
    /// let refused = decoder.take_refused().unwrap();
    /// assert_eq!(refused.packet_type, PacketType::Event);
    /// let arguments = Arguments::serialize(&(error.to_string(),))?;
    /// let answer = PacketRef::ack(&refused.namespace, refused.id.unwrap(), &arguments);
    /// assert_eq!(answer.to_text(), r#"3/chat,7["too many arguments at byte 8"]"#);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn take_refused(&mut self) -> Option<Refused> {
        match self.aside.take().map(|aside| *aside) {
            Some(Aside::Refused(refused)) => Some(refused),
            waiting => {
                self.aside = waiting.map(Box::new);
                None
            }
        }
    }

    /// Reads a text frame. `None` means that its attachments are due.
    // Inlined is the making of the packet, for the most frequent one: its parts then stay in registers, and those that
    // the caller does not look at are not made. To write a packet to memory and read it again at once takes as long as
    // to scan a short frame.
    #[inline(always)]
    pub fn handle_text(&mut self, frame: Text) -> Result<Option<Packet>, DecodeError> {
        let mut outline = Outline::default();
        self.read(&frame, &mut outline)?;
        if outline.kind == Kind::Event && outline.attachments == 0 {
            return Ok(Some(outline.event(frame)));
        }
        // Taken apart so that above it need not be where a function can put its result.
        match self.handle_other(&mut outline, frame) {
            Ok(Some(packet)) => Ok(Some(packet)),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads a text packet, or only the header of a binary one.
    #[inline(never)]
    fn read(&mut self, frame: &Text, outline: &mut Outline) -> Result<(), DecodeError> {
        if self.aside.is_some() {
            self.end_last()?;
        }
        match outline.read(frame.as_bytes(), &self.limits) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.refuse(frame, error)),
        }
    }

    /// # Errors
    /// If the packet before is not whole.
    #[cold]
    fn end_last(&mut self) -> Result<(), DecodeError> {
        match self.aside.take().as_deref() {
            Some(Aside::Waiting(_)) => Err(DecodeError::new(DecodeErrorKind::AttachmentExpected, 0)),
            Some(Aside::Refused(_)) | None => Ok(()),
        }
    }

    /// Keeps what can be told of a frame that is wrong.
    #[cold]
    fn refuse(&mut self, frame: &Text, error: DecodeError) -> DecodeError {
        let limits = Limits { attachments_max: usize::MAX, ..self.limits };
        let mut outline = Outline::default();
        if outline.read_header(frame.as_bytes(), &limits).is_ok() {
            self.aside = Some(Box::new(Aside::Refused(outline.refused(frame, outline.attachments))));
        }
        error
    }

    /// What is not an event without attachments.
    #[inline(never)]
    fn handle_other(&mut self, outline: &mut Outline, frame: Text) -> Result<Option<Packet>, DecodeError> {
        if outline.attachments == 0 {
            return Ok(Some(outline.packet(frame, Vec::new(), Vec::new())));
        }
        let mut finder = Finder::new(outline.attachments);
        let read = outline.read_payload(frame.as_bytes(), &self.limits, &mut finder).and_then(|()| finder.finish());
        let placeholders = match read {
            Ok(placeholders) => placeholders,
            Err(error) => return Err(self.refuse(&frame, error)),
        };
        // Once for the usual packet, but not for whatever number a frame has.
        let attachments = Vec::with_capacity(outline.attachments.min(8));
        let outline = mem::take(outline);
        let waiting = Waiting { frame, outline, placeholders, attachments, attachments_len: 0 };
        self.aside = Some(Box::new(Aside::Waiting(waiting)));
        Ok(None)
    }

    /// Takes a binary frame, an attachment. `None` means that more are due.
    ///
    /// The buffer is kept as it is: one that is a part of a larger buffer keeps all of that in memory.
    pub fn handle_binary(&mut self, frame: Bytes) -> Result<Option<Packet>, DecodeError> {
        let Some(Aside::Waiting(waiting)) = self.aside.as_deref_mut() else {
            self.aside = None;
            return Err(DecodeError::new(DecodeErrorKind::UnexpectedAttachment, 0));
        };
        waiting.attachments_len = waiting.attachments_len.saturating_add(frame.len());
        if waiting.attachments_len > self.limits.attachment_bytes_max {
            let attachments_due = waiting.outline.attachments - waiting.attachments.len() - 1;
            let refused = waiting.outline.refused(&waiting.frame, attachments_due);
            self.aside = Some(Box::new(Aside::Refused(refused)));
            return Err(DecodeError::new(DecodeErrorKind::AttachmentsTooLarge, 0));
        }
        waiting.attachments.push(frame);
        if waiting.attachments.len() < waiting.outline.attachments {
            return Ok(None);
        }
        match self.aside.take().map(|aside| *aside) {
            Some(Aside::Waiting(all)) => Ok(Some(all.outline.packet(all.frame, all.attachments, all.placeholders))),
            Some(Aside::Refused(_)) | None => Ok(None),
        }
    }
}

/// With the default [`Limits`].
impl Default for Decoder {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

/// What a frame holds, as places in it: `<type>[<attachments>-][<namespace>,][<id>][<payload>]`.
///
/// It is filled in rather than returned: to look at a `Result` of this size is to copy all of it. And no two numbers
/// that are found together stand side by side: the compiler would copy them as one, for which a processor waits until
/// both are written.
#[derive(Debug, Default)]
struct Outline {
    kind: Kind,
    attachments: usize,
    /// Without its comma; empty for the main namespace.
    namespace: Range<usize>,
    id: Option<AckId>,
    /// How many arguments.
    len: usize,
    /// The name of an event.
    name_start: usize,
    /// The arguments of an event or acknowledgement, or the value of another packet; empty if there is none.
    payload_start: usize,
    name_end: usize,
    payload_end: usize,
}

/// The types of packets. An event without a payload is one too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Connect,
    Disconnect,
    Event,
    EmptyEvent,
    Ack,
    ConnectError,
}

impl Outline {
    /// Reads a text packet, or only the header of a binary one.
    #[inline]
    fn read(&mut self, bytes: &[u8], limits: &Limits) -> Result<(), DecodeError> {
        self.read_header(bytes, limits)?;
        if self.attachments > 0 {
            return Ok(());
        }
        self.read_payload(bytes, limits, &mut ())
    }

    /// Reads what is before the payload.
    #[inline]
    fn read_header(&mut self, bytes: &[u8], limits: &Limits) -> Result<(), DecodeError> {
        let mut at = 1;
        self.kind = match bytes.first() {
            Some(b'0') => Kind::Connect,
            Some(b'1') => Kind::Disconnect,
            Some(b'2' | b'5') => Kind::Event,
            Some(b'3' | b'6') => Kind::Ack,
            Some(b'4') => Kind::ConnectError,
            // The reference reads an empty frame, or one that begins with white space, as a CONNECT.
            _ => return Err(DecodeError::new(DecodeErrorKind::UnknownType, 0)),
        };
        if let Some(b'5' | b'6') = bytes.first() {
            (self.attachments, at) = attachment_count(bytes, at, limits)?;
        }
        if bytes.get(at) == Some(&b'/') {
            let end = namespace_end(bytes, at, limits)?;
            // `/` written out is the main namespace too.
            if end > at + 1 {
                self.namespace = at..end;
            }
            at = end;
            if at < bytes.len() {
                at += 1;
            }
        }
        (self.id, at) = ack_id(bytes, at, limits)?;
        // JSON may begin with white space, but the reference counts it among the digits of the id: `2 ["a"]` asks it
        // for acknowledgement 0. No encoder writes it. But who types a CONNECT into a terminal ends it with a line end.
        if scan::skip_whitespace(bytes, at) != at {
            let is_line_end = bytes.get(at..).is_some_and(|rest| rest.iter().all(|byte| matches!(byte, b'\r' | b'\n')));
            if !is_line_end || !matches!(self.kind, Kind::Connect | Kind::Disconnect) {
                return Err(DecodeError::new(DecodeErrorKind::InvalidJson, at));
            }
            at = bytes.len();
        }
        (self.payload_start, self.payload_end) = (at, at);
        Ok(())
    }

    /// Checks what is behind the header.
    #[inline]
    fn read_payload(&mut self, bytes: &[u8], limits: &Limits, watch: &mut impl Watch) -> Result<(), DecodeError> {
        let start = self.payload_start;
        let is_empty = start >= bytes.len();
        match self.kind {
            Kind::Event if is_empty => self.kind = Kind::EmptyEvent,
            _ if is_empty => {}
            Kind::Event | Kind::Ack => self.read_list(bytes, limits, watch)?,
            // An id of a CONNECT, DISCONNECT or CONNECT_ERROR has no meaning; the reference does not mind it.
            Kind::Connect => self.read_value(bytes, limits, b"{")?,
            Kind::ConnectError => self.read_value(bytes, limits, b"{\"")?,
            Kind::Disconnect | Kind::EmptyEvent => {
                return Err(DecodeError::new(DecodeErrorKind::InvalidPayload, start));
            }
        }
        Ok(())
    }

    /// The array of an event or an acknowledgement.
    #[inline]
    fn read_list(&mut self, bytes: &[u8], limits: &Limits, watch: &mut impl Watch) -> Result<(), DecodeError> {
        let start = self.payload_start;
        let ArrayShape { first, rest, len } = scan::array(bytes, start, limits.json_depth_max, watch)?;
        if len > limits.arguments_max {
            return Err(DecodeError::new(DecodeErrorKind::TooManyArguments, start));
        }
        self.payload_end = rest.end;
        if self.kind == Kind::Event {
            name::check(bytes, first.clone())?;
            (self.name_start, self.name_end) = (first.start, first.end);
            (self.payload_start, self.len) = (rest.start, len - 1);
        } else {
            (self.payload_start, self.len) = (first.start, len);
        }
        Ok(())
    }

    /// The value of a CONNECT or CONNECT_ERROR, of one of the kinds whose first bytes are `kinds`.
    fn read_value(&mut self, bytes: &[u8], limits: &Limits, kinds: &[u8]) -> Result<(), DecodeError> {
        let value = scan::document(bytes, self.payload_start, limits.json_depth_max)?;
        (self.payload_start, self.payload_end) = (value.start, value.end);
        match bytes.get(value.start) {
            Some(first) if kinds.contains(first) => Ok(()),
            _ => Err(DecodeError::new(DecodeErrorKind::InvalidPayload, value.start)),
        }
    }

    /// What the header says, for who is to answer. The name is copied: a part of the frame would keep all of it.
    fn refused(&self, frame: &Text, attachments_due: usize) -> Refused {
        let packet_type = match self.kind {
            Kind::Connect => PacketType::Connect,
            Kind::Disconnect => PacketType::Disconnect,
            Kind::Event | Kind::EmptyEvent => PacketType::Event,
            Kind::Ack => PacketType::Ack,
            Kind::ConnectError => PacketType::ConnectError,
        };
        let name = Text::from(self.namespace(frame).as_str());
        Refused { packet_type, namespace: Namespace::from_checked(name), id: self.id, attachments_due }
    }

    /// The packet, with the attachments of a binary one.
    #[inline]
    fn packet(&self, frame: Text, attachments: Vec<Bytes>, placeholders: Vec<Placeholder>) -> Packet {
        let with_binary = |arguments: Arguments| arguments.with_binary(attachments, placeholders);
        let namespace = self.namespace(&frame);
        match self.kind {
            Kind::Event => {
                let event = Event::decoded(self.name_start..self.name_end, with_binary(self.arguments(frame)));
                Packet::Event { namespace, id: self.id, event }
            }
            // A binary one has attachments that belong nowhere.
            Kind::EmptyEvent => Packet::EmptyEvent { namespace },
            Kind::Ack => Packet::Ack { namespace, id: self.id, arguments: with_binary(self.arguments(frame)) },
            Kind::Connect => Packet::Connect { namespace, auth: self.value(frame) },
            Kind::Disconnect => Packet::Disconnect { namespace },
            Kind::ConnectError => Packet::ConnectError { namespace, error: self.value(frame) },
        }
    }

    /// An event without attachments.
    #[inline(always)]
    fn event(&self, frame: Text) -> Packet {
        let namespace = self.namespace(&frame);
        let event = Event::decoded(self.name_start..self.name_end, self.arguments(frame));
        Packet::Event { namespace, id: self.id, event }
    }

    #[inline(always)]
    fn namespace(&self, frame: &Text) -> Namespace {
        if self.namespace.is_empty() { Namespace::ROOT } else { cut_namespace(frame, self.namespace.clone()) }
    }

    #[inline(always)]
    fn arguments(&self, frame: Text) -> Arguments {
        Arguments::decoded(frame, self.payload_start..self.payload_end, self.len)
    }

    fn value(&self, frame: Text) -> Option<Json> {
        let value = self.payload_start..self.payload_end;
        if value.is_empty() { None } else { Some(Json::decoded(frame, value)) }
    }
}

#[inline(never)]
fn cut_namespace(frame: &Text, namespace: Range<usize>) -> Namespace {
    let name = frame.slice(namespace).expect("a namespace begins with a slash, and ends with the text or at a comma");
    Namespace::from_checked(name)
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
