//! Any bytes as one Engine.IO packet.

use bytes::Bytes;
use engineio_proto::{DecodeError, Encoded, Message, Packet, Utf8};

/// A packet is accepted exactly when its type is known and its data fits it; it keeps its data; and what is accepted
/// is read again as the same when it is written.
pub fn check(data: &[u8]) {
    let text = Bytes::copy_from_slice(data);
    let decoded = Packet::decode(&text);
    let Ok(text) = Utf8::try_from(text) else {
        assert!(std::str::from_utf8(data).is_err());
        return assert_eq!(decoded, Err(DecodeError::NotUtf8));
    };
    assert_eq!(decoded, Packet::decode_text(&text));
    match &decoded {
        Err(DecodeError::Empty) => assert!(data.is_empty()),
        Err(DecodeError::UnknownType(kind)) => {
            assert_eq!(data.first(), Some(kind));
            assert!(!b"0123456b".contains(kind));
        }
        Err(DecodeError::NotBase64) => {
            assert_eq!(data[0], b'b');
            assert!(!is_canonical_base64(&without_line_ends(&data[1..])));
        }
        Err(other) => panic!("{other} for UTF-8"),
        Ok(Packet::Open(rest)) => assert_eq!((data[0], &rest[..]), (b'0', &data[1..])),
        Ok(Packet::Ping(rest)) => assert_eq!((data[0], &rest[..]), (b'2', &data[1..])),
        Ok(Packet::Pong(rest)) => assert_eq!((data[0], &rest[..]), (b'3', &data[1..])),
        Ok(Packet::Message(Message::Text(rest))) => assert_eq!((data[0], &rest[..]), (b'4', &data[1..])),
        Ok(Packet::Message(Message::Binary(bytes))) => {
            assert_is_base64_of(&without_line_ends(&data[1..]), bytes);
        }
        Ok(Packet::Close) => assert_eq!(data[0], b'1'),
        Ok(Packet::Upgrade) => assert_eq!(data[0], b'5'),
        Ok(Packet::Noop) => assert_eq!(data[0], b'6'),
    }
    if let Ok(packet) = decoded {
        assert_eq!(Packet::decode(encode(&packet).polling()), Ok(packet));
    }
}

/// The packet as we send it.
pub(crate) fn encode(packet: &Packet) -> Encoded {
    let text = |kind: char, data: &Bytes| format!("{kind}{}", std::str::from_utf8(data).expect("it was decoded"));
    match packet {
        Packet::Open(data) => Encoded::packet(&text('0', data)),
        Packet::Close => Encoded::packet("1"),
        Packet::Ping(data) => Encoded::packet(&text('2', data)),
        Packet::Pong(data) => Encoded::packet(&text('3', data)),
        Packet::Message(Message::Text(data)) => Encoded::text(std::str::from_utf8(data).expect("it was decoded")),
        Packet::Message(Message::Binary(data)) => Encoded::binary(data),
        Packet::Upgrade => Encoded::packet("5"),
        Packet::Noop => Encoded::packet("6"),
    }
}

/// Bit by bit: slow, and written without looking at the decoder.
fn assert_is_base64_of(text: &[u8], bytes: &[u8]) {
    let text = unpadded(text);
    let bits: Vec<bool> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect();
    assert_eq!(text.len(), bits.len().div_ceil(6));
    for (place, character) in text.iter().enumerate() {
        let value = ALPHABET.iter().position(|known| known == character).expect("accepted, so in the alphabet");
        for bit in 0..6 {
            let expected = bits.get(6 * place + bit).copied().unwrap_or(false);
            assert_eq!(value >> (5 - bit) & 1 == 1, expected);
        }
    }
}

/// Encoders that break lines are understood too.
fn without_line_ends(text: &[u8]) -> Vec<u8> {
    text.split(|byte| matches!(byte, b'\r' | b'\n')).flatten().copied().collect()
}

/// Whether this is what an encoder writes, with its padding or without any.
fn is_canonical_base64(text: &[u8]) -> bool {
    let bare = unpadded(text);
    let value = |character: &u8| ALPHABET.iter().position(|known| known == character);
    let padding = text.len() - bare.len();
    let is_padded_well = padding == 0 || (padding < 3 && text.len().is_multiple_of(4));
    let spare_bits = match bare.len() % 4 {
        0 => 0,
        2 => 4,
        3 => 2,
        _ => return false,
    };
    let last = bare.last().and_then(value).unwrap_or(0);
    is_padded_well && bare.iter().all(|character| value(character).is_some()) && last.is_multiple_of(1 << spare_bits)
}

fn unpadded(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    &text[..end]
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
