//! Requests (section 2.3).

use std::time::Duration;

use hub::{Command, Expulsion, Room, Target};
use socketio_codec::{Arguments, Event};

use super::Ours;
use super::event::{self, Read};
use crate::wire::bounds::Bounds;
use crate::wire::field::Field;
use crate::wire::kind::Kind;
use crate::wire::message::{EmitRef, Message, Order, Question, Request, Sought};
use crate::wire::opts::{self, Opts, Sending};
use crate::wire::reader::Reader;
use crate::wire::refused::Refused;
use crate::wire::shared;
use crate::wire::writer::Writer;

/// What a request may have; which of it, its type says, which may come last.
#[derive(Default)]
struct Fields {
    uid: Option<String>,
    id: Option<String>,
    kind: Option<i64>,
    opts: Option<Opts>,
    rooms: Vec<Room>,
    room: Option<Room>,
    sid: Option<String>,
    close: bool,
    counts: bool,
    data: Option<Arguments>,
    event: Option<Event>,
}

pub(super) fn read(reader: &mut Reader, ours: Ours<'_>, bounds: &Bounds) -> Result<Read, Refused> {
    let mut fields = Fields::default();
    let mut map = reader.map()?;
    while let Some(field) = reader.field(&mut map)? {
        fields.read(field, reader, bounds)?;
    }
    reader.end()?;
    if fields.uid.as_deref() == Some(ours.uid) {
        return Ok(None);
    }
    let from = fields.uid.take();
    Ok(Some((fields.message(ours)?, from)))
}

impl Fields {
    fn read(&mut self, field: Field, reader: &mut Reader, bounds: &Bounds) -> Result<(), Refused> {
        // What is nil is not there.
        if reader.kind()? == Kind::Nothing {
            return reader.skip();
        }
        match field {
            Field::Uid => self.uid = reader.id()?,
            Field::RequestId => self.id = reader.id()?,
            Field::Type => self.kind = Some(reader.integer()?.ok_or(Refused::UnknownType)?),
            Field::Opts => self.opts = Some(Opts::read(reader, bounds)?),
            Field::Rooms => self.rooms = opts::rooms(reader, bounds)?,
            Field::Room => self.room = Some(Room::from(&*reader.name()?)),
            Field::Sid => self.sid = Some(reader.name()?.into_owned()),
            Field::Close => self.close = reader.is_truthy()?,
            Field::Count => self.counts = reader.is_truthy()?,
            Field::Data => self.data = Some(reader.values(&bounds.values)?),
            Field::Packet => self.event = shared::packet(reader, None, bounds)?,
            _ => reader.skip()?,
        }
        Ok(())
    }

    fn message(self, ours: Ours<'_>) -> Result<Message, Refused> {
        let everyone = || Target::everyone(ours.namespace.clone());
        match self.kind {
            // Some leave a type out that is 0.
            None | Some(0) => {
                let target = self.rooms.into_iter().fold(everyone(), Target::to);
                asked(self.id, if self.counts { Question::Count(target) } else { Question::AllSockets(target) })
            }
            Some(1) => asked(self.id, Question::AllRooms),
            Some(2..=4) => self.order(ours),
            Some(5) => {
                let target = self.opts.ok_or(Refused::MissingField)?.target(ours.namespace, None);
                asked(self.id, if self.counts { Question::Count(target) } else { Question::Fetch(target) })
            }
            Some(6) => {
                let data = self.data.filter(|data| !data.is_empty()).ok_or(Refused::InvalidData)?;
                match self.id {
                    None => Ok(Message::ServerSideEmit(data)),
                    id => asked(id, Question::ServerSideEmit(data)),
                }
            }
            Some(7) => {
                let opts = self.opts.ok_or(Refused::MissingField)?;
                let timeout = opts.timeout();
                let event = self.event.ok_or(Refused::MissingField)?;
                let emit = event::emit(event, opts, ours.namespace, None);
                asked(self.id, Question::EmitWithAck { emit, timeout })
            }
            Some(_) => Err(Refused::UnknownType),
        }
    }

    /// Types 2 to 4: to some sockets, or in the old form to one.
    fn order(self, ours: Ours<'_>) -> Result<Message, Refused> {
        let (target, socket) = match (self.opts, self.sid) {
            (Some(opts), _) => (opts.target(ours.namespace, None), None),
            // A socket's id is a room like any other.
            (None, Some(sid)) => (Target::everyone(ours.namespace.clone()).to(&*sid), Some(sid)),
            (None, None) => return Err(Refused::MissingField),
        };
        let rooms = || {
            let rooms: Vec<Room> = if socket.is_some() { self.room.into_iter().collect() } else { self.rooms };
            if rooms.is_empty() { Err(Refused::MissingField) } else { Ok(rooms) }
        };
        let order = match self.kind {
            Some(2) => Order::Join { target, rooms: rooms()? },
            Some(3) => Order::Leave { target, rooms: rooms()? },
            _ => Order::Expel { target, from: shared::expulsion(self.close) },
        };
        match socket {
            None => Ok(Message::Order(order)),
            Some(socket) => asked(self.id, Question::OneSocket { socket, order }),
        }
    }
}

fn asked(id: Option<String>, question: Question) -> Result<Message, Refused> {
    Ok(Message::Request(Request { id: id.ok_or(Refused::MissingField)?, question }))
}

/// Writes types 2 to 4; `None` if a command is none of them.
pub(super) fn write_order(writer: &mut Writer, uid: &str, command: &Command<'_>) -> Option<()> {
    let (kind, target) = match command {
        Command::Join { target, .. } => (2, target),
        Command::Leave { target, .. } => (3, target),
        Command::Expel { from: Expulsion::Transport(_), .. } => return None,
        Command::Expel { target, .. } => (4, target),
        _ => return None,
    };
    begin(writer, 4, uid, None, kind);
    writer.key("opts");
    opts::write(writer, target, None);
    match command {
        Command::Join { rooms, .. } | Command::Leave { rooms, .. } => {
            writer.key("rooms");
            writer.texts(rooms.iter().map(Room::as_str));
        }
        Command::Expel { from, .. } => {
            writer.key("close");
            writer.bool(*from == Expulsion::Connection);
        }
        _ => {}
    }
    writer.end_map();
    Some(())
}

pub(super) fn write_question(writer: &mut Writer, ours: Ours<'_>, id: &str, sought: Sought<'_>) {
    match sought {
        Sought::AllRooms => {
            begin(writer, 3, ours.uid, Some(id), 1);
            writer.end_map();
        }
        Sought::Fetch(target) => {
            begin(writer, 4, ours.uid, Some(id), 5);
            writer.key("opts");
            opts::write(writer, target, None);
            writer.end_map();
        }
        Sought::Count(target) => write_count(writer, ours.uid, id, target),
        Sought::ServerSideEmit(data) => write_server_side(writer, ours.uid, Some(id), data),
        Sought::EmitWithAck { emit, timeout } => write_emit(writer, ours, id, emit, timeout),
    }
}

/// Node servers do not know the last member. Of type 0 they tell ids, a thirtieth of what they tell of type 5; but it has no
/// exceptions.
fn write_count(writer: &mut Writer, uid: &str, id: &str, target: &Target) {
    if target.except_rooms().is_empty() && target.except_sockets().is_empty() {
        begin(writer, 5, uid, Some(id), 0);
        writer.key("rooms");
        writer.texts(opts::rooms_of(target));
    } else {
        begin(writer, 5, uid, Some(id), 5);
        writer.key("opts");
        opts::write(writer, target, None);
    }
    writer.key("count");
    writer.bool(true);
    writer.end_map();
}

fn write_emit(writer: &mut Writer, ours: Ours<'_>, id: &str, emit: EmitRef<'_>, timeout: Duration) {
    begin(writer, 5, ours.uid, Some(id), 7);
    writer.key("packet");
    event::write_packet(writer, ours.namespace, emit);
    writer.key("opts");
    let sending = Sending { delivery: emit.delivery, compress: emit.compress, timeout: Some(timeout) };
    opts::write(writer, emit.target, Some(sending));
    writer.end_map();
}

pub(super) fn write_server_side(writer: &mut Writer, uid: &str, id: Option<&str>, data: &Arguments) {
    begin(writer, if id.is_some() { 4 } else { 3 }, uid, id, 6);
    writer.key("data");
    writer.list_of(data);
    writer.end_map();
}

/// A map of so many members, whose first are these.
fn begin(writer: &mut Writer, len: usize, uid: &str, id: Option<&str>, kind: u64) {
    writer.map(len);
    writer.key("uid");
    writer.text(uid);
    if let Some(id) = id {
        writer.key("requestId");
        writer.text(id);
    }
    writer.key("type");
    writer.unsigned(kind);
}
