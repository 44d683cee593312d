//! In which form packets are on the wire.

/// The form of packets: what the reference calls a server's `parser`. Every client of a server has to use the same one;
/// nothing on the wire says which.
///
/// Inside there is one form, that of JSON with attachments: what comes in the other is turned into it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Parser {
    /// That of the protocol: JSON text, and binary messages behind it. What clients use unless they say otherwise.
    #[default]
    Json,
    /// That of `socket.io-msgpack-parser`: one binary message a packet (see [`socketio_codec::msgpack`]). What JSON has no
    /// form for becomes what `JSON.stringify` makes of it: dates text, `undefined` and infinite numbers `null`.
    Msgpack,
}
