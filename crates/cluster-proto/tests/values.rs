//! Values between MessagePack and our text: sections 2.6 and 2.7.

mod support;

use engineio_proto::Delivery;
use fanfare_cluster_proto::wire::{Classic, EmitRef, Format, Refused};
use hub::Target;
use socketio_codec::{Arguments, EventName, Namespace, pieces};
use support::*;

/// What an event with this MessagePack value as its argument becomes.
fn read(value: &[u8]) -> Result<String, Refused> {
    event(value).map(|emit| shown_values(emit.event.arguments()))
}

fn event(value: &[u8]) -> Result<fanfare_cluster_proto::wire::Emit, Refused> {
    read_event(&[b"\x93\xa1u\x82\xa4type\x02\xa4data\x92\xa1x", value, b"\x80"].concat())
}

/// The MessagePack that is written for JSON.
fn written(json: &str) -> (Vec<u8>, usize) {
    written_with(Arguments::from_json(format!("[{json}]").into()).expect("it is JSON"))
}

fn written_with(arguments: Arguments) -> (Vec<u8>, usize) {
    let name = EventName::new("x").expect("it is not reserved");
    let target = Target::everyone(Namespace::ROOT);
    let emit = EmitRef {
        target: &target,
        name: name.raw(),
        arguments: &arguments,
        delivery: Delivery::Reliable,
        compress: true,
    };
    let written = node().emit(emit);
    let start = b"\x93\xa8somebody\x83\xa4type\x02\xa4data\x92\xa1x".len();
    let end = written.body.len() - b"\xa3nsp\xa1/\x83\xa5rooms\x90\xa6except\x90\xa5flags\x80".len();
    (written.body[start..end].to_vec(), written.left_out)
}

fn node() -> Classic {
    classic_as("/", "somebody", Format::Msgpack)
}

const BYTES: &str = r#"{"_placeholder":true,"num":0}"#;

#[test]
fn every_form_that_node_reads_is_read() {
    for (hex, json) in [
        ("c0", "null"),
        ("d40000", "null"),
        ("c2", "false"),
        ("c3", "true"),
        ("7f", "127"),
        ("e0", "-32"),
        ("ccff", "255"),
        ("cd0001", "1"),
        ("ceffffffff", "4294967295"),
        ("cfffffffffffffffff", "18446744073709551615"),
        ("d080", "-128"),
        ("d17fff", "32767"),
        ("d280000000", "-2147483648"),
        ("d38000000000000000", "-9223372036854775808"),
        ("d30020000000000001", "9007199254740993"),
        ("ca40000000", "2"),
        ("cb4000000000000000", "2"),
        ("ca3dcccccd", "0.10000000149011612"),
        ("cb8000000000000000", "0"),
        ("cb7ff8000000000000", "null"),
        ("cbfff0000000000000", "null"),
        ("cb444b1ae4d6e2ef50", "1e+21"),
        ("cb3eb0c6f7a0b5ed8d", "0.000001"),
        ("a0", r#""""#),
        ("d90161", r#""a""#),
        ("da000161", r#""a""#),
        ("db0000000161", r#""a""#),
        ("a3c3a922", r#""é\"""#),
        ("a2610a", r#""a\n""#),
        // No UTF-8: one sign for each maximal wrong part.
        ("a4f09f9861", "\"\u{fffd}a\""),
        ("a3eda080", "\"\u{fffd}\u{fffd}\u{fffd}\""),
        ("a1ff", "\"\u{fffd}\""),
        ("93010203", "[1,2,3]"),
        ("dc000101", "[1]"),
        ("dd0000000101", "[1]"),
        ("81a16101", r#"{"a":1}"#),
        ("de0001a16101", r#"{"a":1}"#),
        ("df00000001a16101", r#"{"a":1}"#),
        ("82a16101a16102", r#"{"a":1,"a":2}"#),
        // `undefined` is nothing in a map, and null in a list.
        ("83a161d40000a16202a163d40007", r#"{"b":2}"#),
        ("92d40000c0", "[null,null]"),
        // Dates.
        ("d6ff6553f100", r#""2023-11-14T22:13:20.000Z""#),
        ("d7ff1d5353006553f100", r#""2023-11-14T22:13:20.123Z""#),
        ("c70cff3b8b87c0ffffffffffffffff", r#""1969-12-31T23:59:59.999Z""#),
        ("d7000000018bcfe5687b", r#""2023-11-14T22:13:20.123Z""#),
        ("d70000 1eb208c2dc0000", r#""+275760-09-13T00:00:00.000Z""#),
        ("d70000 1eb208c2dc0001", "null"),
        ("c70cff000000007fffffffffffffff", "null"),
        // Fractions of a millisecond are dropped towards 1970.
        ("c70cff0007a120ffffffffffffffff", r#""1969-12-31T23:59:59.001Z""#),
    ] {
        assert_eq!(read(&unhex(hex)).unwrap(), json, "{hex}");
    }
}

#[test]
fn bytes_and_extensions_are_attachments() {
    for (hex, json) in [
        ("c4020102", format!("{BYTES} 0102")),
        ("c500020102", format!("{BYTES} 0102")),
        ("c6000000020102", format!("{BYTES} 0102")),
        // Once an ArrayBuffer.
        ("c702000102", format!("{BYTES} 0102")),
        ("c80002000102", format!("{BYTES} 0102")),
        ("c900000002000102", format!("{BYTES} 0102")),
        ("d40501", format!("[5,{BYTES}] 01")),
        ("d5000102", format!("[0,{BYTES}] 0102")),
        ("d8fb000102030405060708090a0b0c0d0e0f", format!("[-5,{BYTES}] 000102030405060708090a0b0c0d0e0f")),
        ("c703070a0b0c", format!("[7,{BYTES}] 0a0b0c")),
        ("c80001ff01", format!("[-1,{BYTES}] 01")),
    ] {
        assert_eq!(read(&unhex(hex)).unwrap(), json, "{hex}");
    }
}

#[test]
fn keys_become_text_as_in_javascript() {
    for (hex, key) in [
        ("01", "1"),
        ("e0", "-32"),
        ("c0", "null"),
        ("c3", "true"),
        ("cb3ff8000000000000", "1.5"),
        ("cb8000000000000000", "0"),
        ("cb7ff8000000000000", "NaN"),
        ("cbfff0000000000000", "-Infinity"),
        ("d40000", "undefined"),
        ("cfc278a8209e116d5a", "14013135098607661000"),
        ("c40161", "a"),
        ("a1ff", "\u{fffd}"),
    ] {
        assert_eq!(read(&[&b"\x81"[..], &unhex(hex), b"\x07"].concat()).unwrap(), format!(r#"{{"{key}":7}}"#), "{hex}");
    }
    for wrong in ["90", "80", "d6ff00000000", "d40501", "c7010061"] {
        assert_eq!(read(&[&b"\x81"[..], &unhex(wrong), b"\x07"].concat()), Err(Refused::InvalidKey), "{wrong}");
    }
}

#[test]
fn a_prototype_is_left_out_and_counted() {
    let proto = b"\xa9__proto__";
    let value = [&b"\x83\xa1a\x01"[..], proto, b"\x81\xa1b\x91\xc0\xa1c\x02"].concat();
    assert_eq!(read(&value).unwrap(), r#"{"a":1,"c":2}"#);
    let first = [&b"\x82"[..], proto, b"\x80\xa1c\x81", proto, b"\x02"].concat();
    assert_eq!(read(&first).unwrap(), r#"{"c":{}}"#);

    let body = [b"\x93\xa1u\x82\xa4type\x02\xa4data\x92\xa1x", &first[..], b"\x80"].concat();
    let received = support::read(&classic("/"), "socket.io#/#", &body).unwrap().unwrap();
    assert_eq!(received.left_out, 2);

    let (bytes, left_out) = written(r#"{"__proto__":{"a":[1,{"b":"}"}]},"c":1,"\u005f_proto__":2}"#);
    assert_eq!((&bytes[..], left_out), (&b"\x81\xa1c\x01"[..], 2));
    let (bytes, left_out) = written(r#"{"__proto__":1}"#);
    assert_eq!((&bytes[..], left_out), (&b"\x80"[..], 1));
}

#[test]
fn numbers_are_written_by_their_text() {
    for (json, hex) in [
        ("0", "00"),
        ("127", "7f"),
        ("128", "cc80"),
        ("256", "cd0100"),
        ("65536", "ce00010000"),
        ("18446744073709551615", "cfffffffffffffffff"),
        ("18446744073709551616", "cb43f0000000000000"),
        ("-1", "ff"),
        ("-33", "d0df"),
        ("-129", "d1ff7f"),
        ("-32769", "d2ffff7fff"),
        ("-5000000000", "d3fffffffed5fa0e00"),
        ("-9223372036854775808", "d38000000000000000"),
        ("-9223372036854775809", "cbc3e0000000000000"),
        ("-0", "cb8000000000000000"),
        ("1.5", "cb3ff8000000000000"),
        ("1e2", "cb4059000000000000"),
        (r#""\ud800\ud83d\ude00é\n""#, "aaefbfbdf09f9880c3a90a"),
        (r#"{"a" : [ true , false,null ]}"#, "81a16193c3c2c0"),
    ] {
        assert_eq!(hex_of(json), hex, "{json}");
    }
}

fn hex_of(json: &str) -> String {
    hex(&written(json).0)
}

#[test]
fn lengths_are_as_short_as_they_can_be_told() {
    let numbers = |count: usize| vec!["0"; count].join(",");
    assert_eq!(hex_of(&format!("[{}]", numbers(15))), "9f".to_owned() + &"00".repeat(15));
    assert_eq!(hex_of(&format!("[{}]", numbers(16))), "dd00000010".to_owned() + &"00".repeat(16));
    let members: Vec<String> = (0..20).map(|number| format!(r#""{number:02}":[{number}]"#)).collect();
    let json = format!("[{{{}}},[]]", members.join(","));
    assert_eq!(read(&written(&json).0).unwrap(), json);
    // Inside of more than eight others.
    let deep = format!("{}1,2{}", "[".repeat(12), "]".repeat(12));
    assert_eq!(hex_of(&deep), "91".repeat(8) + &"dd00000001".repeat(3) + "dd000000020102");
}

#[test]
fn attachments_are_written_in_their_places() {
    let text = r#"[ {"a":{"_placeholder":true,"num":1}, "b":[{"_placeholder":true,"num":0,"x":[]},3]}]"#;
    let arguments = Arguments::with_attachments(text.into(), vec![vec![0].into(), vec![1; 300].into()]).unwrap();
    let (bytes, _) = written_with(arguments);
    assert_eq!(hex(&bytes), format!("82a161c5012c{}a16292c4010003", "01".repeat(300)));
}

#[test]
fn what_is_too_much_is_refused() {
    let nested = |depth: usize| [vec![0x91; depth], vec![0xc0]].concat();
    // The event's own array is the first of 127.
    assert_eq!(read(&nested(126)).unwrap().len(), 126 * 2 + 4);
    assert_eq!(read(&nested(127)), Err(Refused::TooDeep));
    assert_eq!(read(&nested(100_000)), Err(Refused::TooDeep));

    let list = |count: u16| {
        let values = vec![0xc0; usize::from(count) - 1];
        [b"\x93\xa1u\x82\xa4type\x02\xa4data\xdc", &count.to_be_bytes()[..], b"\xa1x", &values, b"\x80"].concat()
    };
    assert_eq!(read_event(&list(10_000)).unwrap().event.len(), 9_999);
    assert_eq!(read_event(&list(10_001)).unwrap_err(), Refused::TooManyArguments);

    let bytes = |count: u8| [&[0x90 | count][..], &b"\xc4\x01a".repeat(count.into())].concat();
    assert!(read(&bytes(10)).is_ok());
    assert_eq!(read(&bytes(11)), Err(Refused::TooManyAttachments));

    // Lengths are claims.
    for claim in ["ddffffffff", "dfffffffff", "c6ffffffff00", "dbffffffff00", "c9ffffffff0000", "dfffffffff00"] {
        assert_eq!(read(&unhex(claim)), Err(Refused::Truncated), "{claim}");
    }
    assert_eq!(read(b"\xc1"), Err(Refused::InvalidMsgpack));
    assert_eq!(read(&unhex("c705ff0000000000")), Err(Refused::InvalidMsgpack), "a date of no length that there is");
}

#[test]
fn what_looks_like_a_placeholder_is_refused_beside_attachments() {
    let fake = b"\x82\xac_placeholder\xc3\xa3num\x00";
    assert_eq!(read(fake).unwrap(), BYTES);
    assert_eq!(read(&[&b"\x92\xc4\x01a"[..], fake].concat()), Err(Refused::Placeholder));
    // It was a member that a later one replaces.
    assert!(read(&[&b"\x92\xc4\x01a\x82\xac_placeholder\xc3\xac_placeholder\xc2"[..]].concat()).is_ok());
}

#[test]
fn a_name_is_text_or_a_number() {
    let named = |name: &[u8]| read_event(&[b"\x93\xa1u\x82\xa4type\x02\xa4data\x91", name, b"\x80"].concat());
    for (name, shown_as) in
        [("a178", r#"["x"]"#), ("07", "[7]"), ("ff", "[-1]"), ("cb4000000000000000", "[2]"), ("a1ff", "[\"\u{fffd}\"]")]
    {
        assert_eq!(shown(&named(&unhex(name)).unwrap()), shown_as);
    }
    for wrong in ["c0", "c3", "90", "80", "c40161", "cb7ff8000000000000", "d6ff00000000"] {
        assert_eq!(named(&unhex(wrong)).unwrap_err(), Refused::InvalidData, "{wrong}");
    }
    for reserved in socketio_codec::RESERVED_NAMES {
        let name = [&[0xd9, reserved.len() as u8], reserved.as_bytes()].concat();
        assert_eq!(named(&name).unwrap_err(), Refused::ReservedName);
    }
}

#[test]
fn values_survive_both_formats() {
    let json = r#"null,true,false,0,-1,1.5,18446744073709551615,"é😀\n\"",[],{},[[1,{"a":[null]}],"x"],{"":0,"a b":[{"c":-2.5e-10}]}"#;
    let arguments = Arguments::from_json(format!("[{json}]").into()).unwrap();
    let name = EventName::new("x").unwrap();
    let target = Target::everyone(Namespace::ROOT);
    let emit = EmitRef {
        target: &target,
        name: name.raw(),
        arguments: &arguments,
        delivery: Delivery::Reliable,
        compress: true,
    };
    for format in [Format::Msgpack, Format::Json] {
        let body = classic_as("/", "somebody", format).emit(emit).body;
        assert_eq!(read_event(&body).unwrap().event.arguments().as_str(), json, "{format:?}");
    }
    assert_eq!(pieces::unescape(name.raw().as_str()), "x");
}
