//! The MessagePack format: what the reference writes, what is refused, and the way to JSON and back.
#![cfg(feature = "msgpack")]

use bytes::Bytes;
use socketio_codec::msgpack::{Packet, PacketRef, Value, Values, decode};
use socketio_codec::{AckId, Arguments, Attachment, DecodeErrorKind, Limits, Namespace, Text};

fn unhex(hex: &str) -> Bytes {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal")).collect()
}

/// Frames written by `socket.io-msgpack-parser`, and the text form of the same packets.
const REFERENCE: [(&str, &str); 12] = [
    ("82a47479706500a36e7370a12f", r#"0"#),
    ("83a47479706500a46461746181a5746f6b656ea178a36e7370a62f61646d696e", r#"0/admin,{"token":"x"}"#),
    ("83a47479706500a464617461d40000a36e7370a12f", r#"0"#),
    ("82a47479706501a36e7370a62f61646d696e", r#"1/admin,"#),
    (
        "85a47479706502a4646174619ea568656c6c6f01ffd0dfd1ff38d2ffff63c0ceb2d05e00d3ffffffff4d2fa200cf001fffffffffffffcb3ff8000000000000c3c2c081a16190a76f7074696f6e7381a8636f6d7072657373c3a36e7370a12fa269640c",
        r#"212["hello",1,-1,-33,-200,-40000,3000000000,-3000000000,9007199254740991,1.5,true,false,null,{"a":[]}]"#,
    ),
    (
        "84a47479706502a46461746193a162c402010281a178c7010003a36e7370a12fa26964d40000",
        r#"52-["b",{"_placeholder":true,"num":0},{"x":{"_placeholder":true,"num":1}}]"#,
    ),
    (
        "83a47479706502a46461746196a164d7000000018df4dc5495d40000cb7ff8000000000000d700ffffffffffffffffd7000000e677d21fdc00a36e7370a12f",
        r#"2["d","2024-02-29T12:34:56.789Z",null,null,"1969-12-31T23:59:59.999Z","+010000-01-01T00:00:00.000Z"]"#,
    ),
    (
        "83a47479706502a4646174619301a9c3a9e29895f09f9880d92878787878787878787878787878787878787878787878787878787878787878787878787878787878a36e7370a12f",
        r#"2[1,"é☕😀","xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"]"#,
    ),
    ("84a47479706503a46461746190a2696400a36e7370a12f", r#"30[]"#),
    (
        "84a47479706503a46461746191dc0014000102030405060708090a0b0c0d0e0f10111213a26964cd012ca36e7370a22f6e",
        r#"3/n,300[[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19]]"#,
    ),
    ("83a47479706504a46461746181a76d657373616765a26e6fa36e7370a52f6e6f7065", r#"4/nope,{"message":"no"}"#),
    ("83a47479706504a464617461a26e6fa36e7370a12f", r#"4"no""#),
];

/// The text form of a packet, by way of JSON.
fn text_form(packet: &Packet) -> Text {
    let json = |values: &Values| values.to_json().expect("has a JSON form");
    match packet {
        Packet::Connect { namespace, auth } => {
            let auth = auth.as_ref().map(|auth| auth.to_json().expect("has a JSON form"));
            socketio_codec::PacketRef::connect(namespace, auth.as_ref()).to_text()
        }
        Packet::Disconnect { namespace } => socketio_codec::PacketRef::disconnect(namespace).to_text(),
        Packet::Event { namespace, id, event } => {
            let arguments = json(event.arguments());
            // A name that is a number has no `EventName`: write the packet that has it.
            let name = match event.raw_name().first() {
                Some(0xa0..) => serde_json::to_string(&event.name()).expect("is text"),
                _ => event.name().into_owned(),
            };
            let id = id.map(|id| id.to_string()).unwrap_or_default();
            let namespace = if namespace.is_root() { String::new() } else { format!("{namespace},") };
            let count = match arguments.attachments().len() {
                0 => "2".to_owned(),
                count => format!("5{count}-"),
            };
            let comma = if arguments.is_empty() { "" } else { "," };
            Text::from(format!("{count}{namespace}{id}[{name}{comma}{}]", arguments.as_str()))
        }
        Packet::Ack { namespace, id, arguments } => {
            socketio_codec::PacketRef::ack(namespace, id.expect("the rows have ids"), &json(arguments)).to_text()
        }
        Packet::ConnectError { namespace, error } => {
            socketio_codec::PacketRef::connect_error(namespace, Some(&error.to_json().expect("has a JSON form")))
                .to_text()
        }
    }
}

#[test]
fn reads_what_the_reference_writes() {
    for (frame, text) in REFERENCE {
        let packet = decode(unhex(frame), &Limits::default()).unwrap();
        assert_eq!(text_form(&packet), text);
    }
}

#[test]
fn reads_what_it_writes_as_the_same() {
    for (frame, _) in REFERENCE {
        let packet = decode(unhex(frame), &Limits::default()).unwrap();
        let written = PacketRef::from(&packet);
        assert_eq!(written.encoded_len(), written.to_bytes().len());
        assert_eq!(decode(written.to_bytes(), &Limits::default()).unwrap(), packet);
    }
}

#[test]
fn every_prefix_and_every_tail_is_an_error() {
    for (frame, _) in REFERENCE {
        let frame = unhex(frame);
        for end in 0..frame.len() {
            assert!(decode(frame.slice(..end), &Limits::default()).is_err(), "{end} of {frame:?}");
        }
        for byte in [0, 0xc0, 0x80] {
            let longer = [&frame[..], &[byte]].concat();
            assert!(decode(longer.into(), &Limits::default()).is_err());
        }
    }
}

#[test]
fn every_byte_changed_does_not_panic() {
    for (frame, _) in REFERENCE {
        let frame = unhex(frame);
        for at in 0..frame.len() {
            for byte in 0..=255 {
                let mut changed = frame.to_vec();
                changed[at] = byte;
                if let Ok(packet) = decode(changed.into(), &Limits::default()) {
                    assert_eq!(decode(PacketRef::from(&packet).to_bytes(), &Limits::default()).unwrap(), packet);
                    match &packet {
                        Packet::Event { event, .. } => drop((event.name().len(), event.arguments().to_json())),
                        Packet::Ack { arguments, .. } => drop(arguments.to_json()),
                        _ => {}
                    }
                }
            }
        }
    }
}

#[test]
fn what_is_no_packet_is_refused() {
    use DecodeErrorKind::*;
    let packet = |members: &[(&str, &[u8])]| {
        let mut frame = vec![0x80 | members.len() as u8];
        for (key, value) in members {
            frame.push(0xa0 | key.len() as u8);
            frame.extend_from_slice(key.as_bytes());
            frame.extend_from_slice(value);
        }
        decode(frame.into(), &Limits::default()).map_err(|error| error.kind())
    };
    let root: (&str, &[u8]) = ("nsp", b"\xa1/");
    for (members, kind) in [
        (&[root][..], UnknownType),
        (&[("type", &[5]), root], UnknownType),
        (&[("type", b"\xa12"), root], UnknownType),
        (&[("type", &[0])], InvalidNamespace),
        (&[("type", &[0]), ("nsp", &[1])], InvalidNamespace),
        (&[("type", &[0]), ("nsp", b"\xa1x")], InvalidNamespace),
        (&[("type", &[0]), ("nsp", b"\xa3/,x")], InvalidNamespace),
        (&[("type", &[0]), root, ("data", &[0x90])], InvalidPayload),
        (&[("type", &[0]), root, ("data", &[0xc0])], InvalidPayload),
        (&[("type", &[1]), root, ("data", &[0x80])], InvalidPayload),
        (&[("type", &[2]), root], InvalidPayload),
        (&[("type", &[2]), root, ("data", &[0x80])], InvalidPayload),
        (&[("type", &[2]), root, ("data", &[0x90])], InvalidEventName),
        (&[("type", &[2]), root, ("data", &[0x91, 0xc0])], InvalidEventName),
        (&[("type", &[2]), root, ("data", b"\x91\xa7connect")], ReservedEventName),
        (&[("type", &[3]), root, ("data", &[0x90]), ("id", &[0xff])], InvalidPayload),
        (&[("type", &[3]), root, ("data", &[0x90]), ("id", &[0xc0])], InvalidPayload),
        (&[("type", &[3]), root, ("data", &[0x90]), ("id", &[0xcf, 0, 0x20, 0, 0, 0, 0, 0, 0])], AckIdTooLarge),
        (&[("type", &[4]), root], InvalidPayload),
        (&[("type", &[2]), root, ("data", b"\x92\xa1a\xc1")], InvalidMsgpack),
        (&[("type", &[2]), root, ("data", b"\x92\xa1a\xa1\xff")], NotUtf8),
        (&[("type", &[2]), root, ("data", b"\x92\xa1a\x81\xa9__proto__\x80")], InvalidMsgpack),
        (&[("type", &[2]), root, ("data", b"\x92\xa1a\xdd\xff\xff\xff\xff")], InvalidMsgpack),
        (&[("type", &[2]), root, ("data", b"\x92\xa1a\xdf\xff\xff\xff\xff")], InvalidMsgpack),
        (&[("type", &[2]), root, ("data", b"\x92\xa1a\xc6\xff\xff\xff\xff")], InvalidMsgpack),
    ] {
        assert_eq!(packet(members), Err(kind), "{members:?}");
    }
    // A string `__proto__` that is no key is nothing special.
    let value = b"\x92\xa1a\x81\xa1k\xa9__proto__";
    assert!(packet(&[("type", &[2]), root, ("data", value)]).is_ok());
}

#[test]
fn nesting_is_bounded() {
    for (levels, is_allowed) in [(127, true), (128, false), (1_000_000, false)] {
        let mut value = vec![0x91; levels - 1];
        value.push(0x90);
        assert_eq!(Value::from_bytes(value.into()).is_ok(), is_allowed, "{levels}");
    }
    let mut limits = Limits::default();
    limits.json_depth_max = usize::MAX;
    let mut frame = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa1a".to_vec();
    frame.extend_from_slice(&[0x91; 200]);
    frame.push(0xc0);
    assert_eq!(decode(frame.into(), &limits).map_err(|error| error.kind()), Err(DecodeErrorKind::TooDeep));
}

#[test]
fn values_survive_the_way_from_json_and_back() {
    let arguments = Arguments::serialize(&(
        "text \"with\" é\n",
        (0, 127, 128, 65_536, u64::MAX, -1, -32, -33, i64::MIN, 1.5, 1e300),
        Attachment::from(vec![7; 300]),
        serde_json::json!({ "a": [1, { "b": {}, "c": [] }], "d": "x".repeat(70_000), "e": null, "f": [true, false] }),
        vec![0; 20],
        Attachment::default(),
    ))
    .unwrap();
    let values = Values::from_json(&arguments).unwrap();
    assert_eq!(values.len(), arguments.len());
    assert_eq!(values.iter().count(), values.len());
    let id = AckId::from(7);
    let namespace = Namespace::try_from("/admin").unwrap();
    let frame = PacketRef::event(&namespace, "name", &values).with_id(id).to_bytes();
    let Ok(Packet::Event { event, id: received, .. }) = decode(frame, &Limits::default()) else { panic!() };
    assert_eq!((event.name().as_ref(), received), ("name", Some(id)));
    assert_eq!(event.arguments().to_json().unwrap(), arguments);

    let renamed = PacketRef::event(Namespace::root(), &event, event.arguments()).to_bytes();
    let Ok(Packet::Event { event: again, .. }) = decode(renamed, &Limits::default()) else { panic!() };
    assert_eq!(again, event);
}

#[test]
fn a_received_binary_event_becomes_msgpack() {
    let mut decoder = socketio_codec::Decoder::default();
    let text = r#"51-["a",{"_placeholder":true,"num":0},{"b":{"_placeholder":true,"num":0,"x":1}}]"#;
    assert!(decoder.handle_text(text.into()).is_err(), "named twice");
    let text = r#"51-["a", [ {"b" : {"_placeholder":true,"num":0,"x":1}} , -0 , 1e99 ] ]"#;
    assert!(decoder.handle_text(text.into()).unwrap().is_none());
    let Some(socketio_codec::Packet::Event { event, .. }) = decoder.handle_binary(b"xyz"[..].into()).unwrap() else {
        panic!()
    };
    let values = Values::from_json(event.arguments()).unwrap();
    let json = values.to_json().unwrap();
    assert_eq!(json.as_str(), r#"[{"b":{"_placeholder":true,"num":0}},-0.0,1e+99]"#);
    assert_eq!(json.attachments(), event.attachments());
    let proto = Arguments::from_json(r#"[{"__proto__":1}]"#.into()).unwrap();
    assert!(Values::from_json(&proto).is_err());
}
