//! Any bytes as a packet of `socket.io-msgpack-parser`.

use serde_json::value::RawValue;
use socketio_codec::{Limits, msgpack};

use bytes::Bytes;

/// What is accepted is MessagePack for another reader too, is written and read again as the same, is no longer
/// accepted when it is cut off anywhere or goes on, and means the same after a way through JSON and back.
pub fn check(data: &[u8]) {
    let limits = Limits::default();
    let packet = match msgpack::decode(Bytes::copy_from_slice(data), &limits) {
        Ok(packet) => packet,
        Err(error) => {
            assert!(error.offset() <= data.len());
            return;
        }
    };
    let mut rest = data;
    let value = rmpv::decode::read_value(&mut rest).expect("another reader reads it");
    assert!(value.is_map() && rest.is_empty());
    assert!(!has_proto(&value), "a receiver would change a prototype by it");
    is_cut_off_nowhere(data, &limits);

    let written = msgpack::PacketRef::from(&packet);
    let frame = written.to_bytes();
    assert_eq!(frame.len(), written.encoded_len());
    let again = msgpack::decode(frame.clone(), &limits).expect("what we write can be read");
    assert_eq!(again, packet);
    assert_eq!(msgpack::PacketRef::from(&again).to_bytes(), frame);

    match &packet {
        msgpack::Packet::Event { event, .. } => survives_json(event.arguments()),
        msgpack::Packet::Ack { arguments, .. } => survives_json(arguments),
        msgpack::Packet::Connect { auth: Some(value), .. } | msgpack::Packet::ConnectError { error: value, .. } => {
            if let Ok(json) = value.to_json() {
                is_json(json.as_str());
                let again = msgpack::Value::from_json(&json).expect("no key became __proto__");
                assert_eq!(again.to_json(), Ok(json));
            }
        }
        msgpack::Packet::Connect { auth: None, .. } | msgpack::Packet::Disconnect { .. } => {}
    }
}

/// Whether any map in it has a key `__proto__`.
fn has_proto(value: &rmpv::Value) -> bool {
    match value {
        rmpv::Value::Array(values) => values.iter().any(has_proto),
        rmpv::Value::Map(members) => {
            members.iter().any(|(key, value)| key.as_str() == Some("__proto__") || has_proto(key) || has_proto(value))
        }
        _ => false,
    }
}

fn is_cut_off_nowhere(frame: &[u8], limits: &Limits) {
    let step = frame.len() / 256 + 1;
    for end in (0..frame.len()).step_by(step) {
        let cut = msgpack::decode(Bytes::copy_from_slice(&frame[..end]), limits);
        assert!(cut.is_err(), "accepted without its end from byte {end}");
    }
    let longer = [frame, &[0xc0]].concat();
    assert!(msgpack::decode(longer.into(), limits).is_err());
}

fn survives_json(values: &msgpack::Values) {
    assert_eq!(values.iter().count(), values.len());
    // Some maps and keys JSON has no form for.
    let Ok(arguments) = values.to_json() else { return };
    assert_eq!(arguments.len(), values.len());
    arguments.iter().for_each(is_json);
    let converted = msgpack::Values::from_json(&arguments).expect("no key became __proto__");
    assert_eq!(converted.len(), values.len());
    let again = converted.to_json().expect("it came from JSON");
    assert_eq!(again, arguments);
}

fn is_json(text: &str) {
    serde_json::from_str::<&RawValue>(text).expect("it is JSON");
}
