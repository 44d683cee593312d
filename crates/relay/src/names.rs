//! Names of events, rooms and namespaces, as a configuration may use them.
//!
//! Clients may use others (an event named `""` is legal on the wire); these are the ones a rule can be about.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};

use socketio::Room;
use socketio::codec::RawName;

/// An event's name: not empty, not reserved by Socket.IO, and not `*`.
#[derive(Debug, Clone)]
pub(crate) struct EventName {
    text: Box<str>,
    /// The same as it stands in a packet, made once for all packets.
    wire: socketio::codec::EventName,
}

impl EventName {
    /// Takes a name, or says what was expected.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        match (text, socketio::codec::EventName::new(text)) {
            ("", _) => Err("an event name"),
            ("*", _) => Err("the name of one event, not `*`"),
            (_, Err(_)) => Err(NOT_RESERVED),
            (_, Ok(wire)) => Ok(Self { text: text.into(), wire }),
        }
    }

    /// The name.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The name as it stands in a packet.
    pub(crate) fn raw(&self) -> RawName<'_> {
        self.wire.raw()
    }
}

// The text alone: the other field follows from it, and a map is asked by `&str`.
impl PartialEq for EventName {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for EventName {}

impl Hash for EventName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

// So that a map of rules is asked with the `&str` of an incoming packet.
impl Borrow<str> for EventName {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

/// A room's name: not empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RoomName(Room);

impl RoomName {
    /// Takes a name, or says what was expected.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() { Err("the name of a room") } else { Ok(Self(text.into())) }
    }

    /// The name.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The room as the hub knows it.
    pub(crate) fn room(&self) -> Room {
        self.0.clone()
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A namespace's name: begins with `/`, and has no `,` or `?` (on the wire the one ends a name and the other
/// begins a query).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NamespaceName(Box<str>);

impl NamespaceName {
    /// The namespace `/`, where every client is that names none.
    pub(crate) fn root() -> Self {
        Self("/".into())
    }

    /// Takes a name, or says what was expected.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.starts_with('/') && !text.contains([',', '?']) {
            Ok(Self(text.into()))
        } else {
            Err("a name that starts with `/` and has no `,` or `?`")
        }
    }

    /// The name as it stands on the wire.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NamespaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

const NOT_RESERVED: &str = "a name that Socket.IO does not reserve (connect, connect_error, disconnect, \
     disconnecting, newListener, removeListener)";

#[cfg(test)]
mod tests {
    use socketio::codec::RESERVED_NAMES;

    use super::*;

    #[test]
    fn the_message_about_reserved_names_lists_them_all() {
        for name in RESERVED_NAMES {
            assert_eq!(EventName::parse(name), Err(NOT_RESERVED));
            assert!(NOT_RESERVED.contains(name), "{name}");
        }
    }

    #[test]
    fn unusual_but_legal_names_are_taken() {
        for name in ["error", "database-change", "ünïcode 💥", "1", "a=b@c,d"] {
            assert_eq!(EventName::parse(name).unwrap().as_str(), name);
        }
        for name in ["/", "/chat", "/a/b"] {
            assert_eq!(NamespaceName::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn a_namespace_that_no_packet_can_name_is_refused() {
        for name in ["", "chat", "/a,b", "/a?b"] {
            assert!(NamespaceName::parse(name).is_err(), "{name}");
        }
    }
}
