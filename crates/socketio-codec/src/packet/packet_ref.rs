//! Writing packets.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::{BufMut, Bytes};

use crate::names::ack_id::AckId;
use crate::names::name::RawName;
use crate::names::namespace::Namespace;
use crate::names::text::Text;
use crate::packet::Packet;
use crate::values::arguments::Arguments;
use crate::values::decimal;
use crate::values::json::Json;

/// A packet to be written: the borrowed counterpart of [`Packet`].
///
/// Its text goes out first ([`encode_into`](Self::encode_into)), then each of its [`attachments`](Self::attachments)
/// as a binary message, and nothing between them. With attachments an event or acknowledgement becomes the binary
/// packet of its kind. The text is made of parts that are JSON already, so writing copies and never fails, and its
/// length is known beforehand.
///
/// ```
/// use socketio_codec::{Arguments, EventName, Namespace, PacketRef};
///
/// let name = EventName::new("greeting")?;
/// let arguments = Arguments::serialize(&("hello", 1))?;
/// let packet = PacketRef::event(Namespace::root(), &name, &arguments);
///
/// let mut frame = Vec::with_capacity(packet.encoded_len());
/// packet.encode_into(&mut frame);
/// assert_eq!(frame, br#"2["greeting","hello",1]"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct PacketRef<'a> {
    kind: Kind,
    namespace: &'a Namespace,
    id: Option<AckId>,
    payload: Payload<'a>,
    attachments: &'a [Bytes],
}

/// The types of packets that have no binary form, and those that have, by their text form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Connect,
    Disconnect,
    Event,
    Ack,
    ConnectError,
}

/// What is behind the id.
#[derive(Debug, Clone, Copy)]
enum Payload<'a> {
    None,
    Json(&'a [u8]),
    /// An event's name and its other arguments.
    Event(RawName<'a>, &'a [u8]),
    /// An array without its brackets.
    List(&'a [u8]),
}

impl<'a> PacketRef<'a> {
    /// CONNECT: to a server with credentials, to a client with its socket id (`{"sid":…}`).
    ///
    /// `auth` is an object: a peer closes on anything else.
    pub fn connect(namespace: &'a Namespace, auth: Option<&'a Json>) -> Self {
        Self::new(Kind::Connect, namespace, auth.map_or(Payload::None, |auth| Payload::Json(auth.as_bytes())))
    }

    /// DISCONNECT. A client that receives it does not connect again by itself.
    pub fn disconnect(namespace: &'a Namespace) -> Self {
        Self::new(Kind::Disconnect, namespace, Payload::None)
    }

    /// CONNECT_ERROR.
    ///
    /// `error` is an object, usually `{"message":…}`, or a string: a client closes on anything else.
    pub fn connect_error(namespace: &'a Namespace, error: Option<&'a Json>) -> Self {
        Self::new(Kind::ConnectError, namespace, error.map_or(Payload::None, |error| Payload::Json(error.as_bytes())))
    }

    /// EVENT, or BINARY_EVENT if the arguments have attachments.
    ///
    /// `name` is an [`EventName`](crate::EventName), or a received [`Event`](crate::Event), whose name it then has.
    /// `arguments` may be a received event's: their text is copied and not looked at.
    #[inline]
    pub fn event(namespace: &'a Namespace, name: impl Into<RawName<'a>>, arguments: &'a Arguments) -> Self {
        Self {
            attachments: arguments.attachments(),
            ..Self::new(Kind::Event, namespace, Payload::Event(name.into(), arguments.as_bytes()))
        }
    }

    /// ACK, or BINARY_ACK if the arguments have attachments.
    pub fn ack(namespace: &'a Namespace, id: AckId, arguments: &'a Arguments) -> Self {
        Self {
            attachments: arguments.attachments(),
            id: Some(id),
            ..Self::new(Kind::Ack, namespace, Payload::List(arguments.as_bytes()))
        }
    }

    /// The same packet with an id: an event that asks for an acknowledgement.
    #[must_use]
    pub fn with_id(self, id: AckId) -> Self {
        Self { id: Some(id), ..self }
    }

    #[inline]
    fn new(kind: Kind, namespace: &'a Namespace, payload: Payload<'a>) -> Self {
        Self { kind, namespace, id: None, payload, attachments: &[] }
    }

    /// What is to be sent behind the text, each as one binary message.
    pub fn attachments(&self) -> &'a [Bytes] {
        self.attachments
    }

    /// The length of the text in bytes, which [`encode_into`](Self::encode_into) will write.
    #[inline]
    pub fn encoded_len(&self) -> usize {
        let attachments = match self.attachments.len() {
            0 => 0,
            count => decimal::len(count as u64) + 1,
        };
        let namespace = if self.namespace.is_root() { 0 } else { self.namespace.as_bytes().len() + 1 };
        let id = self.id.map_or(0, |id| decimal::len(id.get()));
        let payload = match self.payload {
            Payload::None => 0,
            Payload::Json(json) => json.len(),
            Payload::List(list) => list.len() + 2,
            Payload::Event(name, list) => name.as_bytes().len() + 2 + separated_len(list),
        };
        1 + attachments + namespace + id + payload
    }

    /// Writes the text: `<type>[<attachments>-][<namespace>,][<id>][<json>]`.
    ///
    /// Panics, as [`BufMut`] does, if the buffer cannot take [`encoded_len`](Self::encoded_len) bytes.
    pub fn encode_into(&self, buffer: &mut impl BufMut) {
        buffer.put_u8(self.type_digit());
        if !self.attachments.is_empty() {
            decimal::put(buffer, self.attachments.len() as u64);
            buffer.put_u8(b'-');
        }
        if !self.namespace.is_root() {
            buffer.put_slice(self.namespace.as_bytes());
            buffer.put_u8(b',');
        }
        if let Some(id) = self.id {
            decimal::put(buffer, id.get());
        }
        match self.payload {
            Payload::None => {}
            Payload::Json(json) => buffer.put_slice(json),
            Payload::List(list) => {
                buffer.put_u8(b'[');
                buffer.put_slice(list);
                buffer.put_u8(b']');
            }
            Payload::Event(name, list) => {
                buffer.put_u8(b'[');
                buffer.put_slice(name.as_bytes());
                if !list.is_empty() {
                    buffer.put_u8(b',');
                    buffer.put_slice(list);
                }
                buffer.put_u8(b']');
            }
        }
    }

    /// The text in a buffer of its own.
    pub fn to_text(&self) -> Text {
        let mut buffer = Vec::with_capacity(self.encoded_len());
        self.encode_into(&mut buffer);
        Text::from(String::from_utf8(buffer).expect("every part is UTF-8"))
    }

    #[inline]
    fn type_digit(&self) -> u8 {
        match (self.kind, self.attachments.is_empty()) {
            (Kind::Connect, _) => b'0',
            (Kind::Disconnect, _) => b'1',
            (Kind::Event, true) => b'2',
            (Kind::Ack, true) => b'3',
            (Kind::ConnectError, _) => b'4',
            (Kind::Event, false) => b'5',
            (Kind::Ack, false) => b'6',
        }
    }
}

impl<'a> From<&'a Packet> for PacketRef<'a> {
    fn from(packet: &'a Packet) -> Self {
        match packet {
            Packet::Connect { namespace, auth } => Self::connect(namespace, auth.as_ref()),
            Packet::Disconnect { namespace } => Self::disconnect(namespace),
            Packet::Event { namespace, id, event } => {
                Self { id: *id, ..Self::event(namespace, event, event.arguments()) }
            }
            Packet::EmptyEvent { namespace } => Self::new(Kind::Event, namespace, Payload::None),
            Packet::Ack { namespace, id, arguments } => Self {
                id: *id,
                attachments: arguments.attachments(),
                ..Self::new(Kind::Ack, namespace, Payload::List(arguments.as_bytes()))
            },
            Packet::ConnectError { namespace, error } => Self::connect_error(namespace, error.as_ref()),
        }
    }
}

/// The list and the comma before it.
fn separated_len(list: &[u8]) -> usize {
    if list.is_empty() { 0 } else { list.len() + 1 }
}
