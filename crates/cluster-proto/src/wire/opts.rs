//! `opts`: whom something is for, and how it is sent.

use std::time::Duration;

use engineio_proto::Delivery;
use hub::{Room, Target};
use socketio_codec::Namespace;

use crate::wire::bounds::Bounds;
use crate::wire::field::Field;
use crate::wire::kind::Kind;
use crate::wire::reader::Reader;
use crate::wire::refused::Refused;
use crate::wire::writer::Writer;

/// What was read.
#[derive(Debug)]
pub(crate) struct Opts {
    rooms: Vec<Room>,
    except: Vec<Room>,
    flags: Flags,
}

#[derive(Debug)]
struct Flags {
    is_volatile: bool,
    compress: bool,
    timeout: Option<Duration>,
}

impl Opts {
    pub(crate) fn read(reader: &mut Reader, bounds: &Bounds) -> Result<Self, Refused> {
        let flags = Flags { is_volatile: false, compress: true, timeout: None };
        let mut opts = Self { rooms: Vec::new(), except: Vec::new(), flags };
        match reader.kind()? {
            Kind::Map => {}
            // An empty map of PHP.
            Kind::List => return reader.skip().map(|()| opts),
            Kind::Nothing => return Err(Refused::MissingField),
            _ => return Err(Refused::WrongField),
        }
        let mut map = reader.map()?;
        while let Some(field) = reader.field(&mut map)? {
            match field {
                Field::Rooms => opts.rooms = rooms(reader, bounds)?,
                Field::Except => opts.except = rooms(reader, bounds)?,
                Field::Flags => opts.flags.read(reader)?,
                _ => reader.skip()?,
            }
        }
        Ok(opts)
    }

    /// Whom it is for. `channel` is the room on whose channel it came: emitters that have several rooms publish once on the
    /// channel of each, every time with the whole list. Each time it is for that room alone, so nobody hears it twice for
    /// being in one of them.
    pub(crate) fn target(self, namespace: &Namespace, channel: Option<&str>) -> Target {
        let Self { mut rooms, except, .. } = self;
        if let Some(channel) = channel
            && rooms.len() > 1
            && rooms.iter().any(|room| room.as_str() == channel)
        {
            rooms = vec![Room::from(channel)];
        }
        let target = rooms.into_iter().fold(Target::everyone(namespace.clone()), Target::to);
        except.into_iter().fold(target, Target::except)
    }

    pub(crate) fn delivery(&self) -> Delivery {
        if self.flags.is_volatile { Delivery::Volatile } else { Delivery::Reliable }
    }

    pub(crate) fn compress(&self) -> bool {
        self.flags.compress
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.flags.timeout
    }
}

impl Flags {
    fn read(&mut self, reader: &mut Reader) -> Result<(), Refused> {
        // Nil, an empty text, an empty list: all of them no flags.
        if reader.kind()? != Kind::Map {
            return reader.skip();
        }
        let mut map = reader.map()?;
        while let Some(field) = reader.field(&mut map)? {
            match field {
                // Perl writes 1.
                Field::Volatile => self.is_volatile = reader.is_truthy()?,
                // A transport looks for `false` and nothing else.
                Field::Compress => self.compress = reader.bool()? != Some(false),
                Field::Timeout => self.timeout = reader.number()?.and_then(millis),
                _ => reader.skip()?,
            }
        }
        Ok(())
    }
}

/// Rooms: a list of them, or the text of one; none if it is nil or empty.
pub(crate) fn rooms(reader: &mut Reader, bounds: &Bounds) -> Result<Vec<Room>, Refused> {
    match reader.kind()? {
        Kind::Nothing => return reader.skip().map(|()| Vec::new()),
        Kind::Text => {
            let room = reader.text()?;
            return Ok(if room.is_empty() { Vec::new() } else { vec![Room::from(&*room)] });
        }
        Kind::List => {}
        _ => return Err(Refused::WrongField),
    }
    let mut list = reader.list()?;
    let mut rooms = Vec::new();
    while reader.more(&mut list)? {
        if rooms.len() >= bounds.rooms_max {
            return Err(Refused::TooManyRooms);
        }
        // What is no name is no room: left out, a list of it would be everyone.
        rooms.push(Room::from(&*reader.name()?));
    }
    Ok(rooms)
}

/// As much as a day: what is longer, nobody waits for.
fn millis(number: f64) -> Option<Duration> {
    const DAY: f64 = 86_400_000.0;
    (number >= 0.0).then(|| Duration::from_millis(number.min(DAY) as u64))
}

/// The names of the rooms that something is for: a socket is one of them.
pub(crate) fn rooms_of(target: &Target) -> impl Iterator<Item = &str> + Clone {
    target.rooms().iter().map(Room::as_str).chain(target.sockets().iter().map(|socket| socket.as_str()))
}

fn except_of(target: &Target) -> impl Iterator<Item = &str> + Clone {
    target.except_rooms().iter().map(Room::as_str).chain(target.except_sockets().iter().map(|socket| socket.as_str()))
}

/// The one room that something is for, if it is one, however often it is named.
pub(crate) fn only_room(target: &Target) -> Option<&str> {
    let mut rooms = rooms_of(target);
    let first = rooms.next()?;
    rooms.all(|room| room == first).then_some(first)
}

/// How an event is sent.
#[derive(Clone, Copy)]
pub(crate) struct Sending {
    pub(crate) delivery: Delivery,
    pub(crate) compress: bool,
    pub(crate) timeout: Option<Duration>,
}

impl Sending {
    /// As usual.
    pub(crate) const PLAIN: Self = Self { delivery: Delivery::Reliable, compress: true, timeout: None };
}

/// Writes it; without flags, where there are none.
pub(crate) fn write(writer: &mut Writer, target: &Target, sending: Option<Sending>) {
    writer.map(if sending.is_some() { 3 } else { 2 });
    writer.key("rooms");
    writer.texts(rooms_of(target));
    writer.key("except");
    writer.texts(except_of(target));
    if let Some(sending) = sending {
        writer.key("flags");
        flags(writer, sending);
    }
    writer.end_map();
}

fn flags(writer: &mut Writer, Sending { delivery, compress, timeout }: Sending) {
    let is_volatile = delivery == Delivery::Volatile;
    writer.map(usize::from(is_volatile) + usize::from(!compress) + usize::from(timeout.is_some()));
    if is_volatile {
        writer.key("volatile");
        writer.bool(true);
    }
    if !compress {
        writer.key("compress");
        writer.bool(false);
    }
    if let Some(timeout) = timeout {
        writer.key("timeout");
        writer.unsigned(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
    }
    writer.end_map();
}
