//! What a peer's bytes cost: time linear in their number, memory within a small multiple of it, and no stack.

use std::hint::black_box;
use std::time::Duration;

use allocation_counter::measure;
use bytes::{Bytes, BytesMut};
use cluster_proto::wire::{Bounds, Classic, ClassicOrigin, Format, Message, Received, Uid};
use engineio_proto::{EngineRequest, Payload, RequestHead, Transport, jsonp};
use socketio_codec::{Arguments, Decoder, Json, Limits, Namespace, Text, msgpack};

const KILOBYTE: usize = 1_000;

#[test]
fn time_grows_as_the_input_does() {
    for case in cases() {
        let inputs = [1, 100, 1_000].map(|kilobytes| (case.make)(kilobytes * KILOBYTE));
        let mut fastest = [Duration::MAX; 3];
        // Whatever else the machine does only makes a run slower, if less so than by the clock on the wall: on a busy
        // one it takes more runs until the fastest are fast. What is not linear never becomes it.
        let is_linear = (0..20).any(|_| {
            for (input, fastest) in inputs.iter().zip(&mut fastest) {
                let start = worked();
                (case.read)(input);
                *fastest = (worked() - start).min(*fastest);
            }
            is_linear(fastest)
        });
        assert!(is_linear, "{}: {fastest:?} for 1 kB, 100 kB and 1 MB", case.name);
    }
}

/// How long a processor has worked for this thread.
fn worked() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.try_into().expect("it never goes back")
}

/// A tenfold input in at most forty times the time, where quadratic would be a hundred; and a thousandfold, where it
/// would be a million. In a twentieth of a second nobody reads a million bytes a million times, so what is measured below
/// that is the machine.
fn is_linear([small, middle, large]: [Duration; 3]) -> bool {
    large < Duration::from_millis(50) || (large < middle * 40 && large < small * 40_000)
}

#[test]
fn a_quadratic_reader_would_be_noticed() {
    assert!(is_linear([1, 100, 1_000].map(Duration::from_micros)));
    assert!(!is_linear([1, 10_000, 1_000_000].map(Duration::from_micros)));
}

#[test]
fn memory_stays_within_a_small_multiple_of_the_input() {
    for case in cases() {
        for kilobytes in [1, 100, 1_000] {
            let input = (case.make)(kilobytes * KILOBYTE);
            let len = input.len() as u64;
            let counted = measure(|| (case.read)(&input));
            // The factor covers a vector that grows by doubling while the old one is still there, and the text of one
            // that is decoded beside it.
            assert!(counted.bytes_max <= case.factor * len + 16 * 1024, "{}: {len} bytes cost {counted:?}", case.name);
        }
    }
}

#[test]
fn nesting_takes_no_stack() {
    for case in cases() {
        let input = (case.make)(1_000 * KILOBYTE);
        let read = case.read;
        let thread = std::thread::Builder::new().stack_size(64 * 1024);
        thread.spawn(move || read(&input)).expect("a thread can be had").join().expect("a small stack is enough");
    }
}

/// One shape of input, of any length, and who reads it.
struct Case {
    name: &'static str,
    make: fn(usize) -> Vec<u8>,
    read: fn(&[u8]),
    /// How many times its own length it may cost in memory.
    factor: u64,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name, make, read, factor| cases.push(Case { name, make, read, factor });

    add("a payload of one text", |len| repeated(b"4", b"a", b"", len), payload, 2);
    add("a payload of empty packets", |len| repeated(b"4", b"\x1e4", b"", len), payload, 2);
    add("a payload of nothing", |len| repeated(b"", b"\x1e", b"", len), payload, 2);
    add("a payload of base64", |len| repeated(b"b", b"AAAA", b"", len / 4 * 4), payload, 3);
    add("a payload cut inside a character", |len| repeated(b"4", b"a", b"\xc3", len), payload, 2);
    add("a form of escapes", |len| repeated(b"d=", b"%5C%5Cn", b"", len), form, 3);
    add("a form of many fields", |len| repeated(b"d=", b"&e", b"", len), form, 3);
    add("a query of many fields", |len| repeated(b"EIO=4", b"&a=%41", b"", len), query, 3);
    add("a query of one long id", |len| repeated(b"transport=polling&sid=", b"A", b"", len), query, 3);
    add("a query of digits for a callback", |len| repeated(b"EIO=4&transport=polling&j=", b"1", b"", len), query, 3);

    add("arrays that never close", |len| repeated(b"2", b"[", b"", len), text, 1);
    add("objects that never close", |len| repeated(b"2[\"a\",", b"{\"a\":", b"", len), text, 1);
    add("arrays within a binary packet", |len| repeated(b"51-[\"a\",", b"[", b"", len), text, 1);
    add("an ack id", |len| repeated(b"2", b"1", b"[\"a\"]", len), text, 1);
    add("a count of attachments", |len| repeated(b"5", b"1", b"-[\"a\"]", len), text, 1);
    add("a namespace", |len| repeated(b"0/", b"n", b",", len), text, 1);
    add("a name", |len| repeated(b"2[\"", b"a", b"\"]", len), text, 2);
    add("a name of escapes", |len| repeated(b"2[\"", b"\\u0061", b"\"]", len), text, 3);
    add("a number", |len| repeated(b"2[\"a\",", b"1", b"]", len), text, 2);
    add("white space", |len| repeated(b"2[\"a\",", b" ", b"1]", len), text, 2);
    add("small arguments", |len| repeated(b"2[\"a\"", b",1", b"]", len), text, 2);
    add("objects of one key", |len| repeated(b"2[\"a\",{\"a\":1", b",\"a\":1", b"}]", len), text, 2);
    add("almost placeholders", |len| repeated(b"510-[\"a\"", ALMOST, b"]", len), text, 2);
    add("a placeholder of many numbers", |len| repeated(b"51-[\"a\",{", b"\"num\":0,", PLACEHOLDER_END, len), text, 2);
    add(
        "keys of escapes beside attachments",
        |len| repeated(b"51-[\"a\",{", b"\"\\u006eum\":0,", PLACEHOLDER_END, len),
        text,
        2,
    );
    add("many empty attachments", |len| repeated(b"", b"\x1eb", b"", len), attachments, 32);
    // Sixteen bytes of list for an argument of two: that is what a vector of numbers takes.
    add("arguments read into numbers", |len| repeated(b"[1", b",1", b"]", len), numbers, 24);
    add("a document of escapes", |len| repeated(b"\"", b"\\n", b"\"", len), document, 3);

    add("msgpack arrays that never close", |len| repeated(EVENT, b"\x91", b"", len), packed, 1);
    add("msgpack maps that never close", |len| repeated(EVENT, b"\x81\xa1a", b"", len), packed, 1);
    add("msgpack of nil", |len| packed_list(b"\xc0", len), packed, 16);
    add("msgpack of ids", |len| packed_list(b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", len), packed, 16);
    add("msgpack of control characters", |len| packed_list(b"\xa4\x01\x01\x01\x01", len), packed, 24);
    add("msgpack of many names", |len| packed_map(b"\xa4type\x02", len), packed, 1);
    // Each byte of these is text of five or six, which debug builds check in a copy.
    add("a fleet's nil", |len| fleet_list(b"\xc0", len), fleet, 32);
    add("a fleet's control characters", |len| fleet_list(b"\xa1\x01", len), fleet, 32);
    add("a fleet's arrays that never close", |len| repeated(FLEET_EVENT, b"\x91", b"", len), fleet, 2);
    add("a fleet's lengths that are claims", |len| repeated(FLEET_EVENT, b"\xdd\x00\x01\x00\x00", b"", len), fleet, 2);
    add("a fleet's members that are left out", |len| fleet_list(b"\x81\xa9__proto__\xc0", len), fleet, 8);
    add("a fleet's rooms", |len| repeated(FLEET_ROOMS, b"a\",\"", b"\"]}]", len), fleet, 8);
    add("a fleet's bytes in json", |len| repeated(FLEET_JSON, FLEET_BYTES, b"1]},{}]", len), fleet, 3);
    add("a fleet's json, long within long", long_within_long, fleet, 24);
    cases
}

fn payload(body: &[u8]) {
    let packets: usize = Payload::new(Bytes::copy_from_slice(body)).map(|packet| usize::from(packet.is_ok())).sum();
    black_box(packets);
}

fn form(body: &[u8]) {
    black_box(jsonp::decode(body));
}

fn query(query: &[u8]) {
    let query = std::str::from_utf8(query).expect("it is ASCII");
    let head = RequestHead { method: "GET", query, is_upgrade: false };
    let _ = black_box(EngineRequest::parse(head, &[Transport::Polling], |_| None));
}

/// As a transport hands it over: the buffer exists already, and is counted by reference.
fn text(frame: &[u8]) {
    let bytes: Bytes = BytesMut::from(frame).freeze();
    let text = Text::try_from(bytes).expect("it is UTF-8");
    let mut limits = Limits::default();
    limits.arguments_max = usize::MAX;
    let mut decoder = Decoder::new(limits);
    let _ = black_box(decoder.handle_text(text));
    black_box(decoder.is_waiting());
}

/// One binary packet after the other, as far as the decoder lets it.
fn attachments(frames: &[u8]) {
    let mut limits = Limits::default();
    limits.attachments_max = usize::MAX;
    let mut decoder = Decoder::new(limits);
    let count = frames.len() / 2;
    let announced = decoder.handle_text(Text::from(format!("5{count}-[\"a\"]")));
    assert!(announced.is_ok_and(|packet| packet.is_none()));
    for _ in 0..count {
        let _ = black_box(decoder.handle_binary(Bytes::new()));
    }
    assert!(!decoder.is_waiting());
}

fn numbers(array: &[u8]) {
    let text = Text::try_from(Bytes::copy_from_slice(array)).expect("it is ASCII");
    let arguments = Arguments::from_json(text).expect("it is a list");
    assert_eq!(arguments.iter().count(), arguments.len());
    black_box(arguments.deserialize_all::<Vec<u64>>().expect("of numbers"));
}

fn document(text: &[u8]) {
    let json = Json::from_text(Text::try_from(Bytes::copy_from_slice(text)).expect("it is ASCII"));
    black_box(json.expect("it is JSON").deserialize::<String>().expect("a string"));
}

/// And, where it is one, into the text format and back.
fn packed(frame: &[u8]) {
    let mut limits = Limits::default();
    limits.arguments_max = usize::MAX;
    let packet = msgpack::decode(Bytes::copy_from_slice(frame), &limits);
    if let Ok(msgpack::Packet::Event { event, .. }) = packet {
        let arguments = event.arguments().to_json().expect("JSON has a form for it");
        black_box(msgpack::Values::from_json(&arguments).expect("it came from there"));
    }
}

/// And, where it is an event, written again.
fn fleet(body: &[u8]) {
    let uid = |text| Uid::parse(text).expect("it is one");
    let node = Classic::new("socket.io", Namespace::ROOT, uid("the-reader"), Format::Msgpack);
    let mut bounds = Bounds::default();
    bounds.values.arguments_max = usize::MAX;
    let read = node.read(ClassicOrigin::Events { room: None }, Bytes::copy_from_slice(body), &bounds);
    if let Ok(Some(Received { message: Message::Order(order), .. })) = read {
        black_box(node.tell(&order.command()));
    }
}

/// An event of a fleet with so many bytes of values in a list.
fn fleet_list(value: &[u8], len: usize) -> Vec<u8> {
    let count = len / value.len();
    let head = [&[0xdd][..], &(count as u32).to_be_bytes()].concat();
    [FLEET_EVENT, &head, &value.repeat(count), b"\x80"].concat()
}

/// Arrays whose first members are long arrays themselves, so that each is moved when its length is told.
fn long_within_long(len: usize) -> Vec<u8> {
    let mut value = format!("[{}0]", "0,".repeat(len / 64));
    for _ in 0..20 {
        value = format!("[{value}{}]", ",0".repeat(len / 64));
    }
    format!("[\"u\",{{\"type\":2,\"data\":[\"a\",{value}]}},{{}}]").into_bytes()
}

/// The beginning, its middle as often as it fits, and the end.
fn repeated(start: &[u8], middle: &[u8], end: &[u8], len: usize) -> Vec<u8> {
    let count = len.saturating_sub(start.len() + end.len()) / middle.len();
    [start, &middle.repeat(count), end].concat()
}

/// An event with so many bytes of arguments.
fn packed_list(value: &[u8], len: usize) -> Vec<u8> {
    let count = len / value.len();
    let head = [0xdd].into_iter().chain((count as u32 + 1).to_be_bytes());
    let start: Vec<u8> = EVENT[..EVENT.len() - 3].iter().copied().chain(head).chain(*b"\xa1a").collect();
    [start, value.repeat(count)].concat()
}

/// A packet that says one thing again and again.
fn packed_map(member: &[u8], len: usize) -> Vec<u8> {
    let count = len / member.len();
    let head: Vec<u8> = [0xdf].into_iter().chain((count as u32).to_be_bytes()).collect();
    [head, member.repeat(count)].concat()
}

/// The beginning of an event in `/`; an array of two with a one-letter name. It goes on with the argument.
const EVENT: &[u8] = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa1a";
/// The same of a fleet: as that goes on, the value is the event's argument.
const FLEET_EVENT: &[u8] = b"\x93\xa1u\x82\xa4type\x02\xa4data\x92\xa1a";
const FLEET_ROOMS: &[u8] = br#"["u",{"type":2,"data":["a"]},{"rooms":[""#;
const FLEET_JSON: &[u8] = br#"["u",{"type":2,"data":["a","#;
const FLEET_BYTES: &[u8] = br#"{"type":"Buffer","data":[1,2,3]},"#;
const ALMOST: &[u8] = b",{\"_placeholder\":false,\"num\":1}";
const PLACEHOLDER_END: &[u8] = b"\"_placeholder\":true}]";
