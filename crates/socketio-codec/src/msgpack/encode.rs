//! Packets to frames.

use alloc::vec::Vec;

use bytes::{BufMut, Bytes};

use crate::msgpack::values::{Event, Value, Values};
use crate::msgpack::write::{Buffer, Counter, Sink, array, str, unsigned};
use crate::msgpack::{Packet, json};
use crate::names::ack_id::AckId;
use crate::names::name::RawName;
use crate::names::namespace::Namespace;

/// A packet to be written as one binary message.
#[derive(Debug, Clone, Copy)]
pub struct PacketRef<'a> {
    kind: u8,
    namespace: &'a Namespace,
    id: Option<AckId>,
    data: Data<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Data<'a> {
    None,
    Value(&'a Value),
    Event(Name<'a>, &'a Values),
    List(&'a Values),
}

/// The name of an event: text, or that of a received event.
#[derive(Debug, Clone, Copy)]
pub struct Name<'a>(NameForm<'a>);

#[derive(Debug, Clone, Copy)]
enum NameForm<'a> {
    Text(&'a str),
    Msgpack(&'a [u8]),
    Json(&'a [u8]),
}

impl<'a> From<&'a str> for Name<'a> {
    fn from(name: &'a str) -> Self {
        Self(NameForm::Text(name))
    }
}

impl<'a> From<&'a Event> for Name<'a> {
    fn from(event: &'a Event) -> Self {
        Self(NameForm::Msgpack(event.raw_name()))
    }
}

impl<'a> From<RawName<'a>> for Name<'a> {
    /// Text stays text, a number a number.
    fn from(name: RawName<'a>) -> Self {
        Self(NameForm::Json(name.as_bytes()))
    }
}

impl<'a> PacketRef<'a> {
    /// CONNECT; `auth` is a map.
    pub fn connect(namespace: &'a Namespace, auth: Option<&'a Value>) -> Self {
        Self { kind: 0, namespace, id: None, data: auth.map_or(Data::None, Data::Value) }
    }

    /// DISCONNECT.
    pub fn disconnect(namespace: &'a Namespace) -> Self {
        Self { kind: 1, namespace, id: None, data: Data::None }
    }

    /// EVENT. The name is not one of [`RESERVED_NAMES`](crate::RESERVED_NAMES).
    pub fn event(namespace: &'a Namespace, name: impl Into<Name<'a>>, arguments: &'a Values) -> Self {
        Self { kind: 2, namespace, id: None, data: Data::Event(name.into(), arguments) }
    }

    /// ACK.
    pub fn ack(namespace: &'a Namespace, id: AckId, arguments: &'a Values) -> Self {
        Self { kind: 3, namespace, id: Some(id), data: Data::List(arguments) }
    }

    /// CONNECT_ERROR; `error` is a map or a string.
    pub fn connect_error(namespace: &'a Namespace, error: &'a Value) -> Self {
        Self { kind: 4, namespace, id: None, data: Data::Value(error) }
    }

    /// The same packet with an id: an event that asks for an acknowledgement.
    #[must_use]
    pub fn with_id(self, id: AckId) -> Self {
        Self { id: Some(id), ..self }
    }

    /// How many bytes [`encode_into`](Self::encode_into) will write.
    pub fn encoded_len(&self) -> usize {
        let mut counter = Counter(0);
        self.write(&mut counter);
        counter.0
    }

    /// Writes the frame.
    ///
    /// Panics, as [`BufMut`] does, if the buffer cannot take [`encoded_len`](Self::encoded_len) bytes.
    pub fn encode_into(&self, buffer: &mut impl BufMut) {
        self.write(&mut Buffer(buffer));
    }

    /// The frame in a buffer of its own.
    pub fn to_bytes(&self) -> Bytes {
        let mut buffer = Vec::with_capacity(self.encoded_len());
        self.encode_into(&mut buffer);
        Bytes::from(buffer)
    }

    fn write(&self, out: &mut impl Sink) {
        let has_data = !matches!(self.data, Data::None);
        out.put(&[0x82 + u8::from(has_data) + u8::from(self.id.is_some())]);
        str(out, "type");
        out.put(&[self.kind]);
        str(out, "nsp");
        str(out, self.namespace.as_str());
        match self.data {
            Data::None => {}
            Data::Value(value) => {
                str(out, "data");
                out.put(value.as_bytes());
            }
            Data::List(values) => {
                str(out, "data");
                array(out, values.len());
                out.put(values.as_bytes());
            }
            Data::Event(Name(name), values) => {
                str(out, "data");
                array(out, values.len() + 1);
                match name {
                    NameForm::Text(name) => str(out, name),
                    NameForm::Msgpack(name) => out.put(name),
                    NameForm::Json(name) => {
                        let mut written = Vec::with_capacity(name.len());
                        json::scalar(name, &mut written);
                        out.put(&written);
                    }
                }
                out.put(values.as_bytes());
            }
        }
        if let Some(id) = self.id {
            str(out, "id");
            unsigned(out, id.get());
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
            Packet::Ack { namespace, id, arguments } => {
                Self { kind: 3, namespace, id: *id, data: Data::List(arguments) }
            }
            Packet::ConnectError { namespace, error } => Self::connect_error(namespace, error),
        }
    }
}
