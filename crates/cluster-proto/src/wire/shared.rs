//! What stands in the messages of both protocols.

use hub::Expulsion;
use socketio_codec::{Event, Namespace};

use crate::wire::bounds::Bounds;
use crate::wire::field::Field;
use crate::wire::kind::Kind;
use crate::wire::message::Answer;
use crate::wire::reader::Reader;
use crate::wire::refused::Refused;

/// Reads a packet; `None` if it is of another namespace than has to stand in it.
pub(crate) fn packet(
    reader: &mut Reader,
    namespace: Option<&Namespace>,
    bounds: &Bounds,
) -> Result<Option<Event>, Refused> {
    let mut map = reader.map()?;
    let (mut kind, mut event) = (None, None);
    let mut is_ours = namespace.is_none_or(Namespace::is_root);
    while let Some(field) = reader.field(&mut map)? {
        match (field, namespace) {
            (Field::Type, _) => kind = reader.integer()?,
            (Field::Data, _) => event = Some(reader.event(&bounds.values)?),
            (Field::Nsp, Some(namespace)) => is_ours = is_named(reader, namespace)?,
            _ => reader.skip()?,
        }
    }
    match kind {
        _ if !is_ours => Ok(None),
        // 5 is what old emitters write for binary data; as such it would close every client it reached.
        Some(2 | 5) => event.ok_or(Refused::InvalidData).map(Some),
        _ => Err(Refused::PacketType),
    }
}

fn is_named(reader: &mut Reader, namespace: &Namespace) -> Result<bool, Refused> {
    match reader.kind()? {
        Kind::Text => Ok(reader.text()? == namespace.as_str()),
        _ => reader.skip().map(|()| false),
    }
}

/// A number of clients.
pub(crate) fn clients(number: Option<f64>) -> Result<Answer, Refused> {
    let number = number.ok_or(Refused::MissingField)?;
    let is_count = number >= 0.0 && number.fract() == 0.0 && number <= f64::from(u32::MAX);
    if is_count { Ok(Answer::Clients(number as u64)) } else { Err(Refused::WrongField) }
}

/// What `close` says.
pub(crate) fn expulsion(closes: bool) -> Expulsion {
    if closes { Expulsion::Connection } else { Expulsion::Namespace }
}
