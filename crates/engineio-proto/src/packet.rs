//! Engine.IO packets, one at a time.

use std::fmt;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;

use crate::utf8::Utf8;

/// What a message carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Text, without the packet's type digit.
    Text(Utf8),
    /// A binary message.
    Binary(Bytes),
}

/// One packet (Engine.IO v4, section "Packet encoding").
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// `0`, from the server at the handshake.
    Open(Bytes),
    /// `1`: this transport can be closed.
    Close,
    /// `2`, with `probe` during an upgrade.
    Ping(Bytes),
    /// `3`, the answer to a ping, with the same data.
    Pong(Bytes),
    /// `4`, or a binary message.
    Message(Message),
    /// `5`: the client changes over to the transport on which it says so.
    Upgrade,
    /// `6`: nothing, said to end a poll.
    Noop,
}

impl Packet {
    /// Reads one packet from the text of a WebSocket frame or of a piece of a payload.
    ///
    /// The data shares `text`'s buffer; only base64 is decoded into a new one.
    ///
    /// # Errors
    /// [`DecodeError`] if it is empty, not UTF-8, of an unknown type, or not base64 after a `b` (line ends in it are skipped).
    pub fn decode(text: &Bytes) -> Result<Self, DecodeError> {
        match Utf8::try_from(text.clone()) {
            Ok(text) => Self::decode_text(&text),
            Err(_) => Err(DecodeError::NotUtf8),
        }
    }

    /// [`Packet::decode`] for text that its transport has checked, such as that of a WebSocket frame.
    ///
    /// # Errors
    /// As there, but for text that is not UTF-8.
    pub fn decode_text(text: &Utf8) -> Result<Self, DecodeError> {
        let Some(&kind) = text.first() else {
            return Err(DecodeError::Empty);
        };
        let data = || text.clone().into_bytes().slice(1..);
        // The reference takes data behind types that have none, and ignores it. So do we.
        Ok(match kind {
            b'0' => Self::Open(data()),
            b'1' => Self::Close,
            b'2' => Self::Ping(data()),
            b'3' => Self::Pong(data()),
            b'4' => Self::Message(Message::Text(text.behind_type())),
            b'5' => Self::Upgrade,
            b'6' => Self::Noop,
            b'b' => Self::Message(Message::Binary(decode_base64(&text[1..])?)),
            _ => return Err(DecodeError::UnknownType(kind)),
        })
    }
}

/// The peer sent something that is no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// No bytes at all, not even a type.
    Empty,
    /// Text that is not UTF-8.
    NotUtf8,
    /// A first byte that names no packet type.
    UnknownType(u8),
    /// `b` with something else than base64 behind it.
    NotBase64,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("empty packet"),
            Self::NotUtf8 => f.write_str("text is not UTF-8"),
            Self::UnknownType(kind) => write!(f, "unknown packet type 0x{kind:02x}"),
            Self::NotBase64 => f.write_str("binary packet is not base64"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// The protocol says standard base64. Clients differ about the padding, so it is not asked for; Node would also take
/// base64url, and skip over characters that are no base64 at all, which we refuse: no client was seen to send either,
/// and half an attachment is worse than none.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn decode_base64(text: &[u8]) -> Result<Bytes, DecodeError> {
    // Looked for first, because a failed attempt has decoded half of it; where there is none, a look costs a fiftieth.
    let decoded = match memchr::memchr2(b'\r', b'\n', text) {
        None => BASE64.decode(text),
        Some(_) => BASE64.decode(without_line_ends(text)),
    };
    decoded.map(Bytes::from).map_err(|_| DecodeError::NotBase64)
}

/// MIME breaks base64 into lines of 76 letters, and so does Java's and Android's encoder unless it is told not to.
fn without_line_ends(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &'static [u8]) -> Result<Packet, DecodeError> {
        Packet::decode(&Bytes::from_static(text))
    }

    #[test]
    fn every_type_is_read() {
        let bytes = Bytes::from_static;
        for (text, packet) in [
            (&b"0{}"[..], Packet::Open(bytes(b"{}"))),
            (b"1", Packet::Close),
            (b"2", Packet::Ping(Bytes::new())),
            (b"2probe", Packet::Ping(bytes(b"probe"))),
            (b"3", Packet::Pong(Bytes::new())),
            (b"3probe", Packet::Pong(bytes(b"probe"))),
            (b"4", Packet::Message(Message::Text("".into()))),
            (b"42[\"\xc3\xa9\"]", Packet::Message(Message::Text("2[\"é\"]".into()))),
            (b"5", Packet::Upgrade),
            (b"6", Packet::Noop),
            (b"bAQIDBA==", Packet::Message(Message::Binary(bytes(&[1, 2, 3, 4])))),
            (b"bAQIDBA", Packet::Message(Message::Binary(bytes(&[1, 2, 3, 4])))),
            (b"bAQID\r\nBA==\r\n", Packet::Message(Message::Binary(bytes(&[1, 2, 3, 4])))),
            (b"b\nA\nQIDB\rA=\n=", Packet::Message(Message::Binary(bytes(&[1, 2, 3, 4])))),
            (b"b\n", Packet::Message(Message::Binary(Bytes::new()))),
            (b"b", Packet::Message(Message::Binary(Bytes::new()))),
        ] {
            assert_eq!(decode(text), Ok(packet), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_packet_is_refused_with_its_reason() {
        for (text, error) in [
            (&b""[..], DecodeError::Empty),
            (b"7", DecodeError::UnknownType(b'7')),
            (b"x", DecodeError::UnknownType(b'x')),
            (b"\xc3\xa9", DecodeError::UnknownType(0xc3)),
            (b"4\xff", DecodeError::NotUtf8),
            (b"b!!!!", DecodeError::NotBase64),
            (b"bAQ ID", DecodeError::NotBase64),
            (b"b\tAQID\n", DecodeError::NotBase64),
            (b"b_-8=", DecodeError::NotBase64),
            (b"bA", DecodeError::NotBase64),
        ] {
            assert_eq!(decode(text), Err(error), "{text:?}");
        }
    }
}
