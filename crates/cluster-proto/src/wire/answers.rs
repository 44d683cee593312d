//! The lists of sockets and rooms in answers, which both protocols have.

use hub::Room;
use socketio_codec::{Json, Text};

use crate::wire::bounds::Bounds;
use crate::wire::field::Field;
use crate::wire::kind::Kind;
use crate::wire::message::{Answer, RemoteSocket};
use crate::wire::reader::Reader;
use crate::wire::refused::Refused;
use crate::wire::writer::Writer;

/// A list of ids, or of sockets, as its first value says.
pub(crate) fn sockets(reader: &mut Reader, bounds: &Bounds) -> Result<Answer, Refused> {
    if reader.kind()? == Kind::Nothing {
        return reader.skip().map(|()| Answer::Sockets(Vec::new()));
    }
    let mut list = reader.list()?;
    let (mut ids, mut sockets) = (Vec::new(), Vec::new());
    while reader.more(&mut list)? {
        if ids.len() + sockets.len() >= bounds.answers_max {
            return Err(Refused::TooManyAnswers);
        }
        match reader.kind()? {
            Kind::Text => ids.push(reader.text()?.into_owned()),
            _ => sockets.push(socket(reader, bounds)?),
        }
    }
    match (ids.is_empty(), sockets.is_empty()) {
        (false, false) => Err(Refused::WrongField),
        (false, true) => Ok(Answer::Ids(ids)),
        _ => Ok(Answer::Sockets(sockets)),
    }
}

fn socket(reader: &mut Reader, bounds: &Bounds) -> Result<RemoteSocket, Refused> {
    let (mut id, mut rooms, mut handshake, mut data) = (None, Vec::new(), empty(), empty());
    let mut map = reader.map()?;
    while let Some(field) = reader.field(&mut map)? {
        match field {
            Field::Id => id = Some(reader.text()?.into_owned()),
            Field::Rooms => rooms = names(reader, bounds)?,
            Field::Handshake => handshake = reader.json(&bounds.values)?,
            Field::Data => data = reader.json(&bounds.values)?,
            _ => reader.skip()?,
        }
    }
    Ok(RemoteSocket { id: id.ok_or(Refused::MissingField)?, handshake, rooms, data })
}

/// A list of rooms, as long as an answer may be.
pub(crate) fn names(reader: &mut Reader, bounds: &Bounds) -> Result<Vec<Room>, Refused> {
    if reader.kind()? == Kind::Nothing {
        return reader.skip().map(|()| Vec::new());
    }
    let mut list = reader.list()?;
    let mut rooms = Vec::new();
    while reader.more(&mut list)? {
        if rooms.len() >= bounds.answers_max {
            return Err(Refused::TooManyAnswers);
        }
        rooms.push(Room::from(&*reader.name()?));
    }
    Ok(rooms)
}

pub(crate) fn write_sockets(writer: &mut Writer, sockets: &[RemoteSocket]) {
    writer.list(sockets.len());
    for RemoteSocket { id, handshake, rooms, data } in sockets {
        writer.map(4);
        writer.key("id");
        writer.text(id);
        writer.key("handshake");
        writer.json(handshake);
        writer.key("rooms");
        writer.texts(rooms.iter().map(Room::as_str));
        writer.key("data");
        writer.json(data);
        writer.end_map();
    }
    writer.end_list();
}

fn empty() -> Json {
    Json::from_text(Text::from_static("{}")).expect("it is an object")
}
