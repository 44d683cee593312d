//! The rooms that clients may name themselves.

use std::fmt;

use hub::Room;

use super::pieces::{self, Piece};
use super::template::WITHOUT_ARGUMENTS;
use crate::values::{Path, Sources, VALUE_BYTES_MAX};

/// Rooms that a client may join by their names: like a [`Template`](crate::Template), and `*` at the end stands for a
/// value of the client's choice.
///
/// The client names the room as it means it, with its values as they are; the room is made of the escaped ones.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    text: Box<str>,
    pieces: Box<[Piece]>,
}

impl Pattern {
    /// Takes a pattern, or says what was expected.
    ///
    /// # Errors
    /// What was expected.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let pieces = pieces::parse(text, true)?;
        if pieces.iter().filter_map(Piece::path).any(Path::is_of_event) {
            return Err(WITHOUT_ARGUMENTS);
        }
        Ok(Self { text: text.into(), pieces })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The values that it is made of.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.pieces.iter().filter_map(Piece::path)
    }

    pub(crate) fn reads_claims(&self) -> bool {
        self.paths().any(Path::is_of_claims)
    }

    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The room that a client means by `name`, if it is one of these.
    pub(crate) fn room(&self, name: &str, sources: &Sources<'_>) -> Option<Room> {
        let mut rest = name;
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) => rest = rest.strip_prefix(&**literal)?,
                Piece::Value(path) => rest = rest.strip_prefix(&*sources.value(path).ok()?)?,
                Piece::Any if !(1..=VALUE_BYTES_MAX).contains(&rest.len()) => return None,
                Piece::Any => return pieces::render(&self.pieces, sources, rest).ok().map(Room::from),
            }
        }
        if rest.is_empty() { pieces::render(&self.pieces, sources, "").ok().map(Room::from) } else { None }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}
