//! Answers (section 2.3).

use hub::Room;
use socketio_codec::Arguments;

use crate::wire::answers;
use crate::wire::bounds::Bounds;
use crate::wire::field::Field;
use crate::wire::kind::Kind;
use crate::wire::message::{Answer, Format, Response};
use crate::wire::reader::Reader;
use crate::wire::refused::Refused;
use crate::wire::shared;
use crate::wire::writer::Writer;

/// What an answer may have. Of those to questions of types 0 to 5 only what is there tells them apart.
#[derive(Default)]
struct Fields {
    id: Option<String>,
    kind: Option<i64>,
    sockets: Option<Answer>,
    rooms: Option<Vec<Room>>,
    clients: Option<f64>,
    data: Option<Arguments>,
    packet: Option<Arguments>,
}

pub(super) fn read(reader: &mut Reader, bounds: &Bounds) -> Result<Response, Refused> {
    let mut fields = Fields::default();
    let mut map = reader.map()?;
    while let Some(field) = reader.field(&mut map)? {
        fields.read(field, reader, bounds)?;
    }
    reader.end()?;
    let request_id = fields.id.take().ok_or(Refused::MissingField)?;
    Ok(Response { request_id, answer: fields.answer()? })
}

impl Fields {
    fn read(&mut self, field: Field, reader: &mut Reader, bounds: &Bounds) -> Result<(), Refused> {
        match field {
            Field::Data => self.data = Some(reader.value(&bounds.values)?),
            Field::Packet => self.packet = Some(reader.value(&bounds.values)?),
            _ if reader.kind()? == Kind::Nothing => reader.skip()?,
            Field::RequestId => self.id = reader.id()?,
            Field::Type => self.kind = reader.integer()?,
            Field::Sockets => self.sockets = Some(answers::sockets(reader, bounds)?),
            Field::Rooms => self.rooms = Some(answers::names(reader, bounds)?),
            Field::ClientCount => self.clients = reader.number()?,
            _ => reader.skip()?,
        }
        Ok(())
    }

    fn answer(self) -> Result<Answer, Refused> {
        match (self.kind, self.sockets, self.rooms) {
            (Some(6), ..) => Ok(Answer::ServerSide(self.data.unwrap_or_default())),
            (Some(8), ..) => shared::clients(self.clients),
            (Some(9), ..) => Ok(Answer::Ack(self.packet.unwrap_or_default())),
            (_, Some(sockets), _) => Ok(sockets),
            (_, _, Some(rooms)) => Ok(Answer::Rooms(rooms)),
            (None | Some(0..=5), None, None) => Ok(Answer::Done),
            (Some(_), None, None) => Err(Refused::UnknownType),
        }
    }
}

/// Only acknowledgements go by the node's own format.
pub(super) fn format(answer: &Answer, own: Format) -> Format {
    if matches!(answer, Answer::Ack(_)) { own } else { Format::Json }
}

/// Whether it goes to all, whoever asked.
pub(super) fn is_for_all(answer: &Answer) -> bool {
    matches!(answer, Answer::ServerSide(_))
}

pub(super) fn write(writer: &mut Writer, Response { request_id, answer }: &Response) {
    match answer {
        Answer::ServerSide(value) => write_value(writer, 6, request_id, "data", value),
        Answer::Ack(value) => write_value(writer, 9, request_id, "packet", value),
        Answer::Clients(number) => {
            writer.map(3);
            write_type(writer, 8);
            write_id(writer, request_id);
            writer.key("clientCount");
            writer.unsigned(*number);
        }
        Answer::Ids(ids) => {
            writer.map(2);
            write_id(writer, request_id);
            writer.key("sockets");
            writer.texts(ids.iter().map(String::as_str));
        }
        Answer::Sockets(sockets) => {
            writer.map(2);
            write_id(writer, request_id);
            writer.key("sockets");
            answers::write_sockets(writer, sockets);
        }
        Answer::Rooms(rooms) => {
            writer.map(2);
            write_id(writer, request_id);
            writer.key("rooms");
            writer.texts(rooms.iter().map(Room::as_str));
        }
        Answer::Done => {
            writer.map(1);
            write_id(writer, request_id);
        }
    }
    writer.end_map();
}

/// One value; without it, where there is none.
fn write_value(writer: &mut Writer, kind: u64, request_id: &str, key: &str, value: &Arguments) {
    writer.map(if value.is_empty() { 2 } else { 3 });
    write_type(writer, kind);
    write_id(writer, request_id);
    if !value.is_empty() {
        writer.key(key);
        writer.values(value);
    }
}

fn write_type(writer: &mut Writer, kind: u64) {
    writer.key("type");
    writer.unsigned(kind);
}

fn write_id(writer: &mut Writer, request_id: &str) {
    writer.key("requestId");
    writer.text(request_id);
}
