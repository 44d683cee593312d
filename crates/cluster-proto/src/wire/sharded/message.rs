//! `{type, data, uid, nsp}`.

use std::time::Duration;

use bytes::Bytes;
use hub::{Room, Target};
use socketio_codec::{Arguments, Event, Namespace};

use crate::wire::answers;
use crate::wire::bounds::Bounds;
use crate::wire::field::Field;
use crate::wire::kind::Kind;
use crate::wire::message::{Answer, Emit, EmitRef, Format, Message, Order, Question, RemoteSocket, Request, Response};
use crate::wire::opts::{self, Opts, Sending};
use crate::wire::reader::Reader;
use crate::wire::refused::Refused;
use crate::wire::shared;
use crate::wire::writer::Writer;

/// Who reads or writes, and on which room's channel it came.
#[derive(Clone, Copy)]
pub(super) struct Outer<'a> {
    pub(super) namespace: &'a Namespace,
    pub(super) uid: &'a str,
    pub(super) room: Option<&'a str>,
}

/// What was read, and who sent it; `None` if it is not for us.
type Read = Option<(Message, Option<String>)>;

pub(super) fn read(reader: &mut Reader, outer: Outer<'_>, bounds: &Bounds) -> Result<Read, Refused> {
    let (mut kind, mut fields, mut later, mut from, mut is_ours) = (None, None, None, None, false);
    let mut map = reader.map()?;
    while let Some(field) = reader.field(&mut map)? {
        match (field, kind) {
            (Field::Type, _) => kind = reader.integer()?,
            // Node writes the type first; of others it is read when it is known.
            (Field::Data, None) => {
                later = Some(reader.place());
                reader.skip()?;
            }
            (Field::Data, Some(kind)) => fields = Some(Fields::read(reader, kind, bounds)?),
            (Field::Uid, _) => from = reader.id()?,
            (Field::Nsp, _) => is_ours = reader.kind()? == Kind::Text && is_named(reader, outer.namespace)?,
            _ => reader.skip()?,
        }
    }
    reader.end()?;
    if !is_ours || from.as_deref() == Some(outer.uid) {
        return Ok(None);
    }
    let kind = kind.ok_or(Refused::UnknownType)?;
    let fields = match (fields, later) {
        (Some(fields), _) => fields,
        (None, Some(place)) => {
            reader.go_to(place);
            Fields::read(reader, kind, bounds)?
        }
        (None, None) => return Err(Refused::MissingField),
    };
    Ok(Some((fields.message(kind, outer)?, from)))
}

fn is_named(reader: &mut Reader, namespace: &Namespace) -> Result<bool, Refused> {
    Ok(reader.text()? == namespace.as_str())
}

/// What `data` may have. What `packet` is depends on the type.
#[derive(Default)]
struct Fields {
    id: Option<String>,
    opts: Option<Opts>,
    rooms: Vec<Room>,
    close: bool,
    counts: bool,
    sockets: Option<Answer>,
    clients: Option<f64>,
    event: Option<Event>,
    values: Option<Arguments>,
}

impl Fields {
    fn read(reader: &mut Reader, kind: i64, bounds: &Bounds) -> Result<Self, Refused> {
        let mut fields = Self::default();
        if !(3..=12).contains(&kind) {
            return reader.skip().map(|()| fields);
        }
        let mut map = reader.map()?;
        while let Some(field) = reader.field(&mut map)? {
            let is_nothing = reader.kind()? == Kind::Nothing;
            match (field, kind) {
                // An answer may be nothing, but not what else there is.
                (Field::Packet, 10 | 12) => fields.values = Some(reader.value(&bounds.values)?),
                _ if is_nothing => reader.skip()?,
                (Field::Packet, 3) => fields.event = shared::packet(reader, None, bounds)?,
                (Field::Packet, 9) => fields.values = Some(reader.values(&bounds.values)?),
                (Field::RequestId, _) => fields.id = reader.id()?,
                (Field::Opts, _) => fields.opts = Some(Opts::read(reader, bounds)?),
                (Field::Rooms, _) => fields.rooms = opts::rooms(reader, bounds)?,
                (Field::Close, _) => fields.close = reader.is_truthy()?,
                (Field::Count, 7) => fields.counts = reader.is_truthy()?,
                (Field::Sockets, 8) => fields.sockets = Some(answers::sockets(reader, bounds)?),
                (Field::ClientCount, 11) => fields.clients = reader.number()?,
                _ => reader.skip()?,
            }
        }
        Ok(fields)
    }

    fn message(self, kind: i64, outer: Outer<'_>) -> Result<Message, Refused> {
        match kind {
            3 => self.event(outer),
            4..=6 => self.order(kind, outer.namespace),
            7 => {
                let target = self.opts.ok_or(Refused::MissingField)?.target(outer.namespace, None);
                asked(self.id, if self.counts { Question::Count(target) } else { Question::Fetch(target) })
            }
            9 => {
                let data = self.values.filter(|data| !data.is_empty()).ok_or(Refused::InvalidData)?;
                match self.id {
                    None => Ok(Message::ServerSideEmit(data)),
                    id => asked(id, Question::ServerSideEmit(data)),
                }
            }
            8 => answered(self.id, self.sockets.ok_or(Refused::MissingField)?),
            10 => answered(self.id, Answer::ServerSide(self.values.unwrap_or_default())),
            11 => answered(self.id, shared::clients(self.clients)?),
            12 => answered(self.id, Answer::Ack(self.values.unwrap_or_default())),
            // Heartbeats are those of other adapters.
            _ => Err(Refused::UnknownType),
        }
    }

    fn event(self, outer: Outer<'_>) -> Result<Message, Refused> {
        let opts = self.opts.ok_or(Refused::MissingField)?;
        let event = self.event.ok_or(Refused::MissingField)?;
        let (delivery, compress, timeout) = (opts.delivery(), opts.compress(), opts.timeout());
        let emit = Emit { target: opts.target(outer.namespace, outer.room), event, delivery, compress };
        match self.id {
            None => Ok(Message::Order(Order::Emit(emit))),
            id => asked(id, Question::EmitWithAck { emit, timeout }),
        }
    }

    fn order(self, kind: i64, namespace: &Namespace) -> Result<Message, Refused> {
        let target = self.opts.ok_or(Refused::MissingField)?.target(namespace, None);
        if kind != 6 && self.rooms.is_empty() {
            return Err(Refused::MissingField);
        }
        Ok(Message::Order(match kind {
            4 => Order::Join { target, rooms: self.rooms },
            5 => Order::Leave { target, rooms: self.rooms },
            _ => Order::Expel { target, from: shared::expulsion(self.close) },
        }))
    }
}

fn asked(id: Option<String>, question: Question) -> Result<Message, Refused> {
    Ok(Message::Request(Request { id: id.ok_or(Refused::MissingField)?, question }))
}

fn answered(id: Option<String>, answer: Answer) -> Result<Message, Refused> {
    Ok(Message::Response(Response { request_id: id.ok_or(Refused::MissingField)?, answer }))
}

/// What is to be written.
#[derive(Clone, Copy)]
pub(super) enum Body<'a> {
    Emit { emit: EmitRef<'a>, ack: Option<(&'a str, Duration)> },
    Join { target: &'a Target, rooms: &'a [Room] },
    Leave { target: &'a Target, rooms: &'a [Room] },
    Expel { target: &'a Target, closes: bool },
    Fetch { target: &'a Target, id: &'a str, counts: bool },
    Sockets { id: &'a str, sockets: &'a [RemoteSocket] },
    ServerSide { data: &'a Arguments, id: Option<&'a str> },
    ServerSideAnswer { id: &'a str, value: &'a Arguments },
    Clients { id: &'a str, number: u64 },
    Ack { id: &'a str, value: &'a Arguments },
}

pub(super) fn answer(Response { request_id: id, answer }: &Response) -> Option<Body<'_>> {
    Some(match answer {
        Answer::Sockets(sockets) => Body::Sockets { id, sockets },
        Answer::ServerSide(value) => Body::ServerSideAnswer { id, value },
        Answer::Clients(number) => Body::Clients { id, number: *number },
        Answer::Ack(value) => Body::Ack { id, value },
        Answer::Ids(_) | Answer::Rooms(_) | Answer::Done => return None,
    })
}

impl<'a> Body<'a> {
    fn kind(self) -> u64 {
        match self {
            Self::Emit { .. } => 3,
            Self::Join { .. } => 4,
            Self::Leave { .. } => 5,
            Self::Expel { .. } => 6,
            Self::Fetch { .. } => 7,
            Self::Sockets { .. } => 8,
            Self::ServerSide { .. } => 9,
            Self::ServerSideAnswer { .. } => 10,
            Self::Clients { .. } => 11,
            Self::Ack { .. } => 12,
        }
    }

    fn values(self) -> Option<&'a Arguments> {
        match self {
            Self::Emit { emit, .. } => Some(emit.arguments),
            Self::ServerSide { data: value, .. } | Self::ServerSideAnswer { value, .. } | Self::Ack { value, .. } => {
                Some(value)
            }
            _ => None,
        }
    }

    /// MessagePack where there are bytes, as Node does it. JSON otherwise: our text goes in as it is.
    fn format(self) -> Format {
        match self.values() {
            Some(values) if !values.attachments().is_empty() => Format::Msgpack,
            _ => Format::Json,
        }
    }
}

/// Gives the message, and how many members it has not.
pub(super) fn write(outer: Outer<'_>, body: Body<'_>) -> (Bytes, usize) {
    let mut writer = Writer::new(body.format());
    writer.map(4);
    writer.key("type");
    writer.unsigned(body.kind());
    writer.key("data");
    write_data(&mut writer, body);
    end(&mut writer, outer.uid, outer.namespace.as_str());
    writer.finish()
}

fn end(writer: &mut Writer, uid: &str, namespace: &str) {
    writer.key("uid");
    writer.text(uid);
    writer.key("nsp");
    writer.text(namespace);
    writer.end_map();
}

/// How each message of ours ends, in either format, and none of anybody else: a text in a value that looks like it has other
/// quotes in JSON, and in MessagePack would need our uid.
pub(super) fn endings(uid: &str, namespace: &str) -> [Bytes; 2] {
    [Format::Json, Format::Msgpack].map(|format| {
        let mut writer = Writer::new(format);
        end(&mut writer, uid, namespace);
        writer.finish().0
    })
}

fn write_data(writer: &mut Writer, body: Body<'_>) {
    match body {
        Body::Emit { emit, ack } => return write_emit(writer, emit, ack),
        Body::Join { target, rooms } | Body::Leave { target, rooms } => {
            writer.map(2);
            writer.key("opts");
            opts::write(writer, target, None);
            writer.key("rooms");
            writer.texts(rooms.iter().map(Room::as_str));
        }
        Body::Expel { target, closes } => {
            writer.map(2);
            writer.key("opts");
            opts::write(writer, target, None);
            writer.key("close");
            writer.bool(closes);
        }
        Body::Fetch { target, id, counts } => {
            writer.map(2 + usize::from(counts));
            writer.key("opts");
            opts::write(writer, target, Some(Sending::PLAIN));
            write_id(writer, id);
            if counts {
                writer.key("count");
                writer.bool(true);
            }
        }
        Body::Sockets { id, sockets } => {
            writer.map(2);
            write_id(writer, id);
            writer.key("sockets");
            answers::write_sockets(writer, sockets);
        }
        Body::ServerSide { data, id } => {
            writer.map(1 + usize::from(id.is_some()));
            id.into_iter().for_each(|id| write_id(writer, id));
            writer.key("packet");
            writer.list_of(data);
        }
        Body::ServerSideAnswer { id, value } | Body::Ack { id, value } => {
            writer.map(1 + usize::from(!value.is_empty()));
            write_id(writer, id);
            if !value.is_empty() {
                writer.key("packet");
                writer.values(value);
            }
        }
        Body::Clients { id, number } => {
            writer.map(2);
            write_id(writer, id);
            writer.key("clientCount");
            writer.unsigned(number);
        }
    }
    writer.end_map();
}

fn write_emit(writer: &mut Writer, emit: EmitRef<'_>, ack: Option<(&str, Duration)>) {
    writer.map(2 + usize::from(ack.is_some()));
    writer.key("packet");
    writer.map(2);
    writer.key("type");
    writer.unsigned(2);
    writer.key("data");
    writer.event(emit.name, emit.arguments);
    writer.end_map();
    if let Some((id, _)) = ack {
        write_id(writer, id);
    }
    writer.key("opts");
    let timeout = ack.map(|(_, timeout)| timeout);
    opts::write(writer, emit.target, Some(Sending { delivery: emit.delivery, compress: emit.compress, timeout }));
    writer.end_map();
}

fn write_id(writer: &mut Writer, id: &str) {
    writer.key("requestId");
    writer.text(id);
}
