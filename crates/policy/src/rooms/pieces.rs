//! Literal text and places for values.

use crate::values::{Lack, Path, Sources};

/// A part of a template or pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Piece {
    /// Stands there as it is.
    Literal(Box<str>),
    /// The escaped value of a path.
    Value(Path),
    /// `*`: an escaped value that a client chooses.
    Any,
}

impl Piece {
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Value(path) => Some(path),
            Self::Literal(_) | Self::Any => None,
        }
    }
}

/// Takes a text with `{path}` for values, or says what was expected. Where there are values, no name can be read in two
/// ways, and none is a socket's.
pub(crate) fn parse(text: &str, has_any: bool) -> Result<Box<[Piece]>, &'static str> {
    let pieces = split(text, has_any)?;
    let count = pieces.iter().filter(|piece| !matches!(piece, Piece::Literal(_))).count();
    if count == 0 {
        return Ok(pieces.into());
    }
    if text.len() > TEXT_BYTES_MAX || count > VALUES_MAX {
        return Err("a room of at most 1024 bytes and 8 values");
    }
    // An id has 20 of `A-Za-z0-9_-`: with any other byte in front, a name is no socket's own room.
    if !matches!(&pieces[0], Piece::Literal(literal) if literal.bytes().any(|byte| byte == b'.' || !is_plain(byte))) {
        return Err("a room that begins with a text with one of `:/.#` or the like in it, such as `account:`");
    }
    let mut since_value = Some(());
    for piece in &pieces {
        since_value = match piece {
            Piece::Literal(literal) if literal.bytes().any(|byte| byte != b'%' && !is_plain(byte)) => Some(()),
            Piece::Literal(_) => since_value,
            Piece::Value(_) | Piece::Any if since_value.is_none() => {
                return Err("one of `:/#` or the like between two values, which could not be told apart otherwise");
            }
            Piece::Value(_) | Piece::Any => None,
        };
    }
    Ok(pieces.into())
}

fn split(text: &str, has_any: bool) -> Result<Vec<Piece>, &'static str> {
    let (mut pieces, mut literal) = (Vec::new(), String::new());
    let mut rest = text;
    let end = |literal: &mut String, pieces: &mut Vec<Piece>| {
        if !literal.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(literal).into()));
        }
    };
    while let Some(character) = rest.chars().next() {
        let behind = &rest[character.len_utf8()..];
        rest = match character {
            '{' | '}' if behind.starts_with(character) => {
                literal.push(character);
                &behind[1..]
            }
            '}' => return Err("`}}` for a brace that is meant as one"),
            '{' => {
                let (path, behind) = behind.split_once('}').ok_or("`}` behind a path, or `{{` for a brace")?;
                end(&mut literal, &mut pieces);
                pieces.push(Piece::Value(Path::parse(path)?));
                behind
            }
            '*' if has_any && behind.is_empty() => {
                end(&mut literal, &mut pieces);
                pieces.push(Piece::Any);
                behind
            }
            '*' if has_any => return Err("one `*`, at the end"),
            _ => {
                literal.push(character);
                behind
            }
        };
    }
    end(&mut literal, &mut pieces);
    if pieces.is_empty() { Err("the name of a room") } else { Ok(pieces) }
}

/// The name that the values make, or why one of them is none.
pub(crate) fn render(pieces: &[Piece], sources: &Sources<'_>, any: &str) -> Result<String, Lack> {
    let mut name = String::new();
    for piece in pieces {
        match piece {
            Piece::Literal(literal) => name.push_str(literal),
            Piece::Value(path) => escape(&sources.value(path)?, &mut name),
            Piece::Any => escape(any, &mut name),
        }
    }
    Ok(name)
}

/// Appends a value, of which every byte but letters, digits and `_.-` becomes `%XX`: another text for each value, and
/// never with anything in it that ends a value.
pub(crate) fn escape(value: &str, name: &mut String) {
    for byte in value.bytes() {
        if is_plain(byte) {
            name.push(char::from(byte));
        } else {
            name.push('%');
            name.extend([byte >> 4, byte & 15].map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])));
        }
    }
}

/// Whether a room could have this name, whatever an event had in it that made it.
pub(crate) fn could_make(pieces: &[Piece], name: &str, sources: &Sources<'_>) -> bool {
    let Some((piece, rest)) = pieces.split_first() else { return name.is_empty() };
    let follows = |name: Option<&str>| name.is_some_and(|name| could_make(rest, name, sources));
    match piece {
        Piece::Literal(literal) => follows(name.strip_prefix(&**literal)),
        Piece::Value(path) if !path.is_of_event() => {
            let value = render(std::slice::from_ref(piece), sources, "");
            value.is_ok_and(|value| follows(name.strip_prefix(&*value)))
        }
        // Between two values stands a byte that is in none, so this is not tried again and again in one another.
        Piece::Value(_) | Piece::Any => {
            let most = name.bytes().take_while(|byte| is_of_value(*byte)).count();
            (1..=most).rev().any(|end| follows(name.get(end..)))
        }
    }
}

/// Whether a byte can be in an escaped value.
pub(crate) fn is_of_value(byte: u8) -> bool {
    byte == b'%' || is_plain(byte)
}

/// Whether a byte of a value stays as it is.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_.-".contains(&byte)
}

/// A room's name is kept by everyone in it.
const TEXT_BYTES_MAX: usize = 1024;
const VALUES_MAX: usize = 8;
