//! Any bytes as the body of a polling request, plain and as a JSONP form.

use bytes::Bytes;
use engineio_proto::{DecodeError, Outbox, Packet, Payload, jsonp};

use crate::engineio_packet;
use crate::engineio_request::jsonp_index;

/// A body is its pieces between record separators, each decoded alone, up to the first that is wrong; what is
/// accepted survives being queued and fetched, and JSONP in both directions.
pub fn check(data: &[u8]) {
    let body = Bytes::copy_from_slice(data);
    let decoded: Vec<_> = Payload::new(body).collect();
    assert_eq!(decoded, piece_by_piece(data));
    let packets: Vec<Packet> = decoded.into_iter().filter_map(Result::ok).collect();
    fetched_again(&packets);
    // Whatever a form holds, it grows by nothing.
    if let Some(payload) = jsonp::decode(data) {
        assert!(payload.len() < data.len());
        let _ = Payload::new(payload).count();
    }
    if let Ok(text) = std::str::from_utf8(data) {
        a_script_says_the_payload(text);
        a_form_says_the_payload(text);
    }
}

fn piece_by_piece(body: &[u8]) -> Vec<Result<Packet, DecodeError>> {
    if std::str::from_utf8(body).is_err() {
        return vec![Err(DecodeError::NotUtf8)];
    }
    let mut packets = Vec::new();
    for piece in body.split(|byte| *byte == 0x1e) {
        let packet = Packet::decode(&Bytes::copy_from_slice(piece));
        let is_wrong = packet.is_err();
        packets.push(packet);
        if is_wrong {
            break;
        }
    }
    packets
}

fn fetched_again(packets: &[Packet]) {
    let mut outbox = Outbox::default();
    for packet in packets {
        outbox.push(engineio_packet::encode(packet), usize::MAX).expect("nothing is more than that");
    }
    let payload = outbox.take(usize::MAX).into_chunk();
    assert_eq!(payload.bytes().is_empty(), packets.is_empty());
    let fetched: Vec<Packet> = match packets {
        [] => Vec::new(),
        _ => Payload::new(payload.bytes().clone()).map(|packet| packet.expect("it is our own")).collect(),
    };
    assert_eq!(fetched, packets);
}

fn a_script_says_the_payload(payload: &str) {
    let script = jsonp::encode(jsonp_index("12"), payload);
    let script = std::str::from_utf8(&script).expect("it was made of text");
    let literal = script.strip_prefix("___eio[12](").and_then(|rest| rest.strip_suffix(");")).expect("it is a call");
    let has_line_end = literal.contains(['\n', '\r', '\u{2028}', '\u{2029}']);
    assert!(!has_line_end, "a line end in a literal breaks the script");
    assert_eq!(serde_json::from_str::<String>(literal).expect("a JSON string is a JavaScript string"), payload);
}

/// As the reference client writes its form.
fn a_form_says_the_payload(payload: &str) {
    // The one text for which the client's own escape is ambiguous.
    if payload.contains("\\\n") {
        return;
    }
    let escaped = payload.replace("\\n", "\\\n").replace('\n', "\\n");
    let mut form = String::from("t=abc&d=");
    for byte in escaped.bytes() {
        match byte {
            b' ' => form.push('+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => form.push(byte.into()),
            other => form.push_str(&format!("%{other:02X}")),
        }
    }
    assert_eq!(jsonp::decode(form.as_bytes()).as_deref(), Some(payload.as_bytes()));
}
