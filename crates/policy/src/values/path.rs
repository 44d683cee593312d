//! The name of a value.

use std::fmt;

/// Where a value comes from: `claims.a.b`, `args.N.a.b`, `socket.id` or `handshake.query.x`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Path {
    /// In the claims of the client.
    Claims(Keys),
    /// In an argument of the event, counted from 0; without keys the argument itself.
    Argument(usize, Keys),
    /// The client's own socket.
    SocketId,
    /// In the query of the client's handshake.
    Query(Box<str>),
}

impl Path {
    /// Takes a path, or says what was expected.
    ///
    /// # Errors
    /// What was expected.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text.split_once('.') {
            Some(("claims", keys)) => Ok(Self::Claims(Keys::parse(keys)?)),
            Some(("args", rest)) => {
                let (number, keys) = rest.split_once('.').map_or((rest, None), |(number, keys)| (number, Some(keys)));
                if !is_index(number) {
                    return Err(EXPECTED);
                }
                let number = index(number).filter(|number| *number < ARGUMENTS_MAX).ok_or(FEWER_ARGUMENTS)?;
                Ok(Self::Argument(number, keys.map_or(Ok(Keys::default()), Keys::parse)?))
            }
            Some(("socket", "id")) => Ok(Self::SocketId),
            Some(("handshake", rest)) => match rest.strip_prefix("query.") {
                Some(name) if is_key(name) => Ok(Self::Query(name.into())),
                _ => Err(EXPECTED),
            },
            _ => Err(EXPECTED),
        }
    }

    /// Whether it is in the claims.
    pub(crate) fn is_of_claims(&self) -> bool {
        matches!(self, Self::Claims(_))
    }

    /// Whether it is in an event.
    pub(crate) fn is_of_event(&self) -> bool {
        matches!(self, Self::Argument(..))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = match self {
            Self::Claims(keys) => f.write_str("claims").map(|()| keys)?,
            Self::Argument(number, keys) => write!(f, "args.{number}").map(|()| keys)?,
            Self::SocketId => return f.write_str("socket.id"),
            Self::Query(name) => return write!(f, "handshake.query.{name}"),
        };
        keys.as_slice().iter().try_for_each(|key| write!(f, ".{key}"))
    }
}

/// The way into a JSON value: the names of members, and the numbers of elements.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Keys(Box<[Box<str>]>);

impl Keys {
    /// Takes at least one key, with dots between them, or says what was expected.
    ///
    /// # Errors
    /// What was expected.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let keys: Box<[Box<str>]> = text.split('.').map(Into::into).collect();
        match keys.iter().all(|key| is_key(key)) {
            true if keys.len() <= KEYS_MAX => Ok(Self(keys)),
            true => Err(FEWER_KEYS),
            false => Err(EXPECTED),
        }
    }

    pub(crate) fn as_slice(&self) -> &[Box<str>] {
        &self.0
    }
}

/// A number as an element of a list is named: in one way only.
pub(crate) fn index(text: &str) -> Option<usize> {
    if is_index(text) { text.parse().ok() } else { None }
}

fn is_index(text: &str) -> bool {
    let is_digits = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    is_digits && (text == "0" || !text.starts_with('0'))
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && !text.contains(['.', '{', '}'])
}

const EXPECTED: &str = "claims.NAME, args.NUMBER, args.NUMBER.NAME, socket.id or handshake.query.NAME in braces";

const FEWER_ARGUMENTS: &str = "args.NUMBER with a number from 0 to 9999, as an event has at most 10000 arguments";

const FEWER_KEYS: &str = "at most 16 names behind one another, with dots between them";

/// As many as an event may have: [`socketio_codec::Limits::arguments_max`].
const ARGUMENTS_MAX: usize = 10_000;

/// Nobody nests deeper what names a room.
const KEYS_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_shown_as_it_is_written() {
        for text in
            ["claims.sub", "claims.a.b", "args.0", "args.12.list.2", "socket.id", "handshake.query.room", "claims.é $"]
        {
            assert_eq!(Path::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn anything_else_is_no_path() {
        for text in [
            "",
            "claims",
            "claims.",
            "claims..a",
            "claims.a.",
            "args",
            "args.x",
            "args.01",
            "args.+1",
            "args.0.",
            "socket",
            "socket.id.x",
            "handshake.query",
            "handshake.query.",
            "handshake.query.a.b",
            "handshake.headers.cookie",
            "env.HOME",
        ] {
            assert_eq!(Path::parse(text), Err(EXPECTED), "{text}");
        }
        for (text, expected) in [
            ("args.10000", FEWER_ARGUMENTS),
            ("args.10000.a", FEWER_ARGUMENTS),
            ("args.99999999999999999999999", FEWER_ARGUMENTS),
            (&format!("claims{}", ".a".repeat(17)), FEWER_KEYS),
            (&format!("args.0{}", ".a".repeat(17)), FEWER_KEYS),
        ] {
            assert_eq!(Path::parse(text), Err(expected), "{text}");
        }
        assert!(Path::parse(&format!("claims{}", ".a".repeat(16))).is_ok() && Path::parse("args.9999").is_ok());
    }
}
