//! Names of events and namespaces, as rules may use them.
//!
//! Clients may use others (an event named `""` is legal on the wire); these are the ones a rule can be about.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};

use socketio_codec::{Limits, Namespace, RawName};

/// An event's name: not empty, not reserved by Socket.IO, and not `*`.
#[derive(Debug, Clone)]
pub struct EventName {
    text: Box<str>,
    /// The same as it stands in a packet, made once for all packets.
    wire: socketio_codec::EventName,
}

impl EventName {
    /// Takes a name, or says what was expected.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match (text, socketio_codec::EventName::new(text)) {
            ("", _) => Err("an event name"),
            ("*", _) => Err("the name of one event, not `*`"),
            (_, Err(_)) => Err(NOT_RESERVED),
            (_, Ok(wire)) => Ok(Self { text: text.into(), wire }),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name as it stands in a packet.
    pub fn raw(&self) -> RawName<'_> {
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

/// Takes the name of a namespace that clients can join, or says what was expected.
///
/// Less than every [`Namespace`]: old clients wrote a query behind a name, so that none can have a `?`, and the decoder
/// refuses packets for names that are longer than [`Limits::namespace_len_max`].
///
/// # Errors
/// What was expected.
pub fn parse_namespace(text: &str) -> Result<Namespace, &'static str> {
    if text.len() > Limits::default().namespace_len_max {
        return Err("a name of at most 256 bytes");
    }
    let name = Namespace::try_from(text).ok().filter(|name| !name.as_str().contains('?'));
    name.ok_or("a name that starts with `/` and has no `,`, `?` or control character")
}

const NOT_RESERVED: &str = "a name that Socket.IO does not reserve (connect, connect_error, disconnect, \
     disconnecting, newListener, removeListener)";

#[cfg(test)]
mod tests {
    use socketio_codec::RESERVED_NAMES;

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
        for name in ["/", "/chat", "/a/b", "/ünïcode 💥"] {
            assert_eq!(parse_namespace(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn a_namespace_that_no_packet_can_name_is_refused() {
        for name in ["", "chat", "/a,b", "/a?b", "/a\nb", "/\u{1e}", "/\u{7f}"] {
            assert!(parse_namespace(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_namespace_is_taken_exactly_if_the_decoder_takes_a_packet_for_it() {
        for length in 250..262 {
            let name = format!("/{}", "x".repeat(length - 1));
            let connect = socketio_codec::Text::from(format!("0{name},"));
            let decoded = socketio_codec::Decoder::new(Limits::default()).handle_text(connect);
            assert_eq!(parse_namespace(&name).is_ok(), decoded.is_ok(), "{length} bytes");
        }
        assert!(
            parse_namespace(&"/".repeat(257)).unwrap_err().contains(&Limits::default().namespace_len_max.to_string())
        );
    }
}
