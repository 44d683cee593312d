//! The codec beside `socketioxide-parser-common`, `socketioxide-parser-msgpack`, and a plain `serde_json::Value`.
//!
//! ```text
//! cargo bench --manifest-path crates/socketio-codec/bench/Cargo.toml [-- FILTER]
//! ```
//!
//! Of what a line is compared with, the first line of its table is the measure. Everybody gets the frame as it comes
//! from the transport: text that was checked to be UTF-8, in a shared buffer.

mod side_by_side;

use bytes::{BufMut, Bytes};
use serde_json::value::RawValue;
use socketio_codec::{Arguments, Attachment, Decoder, EventName, Limits, Namespace, Packet, PacketRef, Text, msgpack};
use socketioxide_core::Str;
use socketioxide_core::packet::{Packet as TheirPacket, PacketData};
use socketioxide_core::parser::{Parse, ParseConfig, ParserState};
use socketioxide_parser_common::CommonParser;
use socketioxide_parser_msgpack::MsgPackParser;

use side_by_side::{Bench, Contender};

const SIZES: [(usize, &str); 4] = [(128, "128 B"), (1024, "1 KiB"), (16 * 1024, "16 KiB"), (256 * 1024, "256 KiB")];

fn main() {
    let bench = Bench::from_args();
    for (kind, arguments) in KINDS {
        for (size, label) in SIZES {
            let frame = format!("2[\"update\"{}]", arguments(size));
            decode(&bench, &format!("decode {kind} {label}"), &frame);
            relay(&bench, &format!("relay {kind} {label}"), &frame);
            encode(&bench, &format!("encode {kind} {label}"), &frame);
            decode_msgpack(&bench, &format!("msgpack decode {kind} {label}"), &frame);
        }
    }
    for (size, label) in SIZES {
        let data = Bytes::from(vec![7; size]);
        decode_attachments(&bench, &format!("decode 3 attachments of {label}"), &data);
        encode_attachments(&bench, &format!("encode 3 attachments of {label}"), &data);
    }
}

/// What is sent: arguments of about so many bytes, with the comma before them.
type Payload = fn(usize) -> String;

const KINDS: [(&str, Payload); 3] = [("objects", objects), ("text", text), ("numbers", numbers)];

/// What applications send: small objects of small values.
fn objects(size: usize) -> String {
    let mut out = String::new();
    for n in 0.. {
        out += &format!(
            r#",{{"id":{},"user":"user-{n}","x":{}.{},"tags":["a","bb"],"ok":true}}"#,
            n * 7919,
            n % 100,
            n * 31 % 97
        );
        if out.len() >= size {
            break;
        }
    }
    out
}

/// One long string.
fn text(size: usize) -> String {
    format!(",\"{}\"", "lorem ipsum dolor sit amet ".repeat(size.div_ceil(27)))
}

/// An array of coordinates and counters.
fn numbers(size: usize) -> String {
    let mut out = ",[0".to_owned();
    for n in 0.. {
        out += &format!(",{}.{},{n}", n * 31 % 180, n * 7919);
        if out.len() >= size {
            break;
        }
    }
    out + "]"
}

fn decode(bench: &Bench, what: &str, frame: &str) {
    let json = &frame[1..];
    let ours = shared(frame);
    let theirs = Str::from(frame.to_owned());
    let mut decoder = Decoder::default();
    bench.compare(
        what,
        frame.len(),
        vec![
            Contender::new("socketio-codec", || our_event(&mut decoder, &ours)),
            // Reading the name is what validates the JSON there.
            Contender::new("socketioxide-parser-common, with the name", || {
                let packet = their_event(&theirs);
                let (PacketData::Event(value, _) | PacketData::BinaryEvent(value, _)) = &packet.inner else {
                    panic!("an event was sent")
                };
                CommonParser.read_event(value).expect("it has a name").len()
            }),
            Contender::new("serde_json::Value", || serde_json::from_str::<serde_json::Value>(json).expect("is JSON")),
            Contender::new("&RawValue: only validates", || raw(json).len()),
            Contender::new("socketioxide-parser-common, unchecked JSON", || their_event(&theirs)),
        ],
    );
}

/// Decode, give another name, encode for everybody.
fn relay(bench: &Bench, what: &str, frame: &str) {
    let json = &frame[1..];
    let ours = shared(frame);
    let theirs = Str::from(frame.to_owned());
    let mut decoder = Decoder::default();
    let name = EventName::new("renamed").expect("is not reserved");
    bench.compare(
        what,
        frame.len(),
        vec![
            Contender::new("&RawValue and one copy", || copy(raw(json))),
            Contender::new("socketio-codec", || {
                let event = our_event(&mut decoder, &ours);
                let packet = PacketRef::event(Namespace::root(), &name, event.arguments());
                let mut out = Vec::with_capacity(packet.encoded_len());
                packet.encode_into(&mut out);
                out
            }),
            // The codec's part of the time is that to take the frame and let go of it: two atomic operations.
            Contender::new("&RawValue and one copy, of a shared frame", || {
                let frame = theirs.clone();
                copy(raw(&frame.as_str()[1..]))
            }),
            // It has no other way to a new name.
            Contender::new("socketioxide-parser-common, through values", || {
                let PacketData::Event(mut value, _) = their_event(&theirs).inner else { panic!("an event was sent") };
                let arguments: Vec<serde_json::Value> = {
                    let all: Tail = CommonParser.decode_value(&mut value, true).expect("is JSON");
                    all.0
                };
                let value = CommonParser.encode_value(&Tail(arguments), Some("renamed")).expect("is JSON");
                CommonParser.encode(TheirPacket::event("/", value))
            }),
        ],
    );
}

/// All arguments, for a parser that takes them apart only for tuples.
#[derive(serde::Serialize, serde::Deserialize)]
struct Tail(Vec<serde_json::Value>);

fn encode(bench: &Bench, what: &str, frame: &str) {
    let json: serde_json::Value = serde_json::from_str(&frame[1..]).expect("is JSON");
    let value = &json.as_array().expect("an event is an array")[1..];
    let name = EventName::new("update").expect("is not reserved");
    bench.compare(
        what,
        frame.len(),
        vec![
            Contender::new("socketio-codec", || {
                let arguments = Arguments::serialize(&(value,)).expect("is JSON");
                PacketRef::event(Namespace::root(), &name, &arguments).to_text()
            }),
            Contender::new("socketioxide-parser-common", || {
                let value = CommonParser.encode_value(&(value,), Some("update")).expect("is JSON");
                CommonParser.encode(TheirPacket::event("/", value))
            }),
            Contender::new("serde_json of a tuple", || serde_json::to_string(&("update", value)).expect("is JSON")),
        ],
    );
}

fn decode_attachments(bench: &Bench, what: &str, data: &Bytes) {
    let frame = r#"53-["upload",{"name":"a","data":{"_placeholder":true,"num":0}},{"_placeholder":true,"num":1},{"_placeholder":true,"num":2}]"#;
    let ours = shared(frame);
    let theirs = Str::from(frame);
    let mut decoder = Decoder::default();
    bench.compare(
        what,
        frame.len() + 3 * data.len(),
        vec![
            Contender::new("socketio-codec", || {
                decoder.handle_text(ours.clone()).expect("is a packet");
                decoder.handle_binary(data.clone()).expect("is announced");
                decoder.handle_binary(data.clone()).expect("is announced");
                decoder.handle_binary(data.clone()).expect("is announced")
            }),
            Contender::new("socketioxide-parser-common, with the name", || {
                let (config, state) = (ParseConfig::default(), ParserState::default());
                assert!(CommonParser.decode_str(&config, &state, theirs.clone()).is_err());
                assert!(CommonParser.decode_bin(&config, &state, data.clone()).is_err());
                assert!(CommonParser.decode_bin(&config, &state, data.clone()).is_err());
                let packet = CommonParser.decode_bin(&config, &state, data.clone()).expect("is announced");
                let PacketData::BinaryEvent(value, _) = &packet.inner else { panic!("an event was sent") };
                assert!(CommonParser.read_event(value).is_ok());
                packet
            }),
        ],
    );
}

fn encode_attachments(bench: &Bench, what: &str, data: &Bytes) {
    #[derive(serde::Serialize)]
    struct Upload {
        name: &'static str,
        data: Attachment,
    }

    #[derive(serde::Serialize)]
    struct TheirUpload {
        name: &'static str,
        data: Bytes,
    }

    let attachment = Attachment::from(data.clone());
    let ours = (Upload { name: "a", data: attachment.clone() }, attachment.clone(), attachment);
    let theirs = (TheirUpload { name: "a", data: data.clone() }, data.clone(), data.clone());
    let name = EventName::new("upload").expect("is not reserved");
    bench.compare(
        what,
        3 * data.len(),
        vec![
            Contender::new("socketio-codec", || {
                let arguments = Arguments::serialize(&ours).expect("is JSON");
                PacketRef::event(Namespace::root(), &name, &arguments).to_text()
            }),
            Contender::new("socketioxide-parser-common", || {
                let value = CommonParser.encode_value(&theirs, Some("upload")).expect("is JSON");
                CommonParser.encode(TheirPacket::event("/", value))
            }),
        ],
    );
}

/// The same event in the other format.
fn decode_msgpack(bench: &Bench, what: &str, frame: &str) {
    let values: Vec<serde_json::Value> = serde_json::from_str(&frame[1..]).expect("is JSON");
    let arguments = Arguments::serialize(&values[1..]).expect("is JSON");
    let values = msgpack::Values::from_json(&arguments).expect("is not deep");
    let mut frame = Vec::new();
    msgpack::PacketRef::event(Namespace::root(), "update", &values).encode_into(&mut frame);
    let frame = Bytes::from(frame);
    let limits = Limits::default();
    bench.compare(
        what,
        frame.len(),
        vec![
            Contender::new("socketio-codec", || msgpack::decode(frame.clone(), &limits).expect("is a packet")),
            Contender::new("socketioxide-parser-msgpack, with the name", || {
                let (config, state) = (ParseConfig::default(), ParserState::default());
                let packet = MsgPackParser.decode_bin(&config, &state, frame.clone()).expect("is a packet");
                let PacketData::Event(value, _) = &packet.inner else { panic!("an event was sent") };
                MsgPackParser.read_event(value).expect("it has a name").len()
            }),
        ],
    );
}

/// Text as a transport hands it over.
fn shared(frame: &str) -> Text {
    let bytes = Bytes::copy_from_slice(frame.as_bytes());
    // The first clone makes the reference count.
    let _shared = bytes.clone();
    Text::try_from(bytes).expect("is UTF-8")
}

fn our_event(decoder: &mut Decoder, frame: &Text) -> socketio_codec::Event {
    match decoder.handle_text(frame.clone()) {
        Ok(Some(Packet::Event { event, .. })) => event,
        other => panic!("{other:?}"),
    }
}

fn their_event(frame: &Str) -> TheirPacket {
    CommonParser.decode_str(&ParseConfig::default(), &ParserState::default(), frame.clone()).expect("is a packet")
}

fn copy(json: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() + 1);
    out.put_u8(b'2');
    out.put_slice(json.as_bytes());
    out
}

fn raw(json: &str) -> &str {
    serde_json::from_str::<&RawValue>(json).expect("is JSON").get()
}
