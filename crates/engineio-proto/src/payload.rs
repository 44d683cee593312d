//! The body of a polling request: packets joined by `0x1e`.

use bytes::{Buf, Bytes};

use crate::packet::{DecodeError, Packet};
use crate::utf8::Utf8;

/// The packets of a polling payload (Engine.IO v4, section "HTTP long-polling"), in their order.
///
/// After an error there is nothing more: the reference too drops the rest of such a payload.
///
/// ```
/// use bytes::Bytes;
/// use engineio_proto::{Packet, Payload};
///
/// let mut payload = Payload::new(Bytes::from("2\x1e6"));
/// assert_eq!(payload.next(), Some(Ok(Packet::Ping(Bytes::new()))));
/// assert_eq!(payload.next(), Some(Ok(Packet::Noop)));
/// assert_eq!(payload.next(), None);
/// ```
#[derive(Debug, Clone)]
pub struct Payload {
    /// `None` once the last packet, or an error, was given out. An empty rest is an empty packet.
    rest: Option<Bytes>,
    is_utf8: bool,
}

impl Payload {
    /// The packets of `body`. An empty body is one empty packet, hence an error.
    pub fn new(body: Bytes) -> Self {
        let is_utf8 = std::str::from_utf8(&body).is_ok();
        Self { rest: Some(body), is_utf8 }
    }
}

impl Iterator for Payload {
    type Item = Result<Packet, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut rest = self.rest.take()?;
        if !self.is_utf8 {
            return Some(Err(DecodeError::NotUtf8));
        }
        let packet = match memchr::memchr(SEPARATOR, &rest) {
            Some(end) => {
                let packet = rest.split_to(end);
                rest.advance(1);
                self.rest = Some(rest);
                packet
            }
            None => rest,
        };
        // Cutting UTF-8 at an ASCII byte leaves UTF-8 on both sides.
        let decoded = Packet::decode_text(&Utf8::from_checked(packet));
        if decoded.is_err() {
            self.rest = None;
        }
        Some(decoded)
    }
}

/// The ASCII record separator.
pub(crate) const SEPARATOR: u8 = 0x1e;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Message;

    fn decode(body: &'static [u8]) -> Vec<Result<Packet, DecodeError>> {
        Payload::new(Bytes::from_static(body)).collect()
    }

    fn text(data: &'static str) -> Result<Packet, DecodeError> {
        Ok(Packet::Message(Message::Text(data.into())))
    }

    #[test]
    fn packets_come_in_their_order() {
        let binary = Ok(Packet::Message(Message::Binary(Bytes::from_static(&[1, 2]))));
        assert_eq!(decode("4a\x1ebAQI=\x1e4é\x1e1".as_bytes()), [text("a"), binary, text("é"), Ok(Packet::Close)]);
    }

    #[test]
    fn an_error_is_the_last_thing_said() {
        assert_eq!(decode(b"4a\x1e\x1e4b"), [text("a"), Err(DecodeError::Empty)]);
        assert_eq!(decode(b"4a\x1e"), [text("a"), Err(DecodeError::Empty)]);
        assert_eq!(decode(b"9\x1e4b"), [Err(DecodeError::UnknownType(b'9'))]);
        assert_eq!(decode(b""), [Err(DecodeError::Empty)]);
    }

    #[test]
    fn one_byte_that_is_not_utf8_spoils_the_whole_body() {
        assert_eq!(decode(b"4a\x1e4\xff"), [Err(DecodeError::NotUtf8)]);
    }

    #[test]
    fn every_prefix_ends_without_a_panic() {
        let whole = "4äöü€😀\x1ebAQIDBA==\x1e2probe\x1e4[1,2]".as_bytes();
        for end in 0..=whole.len() {
            assert!(Payload::new(Bytes::copy_from_slice(&whole[..end])).count() <= 4);
        }
    }
}
