//! An event (section 2.2): `[uid, packet, opts]`.

use super::Ours;
use crate::wire::bounds::Bounds;
use crate::wire::kind::Kind;
use crate::wire::message::{Emit, EmitRef, Message, Order};
use crate::wire::opts::{self, Opts, Sending};
use crate::wire::reader::Reader;
use crate::wire::refused::Refused;
use crate::wire::shared;
use crate::wire::writer::Writer;
use socketio_codec::{Event, Namespace};

/// What was read, and who sent it; `None` if it is not for us.
pub(super) type Read = Option<(Message, Option<String>)>;

/// Reads an event that came on the channel of `room`, or of all.
pub(super) fn read(reader: &mut Reader, ours: Ours<'_>, room: Option<&str>, bounds: &Bounds) -> Result<Read, Refused> {
    let mut list = reader.list()?;
    let from = match next(reader, &mut list)? {
        Kind::Text => Some(reader.text()?.into_owned()),
        // Nil, or a number.
        _ => reader.skip().map(|()| None)?,
    };
    if from.as_deref() == Some(ours.uid) {
        return Ok(None);
    }
    next(reader, &mut list)?;
    let Some(event) = shared::packet(reader, Some(ours.namespace), bounds)? else { return Ok(None) };
    next(reader, &mut list)?;
    let opts = Opts::read(reader, bounds)?;
    while reader.more(&mut list)? {
        reader.skip()?;
    }
    reader.end()?;
    Ok(Some((Message::Order(Order::Emit(emit(event, opts, ours.namespace, room))), from)))
}

pub(super) fn emit(event: Event, opts: Opts, namespace: &Namespace, room: Option<&str>) -> Emit {
    let (delivery, compress) = (opts.delivery(), opts.compress());
    Emit { target: opts.target(namespace, room), event, delivery, compress }
}

/// The list's next value, which has to be there.
fn next(reader: &mut Reader, list: &mut crate::wire::kind::Open) -> Result<Kind, Refused> {
    if reader.more(list)? { reader.kind() } else { Err(Refused::MissingField) }
}

pub(super) fn write(writer: &mut Writer, ours: Ours<'_>, emit: EmitRef<'_>) {
    writer.list(3);
    writer.text(ours.uid);
    write_packet(writer, ours.namespace, emit);
    let sending = Sending { delivery: emit.delivery, compress: emit.compress, timeout: None };
    opts::write(writer, emit.target, Some(sending));
    writer.end_list();
}

pub(super) fn write_packet(writer: &mut Writer, namespace: &Namespace, emit: EmitRef<'_>) {
    writer.map(3);
    writer.key("type");
    writer.unsigned(2);
    writer.key("data");
    writer.event(emit.name, emit.arguments);
    writer.key("nsp");
    writer.text(namespace.as_str());
    writer.end_map();
}
