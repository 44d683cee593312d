//! Where the fuzzer begins: the wire vectors, in the form that each target reads.

use bytes::Bytes;
use serde::Deserialize;
use socketio_codec::{Arguments, Decoder, Limits, Packet, Text, msgpack};

use crate::frames::{self, Frame};

/// The seeds of a target; none for those whose inputs are lists of operations.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    let vectors = vectors();
    match target {
        "engineio_packet" => vectors.iter().flatten().map(engine_packet).chain(wire(ENGINE_PACKETS)).collect(),
        "engineio_payload" => {
            let bodies = vectors.iter().map(|frames| frames.iter().map(engine_packet).collect::<Vec<_>>().join(&0x1e));
            bodies.chain(wire(ENGINE_BODIES)).collect()
        }
        // One byte before the query: a GET, a POST, a GET with a session on polling, and so on.
        "engineio_request" => {
            wire(QUERIES).flat_map(|query| [0, 1, 8, 9, 12, 28].map(|choice| [&[choice], &*query].concat())).collect()
        }
        "hub_client" => {
            let connected = |frames: &Vec<Frame>| [b"0\x1e0/admin,\x1e", &frames::join(frames)[..]].concat();
            vectors.iter().map(connected).chain(wire(CONVERSATIONS)).collect()
        }
        "socketio_decode" => vectors.iter().map(|frames| frames::join(frames)).chain(nested()).collect(),
        "msgpack_decode" => {
            let refused = MSGPACK_FRAMES.iter().map(|frame| frame.to_vec());
            vectors.iter().filter_map(|frames| msgpack_frame(frames)).chain(refused).collect()
        }
        "auth_token" => wire(TOKENS).collect(),
        "proxy_header" => wire(PROXY_HEADERS).collect(),
        _ => Vec::new(),
    }
}

/// The frames of `tests/vectors/socketio.toml`.
fn vectors() -> Vec<Vec<Frame>> {
    #[derive(Deserialize)]
    struct Vectors {
        vector: Vec<Vector>,
    }

    #[derive(Deserialize)]
    struct Vector {
        frames: Vec<Written>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Written {
        Text(String),
        Binary(String),
    }

    let vectors: Vectors = toml::from_str(include_str!("../../vectors/socketio.toml")).expect("the vectors are TOML");
    let frame = |written| match written {
        Written::Text(text) => Frame::Text(text.into()),
        Written::Binary(hex) => Frame::Binary(unhex(&hex).into()),
    };
    vectors.vector.into_iter().map(|vector| vector.frames.into_iter().map(frame).collect()).collect()
}

fn unhex(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("the vectors are hexadecimal");
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn engine_packet(frame: &Frame) -> Vec<u8> {
    match frame {
        Frame::Text(text) => [b"4", &text[..]].concat(),
        Frame::Binary(data) => engineio_proto::Encoded::binary(data).polling().to_vec(),
    }
}

fn msgpack_frame(frames: &[Frame]) -> Option<Vec<u8>> {
    let mut decoder = Decoder::new(Limits::default());
    let mut packet = None;
    for frame in frames {
        packet = match frame {
            Frame::Text(text) => decoder.handle_text(Text::try_from(text.clone()).ok()?).ok()?,
            Frame::Binary(data) => decoder.handle_binary(data.clone()).ok()?,
        };
    }
    let values = |arguments: &Arguments| msgpack::Values::from_json(arguments).ok();
    let frame: Bytes = match packet? {
        Packet::Connect { namespace, auth } => {
            let auth = auth.and_then(|auth| msgpack::Value::from_json(&auth).ok());
            msgpack::PacketRef::connect(&namespace, auth.as_ref()).to_bytes()
        }
        Packet::Disconnect { namespace } => msgpack::PacketRef::disconnect(&namespace).to_bytes(),
        Packet::Event { namespace, id, event } => {
            let (name, values) = (event.name(), values(event.arguments())?);
            let packet = msgpack::PacketRef::event(&namespace, &*name, &values);
            id.into_iter().fold(packet, msgpack::PacketRef::with_id).to_bytes()
        }
        Packet::Ack { namespace, id, arguments } => {
            msgpack::PacketRef::ack(&namespace, id?, &values(&arguments)?).to_bytes()
        }
        Packet::ConnectError { namespace, error } => {
            msgpack::PacketRef::connect_error(&namespace, &msgpack::Value::from_json(&error?).ok()?).to_bytes()
        }
        Packet::EmptyEvent { .. } => return None,
    };
    Some(frame.into())
}

/// Arrays and objects in one another, as deep as is accepted and one deeper.
fn nested() -> impl Iterator<Item = Vec<u8>> {
    [(1, 60), (2, 31), (3, 21), (40, 1), (1, 63), (1, 64)].into_iter().map(|(arrays, times)| {
        let opening = "[".repeat(arrays) + "{\"a\":";
        let closing = "}".to_owned() + &"]".repeat(arrays);
        format!("2[\"a\",{}1{}]", opening.repeat(times), closing.repeat(times)).into_bytes()
    })
}

fn wire(texts: &'static [&'static str]) -> impl Iterator<Item = Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec())
}

const ENGINE_PACKETS: &[&str] = &[
    "",
    "0{\"sid\":\"AAAAAAAAAAAAAAAAAAAA\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000,\"pingTimeout\":20000}",
    "1",
    "2",
    "2probe",
    "3",
    "3probe",
    "4",
    "4é€😀",
    "5",
    "6",
    "7",
    "b",
    "bAQIDBA==",
    "bAQIDBA",
    "bAQIDBAU=",
    "bAQIDBA=",
    "b!!!!",
    "bA",
];

const ENGINE_BODIES: &[&str] = &[
    "4hello\u{1e}4world",
    "4hello\u{1e}bAQIDBA==\u{1e}2probe\u{1e}6",
    "4a\u{1e}\u{1e}4b",
    "9\u{1e}4b",
    "d=40",
    "x=1&d=4%22a%5Cnb%22",
    "d=4%5C%5Cn",
    "d=4%1E4",
    "d=1&d=2",
    "4a\\nb\u{2028}\"",
];

const CONVERSATIONS: &[&str] = &[
    "0\u{1e}2[\"a\"]\u{1e}1\u{1e}0",
    "0/later,\u{1e}t\u{1e}+\u{1e}2/later,0[\"a\"]",
    "0/no,{}\u{1e}0/no,\u{1e}0/admin?x=1,\u{1e}2/admin,[\"a\"]",
    "0\u{1e}-\u{1e}2[\"a\"]",
    "0/a?x=1,\u{1e}2/a?y=2,[\"a\"]\u{1e}3/a,1[]\u{1e}1/a?,",
    "0\u{1e}51-[\"a\"]\u{1e}t\u{1e}t\u{1e}t",
    "0/a\u{1e}0/b\u{1e}0/c\u{1e}0/d",
    "t\u{1e}t\u{1e}t",
];

/// Such as no JSON becomes.
const MSGPACK_FRAMES: &[&[u8]] = &[
    b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa1a\x81\xa9__proto__\x01",
    b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa1a\x91\x81\xa1b\x81\xa9__proto__\x80",
    b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa1a\xd7\x00\x00\x00\x01\x8b\xcf\xe5\x68\x00",
    b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x94\xa1a\xd4\x00\x00\xc7\x02\x00\x01\x02\xd5\x05\x01\x02",
    b"\x84\xa4type\x02\xa3nsp\xa1/\xa4data\x93\xa1a\xca\x7f\xc0\x00\x00\xd3\x80\x00\x00\x00\x00\x00\x00\x00\xa2id\xcd\x01\x00",
    b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa1a\x83\x01\x02\xc3\x03\xc4\x01b\x04",
    b"\x82\xa4type\x00\xa3nsp\xa1/\xc0",
];

/// Header and claims, each on its line; and texts.
const TOKENS: &[&str] = &[
    "{\"alg\":\"ES256\",\"kid\":\"k\"}\n{\"iss\":\"me\",\"aud\":\"us\",\"sub\":\"1\",\"exp\":2000}\n1000",
    "{\"alg\":\"HS256\"}\n{\"iss\":\"me\",\"aud\":[\"x\",\"them\"],\"nbf\":1030,\"iat\":1029.5,\"exp\":971}",
    "{\"alg\":\"ES256\"}\n{\"iss\":\"me\",\"aud\":\"us\",\"exp\":970}",
    "{\"alg\":\"ES256\"}\n{\"iss\":\"me\",\"aud\":\"us\",\"nbf\":1031}",
    "{\"alg\":\"ES256\"}\n{\"iss\":\"me\",\"aud\":\"us\",\"iat\":1031}",
    "{\"alg\":\"ES256\"}\n{\"iss\":\"me\",\"aud\":\"us\",\"sub\":{},\"x\":[[[1]]]}",
    "{\"alg\":\"none\"}\n{\"iss\":\"me\",\"aud\":\"us\"}",
    "{\"alg\":\"RS256\",\"crit\":[\"exp\"]}\n{\"iss\":\"me\"}",
    "{\"alg\":\"ES256\",\"alg\":\"none\"}\n{\"iss\":\"me\",\"iss\":\"you\"}",
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJtZSJ9.c2ln",
    "eyJhbGciOiJFUzI1NiJ9.e30.c2lh=",
    "..",
];

const PROXY_HEADERS: &[&str] = &[
    "PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\nGET / HTTP/1.1\r\n",
    "PROXY TCP6 2001:db8::7 ::1 1 65535\r\n",
    "PROXY UNKNOWN\r\n",
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x01\x02\x03\x04\x01\x02\x03\x04\0\x50\0\x50GET",
    "\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24aaaabbbbccccddddaaaabbbbccccdddd\0\x50\0\x50",
    "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0",
];

const QUERIES: &[&str] = &[
    "",
    "EIO=4&transport=polling",
    "EIO=4&transport=websocket",
    "EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA",
    "EIO=4&transport=websocket&sid=AAAAAAAAAAAAAAAAAAAA&t=Pabcdef",
    "EIO=4&transport=polling&j=0&sid=AAAAAAAAAAAAAAAAAAAA",
    "EIO=3&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA",
    "EIO=4&transport=%70olling&t=a+b%2B",
    "EIO=4&EIO=4&transport=polling",
    "EIO=4&transport=__proto__",
    "EIO=4&transport=polling&sid=",
    "transport=polling&j=7;alert(1)",
];
