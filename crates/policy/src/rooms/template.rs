//! A room's name with places for values.

use std::fmt;

use hub::Room;

use super::pieces::{self, Piece};
use crate::values::{Lack, Path, Sources};

/// The name of a room, in which `{path}` stands for a value: `doc:{claims.account}:{args.0.id}`. `{{` and `}}` are braces.
///
/// Other values are another room, whatever is in them, and no value makes it a socket's own room.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Template {
    text: Box<str>,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Kind {
    /// Without values, and so made once.
    Plain(Room, Box<[Piece]>),
    Made(Box<[Piece]>),
}

impl Template {
    /// Takes a template, or says what was expected.
    ///
    /// # Errors
    /// What was expected.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let pieces = pieces::parse(text, false)?;
        let kind = match &*pieces {
            [Piece::Literal(literal)] => Kind::Plain(Room::from(&**literal), pieces),
            _ => Kind::Made(pieces),
        };
        Ok(Self { text: text.into(), kind })
    }

    /// The same for a room that is joined before there is any event.
    ///
    /// # Errors
    /// What was expected.
    pub fn parse_at_connect(text: &str) -> Result<Self, &'static str> {
        let template = Self::parse(text)?;
        if template.paths().any(Path::is_of_event) { Err(WITHOUT_ARGUMENTS) } else { Ok(template) }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The room that it always is, if it has no values.
    pub fn plain(&self) -> Option<&Room> {
        match &self.kind {
            Kind::Plain(room, _) => Some(room),
            Kind::Made(_) => None,
        }
    }

    /// The values that it is made of.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.pieces().iter().filter_map(Piece::path)
    }

    pub(crate) fn reads_claims(&self) -> bool {
        self.paths().any(Path::is_of_claims)
    }

    pub(crate) fn pieces(&self) -> &[Piece] {
        match &self.kind {
            Kind::Plain(_, pieces) | Kind::Made(pieces) => pieces,
        }
    }

    /// The room that the values make, or why one of them is none.
    pub(crate) fn room(&self, sources: &Sources<'_>) -> Result<Room, Lack> {
        match &self.kind {
            Kind::Plain(room, _) => Ok(room.clone()),
            Kind::Made(pieces) => pieces::render(pieces, sources, "").map(Room::from),
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

pub(super) const WITHOUT_ARGUMENTS: &str =
    "a room without `args`: there is no event whose arguments it could be made of";
