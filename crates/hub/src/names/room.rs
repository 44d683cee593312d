//! The name of a room.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::socket_id::SocketId;

/// The name of a room; cloning it copies no text.
///
/// Rooms belong to a namespace: `news` in `/` and `news` in `/admin` are two rooms. A room exists while a socket is
/// in it. Each socket is in one more room for itself, whose name is its [`SocketId`]; that one is
/// implied, takes no memory, and cannot be left.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Room(Arc<str>);

impl Room {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it keeps in memory, as far as it is nobody else's.
    pub(crate) fn weight(&self) -> usize {
        size_of::<Self>() + self.0.len()
    }
}

impl From<&str> for Room {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl From<String> for Room {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

/// The socket's own room.
impl From<SocketId> for Room {
    fn from(socket: SocketId) -> Self {
        socket.as_str().into()
    }
}

// Looked up by `&str`: the derived `Hash` and `Eq` are those of the text.
impl Borrow<str> for Room {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// As text.
impl Serialize for Room {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}
