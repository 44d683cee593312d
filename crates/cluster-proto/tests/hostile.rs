//! What is wrong, cut off or changed: refused by its reason, and never more than that.

mod support;

use allocation_counter::measure;
use fanfare_cluster_proto::wire::{Bounds, Classic, ClassicOrigin, Mode, Refused, ShardedOrigin};
use support::*;

const CHANNELS: [&str; 3] = ["socket.io#/#", "socket.io-request#/#", "socket.io-response#/#"];

#[test]
fn what_node_passes_on_to_the_ruin_of_clients_is_refused() {
    let event = |packet: &str| read_event(format!(r#"["u",{packet},{{"rooms":[]}}]"#).as_bytes()).unwrap_err();
    for (packet, reason) in [
        (r#"{"type":0,"data":["x"]}"#, Refused::PacketType),
        (r#"{"type":1,"data":["x"]}"#, Refused::PacketType),
        (r#"{"type":3,"data":["x"]}"#, Refused::PacketType),
        (r#"{"type":4,"data":["x"]}"#, Refused::PacketType),
        (r#"{"type":6,"data":["x"]}"#, Refused::PacketType),
        (r#"{"type":99,"data":["x"]}"#, Refused::PacketType),
        (r#"{"type":2.5,"data":["x"]}"#, Refused::PacketType),
        (r#"{"type":1e99,"data":["x"]}"#, Refused::PacketType),
        (r#"{"type":"two","data":["x"]}"#, Refused::PacketType),
        (r#"{"type":[2],"data":["x"]}"#, Refused::PacketType),
        (r#"{"data":["x"]}"#, Refused::PacketType),
        (r#"{"type":2}"#, Refused::InvalidData),
        (r#"{"type":2,"data":null}"#, Refused::InvalidData),
        (r#"{"type":2,"data":"text"}"#, Refused::InvalidData),
        (r#"{"type":2,"data":{}}"#, Refused::InvalidData),
        (r#"{"type":2,"data":[]}"#, Refused::InvalidData),
        (r#"{"type":2,"data":[null]}"#, Refused::InvalidData),
        (r#"{"type":2,"data":[["x"]]}"#, Refused::InvalidData),
        (r#"{"type":2,"data":["disconnect"]}"#, Refused::ReservedName),
        (r#"{"type":2,"data":["dis\u0063onnect"]}"#, Refused::ReservedName),
        (r#"{"type":2,"data":["x",1e999]}"#, Refused::InvalidJson),
        ("null", Refused::WrongField),
        ("7", Refused::WrongField),
    ] {
        assert_eq!(event(packet), reason, "{packet}");
    }
    let body = |rest: &str| read_event(format!(r#"["u",{{"type":2,"data":["x"]}}{rest}"#).as_bytes()).unwrap_err();
    for (rest, reason) in [
        ("]", Refused::MissingField),
        (",null]", Refused::MissingField),
        (",7]", Refused::WrongField),
        (",{}", Refused::InvalidJson),
        (",{}]]", Refused::InvalidJson),
        (",]", Refused::InvalidJson),
        (",{,}]", Refused::InvalidJson),
        (r#",{"a":1,}]"#, Refused::InvalidJson),
        (r#",{"a" 1}]"#, Refused::InvalidJson),
        (",{7:1}]", Refused::InvalidJson),
    ] {
        assert_eq!(body(rest), reason, "{rest}");
    }
    assert_eq!(read_event(b"").unwrap_err(), Refused::Truncated);
    assert_eq!(read_event(b"\xc0").unwrap_err(), Refused::WrongField);
    assert_eq!(read_event(b"\x93\xa1u\x82\xa4type\x02\xa4data\x91\xa1x\x80\x00").unwrap_err(), Refused::TrailingBytes);
}

#[test]
fn requests_and_answers_that_end_a_node_server_are_refused() {
    let refused = |channel: &str, body: &[u8]| read(&classic("/"), channel, body).unwrap_err();
    for (body, reason) in [
        (&b"\xc0"[..], Refused::WrongField),
        (b"{}", Refused::MissingField),
        (b"{", Refused::InvalidJson),
        (b"garbage", Refused::WrongField),
        (br#"{"type":99,"requestId":"q"}"#, Refused::UnknownType),
        (br#"{"type":"x","requestId":"q"}"#, Refused::UnknownType),
        (br#"{"type":1}"#, Refused::MissingField),
        (br#"{"type":1,"requestId":""}"#, Refused::MissingField),
        (br#"{"type":2,"rooms":["r"]}"#, Refused::MissingField),
        (br#"{"type":3,"opts":{}}"#, Refused::MissingField),
        (br#"{"type":3,"sid":"s","requestId":"q"}"#, Refused::MissingField),
        (br#"{"type":4}"#, Refused::MissingField),
        (br#"{"type":5,"requestId":"q"}"#, Refused::MissingField),
        (br#"{"type":6,"data":"text"}"#, Refused::InvalidData),
        (br#"{"type":6,"data":[]}"#, Refused::InvalidData),
        (br#"{"type":6}"#, Refused::InvalidData),
        (br#"{"type":7,"requestId":"q","packet":{"type":2,"data":["x"]}}"#, Refused::MissingField),
        (br#"{"type":7,"requestId":"q","opts":{}}"#, Refused::MissingField),
        (br#"{"type":7,"requestId":"q","opts":{},"packet":{"type":4,"data":["x"]}}"#, Refused::PacketType),
    ] {
        assert_eq!(refused("socket.io-request#/#", body), reason, "{}", body.escape_ascii());
    }
    for (body, reason) in [
        (&b"\xc0"[..], Refused::WrongField),
        (b"{}", Refused::MissingField),
        (br#"{"requestId":"q","type":8}"#, Refused::MissingField),
        (br#"{"requestId":"q","type":8,"clientCount":1.5}"#, Refused::WrongField),
        (br#"{"requestId":"q","type":8,"clientCount":1e300}"#, Refused::WrongField),
        (br#"{"requestId":"q","type":77}"#, Refused::UnknownType),
        (br#"{"requestId":"q","sockets":7}"#, Refused::WrongField),
        (br#"{"requestId":"q","sockets":["a",{"id":"b"}]}"#, Refused::WrongField),
        (br#"{"requestId":"q","sockets":[{}]}"#, Refused::MissingField),
        (br#"{"requestId":"q","rooms":[null]}"#, Refused::WrongField),
    ] {
        assert_eq!(refused("socket.io-response#/#", body), reason, "{}", body.escape_ascii());
    }
}

#[test]
fn ids_are_bounded() {
    let (node, id) = (classic("/"), |len: usize| "i".repeat(len));
    let read = |channel: &str, body: String| read(&node, channel, body.as_bytes()).err();
    for (len, reason) in [(6, None), (128, None), (129, Some(Refused::LongId)), (100_000, Some(Refused::LongId))] {
        let question = |uid: &str, id: &str| format!(r#"{{"uid":"{uid}","requestId":"{id}","type":1}}"#);
        assert_eq!(read("socket.io-request#/#", question("node", &id(len))), reason, "{len}");
        assert_eq!(read("socket.io-request#/#", question(&id(len), "q")), reason, "{len}");
        assert_eq!(read("socket.io-response#/#", format!(r#"{{"requestId":"{}"}}"#, id(len))), reason, "{len}");
        let message = |uid: &str, id: &str| {
            format!(r#"{{"type":7,"data":{{"opts":{{}},"requestId":"{id}"}},"uid":"{uid}","nsp":"/"}}"#)
        };
        assert_eq!(read_sharded(message("node", &id(len)).as_bytes()).err(), reason, "{len}");
        assert_eq!(read_sharded(message(&id(len), "q").as_bytes()).err(), reason, "{len}");
    }
}

#[test]
fn lists_are_bounded() {
    let mut bounds = Bounds::default();
    (bounds.rooms_max, bounds.answers_max) = (2, 3);
    let read = |channel: &str, body: &str| {
        let node = classic("/");
        node.read(node.origin(channel.as_bytes()).unwrap(), body.as_bytes().to_vec().into(), &bounds).err()
    };
    let event = |rooms: &str| read("socket.io#/#", &format!(r#"["u",{{"type":2,"data":["x"]}},{{"rooms":{rooms}}}]"#));
    assert_eq!(event(r#"["a","b"]"#), None);
    assert_eq!(event(r#"["a","b","c"]"#), Some(Refused::TooManyRooms));
    let answer =
        |key: &str, list: &str| read("socket.io-response#/#", &format!(r#"{{"requestId":"q","{key}":{list}}}"#));
    for key in ["rooms", "sockets"] {
        assert_eq!(answer(key, r#"["a","b","c"]"#), None);
        assert_eq!(answer(key, r#"["a","b","c","d"]"#), Some(Refused::TooManyAnswers));
    }
}

/// Good messages of all kinds.
fn good() -> Vec<(&'static str, Vec<u8>)> {
    let mut messages = Vec::new();
    for hex in [
        "93a6335a4d6e4a7583a47479706502a46461746194a568656c6c6f01a16181a162c3a36e7370a12f83a5726f6f6d7390a665786365707490a5666c61677380",
        "93a6335a4d6e4a7583a47479706502a46461746193a362696ec40301020381a46465657091c400a36e7370a12f83a5726f6f6d7390a665786365707490a5666c61677380",
        "93a6335a4d6e4a7583a47479706502a464617461dc0011a176c0c0cb7ff800000000000000cb3ff8000000000000ffd0dfccc8ce00011170cf000000012a05f200d3fffffffed5fa0e00cf0020000000000000d6ff6553f100d7ff1d5353006553f100c70cff3b8b87c0ffffffffffffffffa6c3a9f09f9880a36e7370a12f83a5726f6f6d7390a665786365707490a5666c61677380",
    ] {
        messages.push((CHANNELS[0], unhex(hex)));
    }
    let json = r#"["u",{"type":2,"data":["x",{"type":"Buffer","data":[1,2]},"\u00e9"],"nsp":"/"},{"rooms":["a"],"except":[],"flags":{"volatile":true}}]"#;
    messages.push((CHANNELS[0], json.into()));
    messages.push((CHANNELS[1], unhex("85a3756964a6335a4d6e4a75a9726571756573744964a6645a35576a30a47479706507a67061636b657483a47479706502a46461746192a361736b01a36e7370a12fa46f70747383a5726f6f6d7390a665786365707490a5666c61677381a774696d656f7574cd0258")));
    for request in [
        r#"{"uid":"3ZMnJu","requestId":"46Alll","type":5,"opts":{"rooms":[],"except":["a"]}}"#,
        r#"{"uid":"3ZMnJu","type":2,"opts":{"rooms":["news"],"except":[]},"rooms":["r8","r9"]}"#,
        r#"{"uid":"3ZMnJu","type":6,"data":["e","v",{"type":"Buffer","data":[1,2]}]}"#,
    ] {
        messages.push((CHANNELS[1], request.into()));
    }
    messages.push((CHANNELS[2], unhex("83a47479706509a9726571756573744964a6645a35576a30a67061636b6574c4020102")));
    messages.push((
        CHANNELS[2],
        br#"{"requestId":"46Alll","sockets":[{"id":"s","handshake":{"headers":{}},"rooms":["a"],"data":{}}]}"#.to_vec(),
    ));
    messages
}

/// The same message, said in the sharded way.
fn good_sharded() -> Vec<Vec<u8>> {
    vec![
        br#"{"type":3,"data":{"packet":{"type":2,"data":["x"]},"opts":{"rooms":["news"],"except":[],"flags":{}}},"uid":"a6185c21924bd6ed","nsp":"/"}"#.to_vec(),
        unhex("84a47479706503a46461746182a67061636b657482a47479706502a46461746193a362696ec40301020381a46465657091c400a46f70747383a5726f6f6d7390a665786365707490a5666c61677380a3756964b061363138356332313932346264366564a36e7370a12f"),
        br#"{"nsp":"/","uid":"u","data":{"requestId":"q","packet":"answer"},"type":12}"#.to_vec(),
    ]
}

fn read_sharded(body: &[u8]) -> Result<(), Refused> {
    let node = sharded_as("49a71cee95a5cced", Mode::Dynamic);
    node.read(ShardedOrigin::All, body.to_vec().into(), &Bounds::default()).map(drop)
}

#[test]
fn no_prefix_of_a_good_message_is_taken() {
    let node = classic("/");
    for (channel, body) in good() {
        assert!(read(&node, channel, &body).unwrap().is_some());
        for end in 0..body.len() {
            assert!(read(&node, channel, &body[..end]).is_err(), "{:?}", &body[..end].escape_ascii());
        }
    }
    for body in good_sharded() {
        read_sharded(&body).unwrap();
        for end in 0..body.len() {
            assert!(read_sharded(&body[..end]).is_err(), "{:?}", &body[..end].escape_ascii());
        }
    }
}

#[test]
fn no_changed_byte_does_harm() {
    let node = classic("/");
    let mut refused = 0;
    for (channel, body) in good() {
        for_each_change(&body, |changed| refused += usize::from(read(&node, channel, changed).is_err()));
    }
    for body in good_sharded() {
        for_each_change(&body, |changed| refused += usize::from(read_sharded(changed).is_err()));
    }
    assert!(refused > 2_000, "{refused}");
}

fn for_each_change(body: &[u8], mut then: impl FnMut(&[u8])) {
    let mut changed = body.to_vec();
    for (at, byte) in body.iter().enumerate() {
        for other in (0..=255).step_by(5).chain([byte ^ 1, byte ^ 0x10, byte ^ 0x80]) {
            changed[at] = other;
            then(&changed);
        }
        changed[at] = *byte;
    }
}

#[test]
fn memory_is_a_small_multiple_of_the_message() {
    let node = classic("/");
    let packed = |values: Vec<u8>| [b"\x93\xa1u\x82\xa4type\x02\xa4data\x92\xa1x", &values[..], b"\x80"].concat();
    let list = |value: &[u8]| {
        let count = 200_000 / value.len();
        packed([&[0xdd], &(count as u32).to_be_bytes()[..], &value.repeat(count)].concat())
    };
    let claims = packed([0xdd, 0x00, 0x01, 0x00, 0x00].repeat(40_000));
    let json = |middle: &str| {
        format!(r#"["u",{{"type":2,"data":["x",[{}]]}},{{}}]"#, middle.repeat(200_000 / middle.len()) + "1")
    };
    // A byte becomes five of text or six; the rest is a text that grows by doubling, and what only debug builds check.
    for (what, body, factor) in [
        ("nil", list(b"\xc0"), 24),
        ("control characters", list(b"\xa1\x01"), 24),
        ("wrong letters", list(b"\xa1\xff"), 24),
        ("small doubles", list(b"\xca\x00\x00\x00\x01"), 24),
        ("dates", list(b"\xd6\xff\x00\x00\x00\x00"), 24),
        ("lengths that are claims", claims, 4),
        ("what opens and never closes", packed(b"\x91".repeat(200_000)), 4),
        ("left out", list(b"\x81\xa9__proto__\xc0"), 4),
        ("json", json("1,").into_bytes(), 4),
        ("bytes in json", json(r#"{"type":"Buffer","data":[1,2,3]},"#).into_bytes(), 4),
    ] {
        let len = body.len() as u64;
        let body = bytes::Bytes::from(body);
        let cost = measure(|| drop(node.read(ClassicOrigin::Events { room: None }, body.clone(), &Bounds::default())));
        assert!(cost.bytes_max <= factor * len + 4096, "{what}: {len} bytes cost {cost:?}");
    }
    rooms_cost_what_their_bound_allows(&node);
}

fn rooms_cost_what_their_bound_allows(node: &Classic) {
    let rooms = [&b"\x93\xa1u\x82\xa4type\x02\xa4data\x91\xa1x\x81\xa5rooms\xdd\x00\x03\x00\x00"[..], &[0xa0; 200_000]]
        .concat();
    let body = bytes::Bytes::from(rooms);
    let cost = measure(|| drop(node.read(ClassicOrigin::Events { room: None }, body.clone(), &Bounds::default())));
    assert!(cost.bytes_max < 1_000_000, "{cost:?}");
}

#[test]
fn what_is_not_for_us_costs_nothing() {
    let node = classic("/");
    let own = br#"["ourselves",{"type":2,"data":["x"]},{}]"#;
    let body = bytes::Bytes::from_static(own);
    let cost = measure(|| {
        assert_eq!(node.room_of(b"socket.io#/#somewhere else#"), Some("somewhere else"));
        assert_eq!(node.read(ClassicOrigin::Events { room: None }, body.clone(), &Bounds::default()), Ok(None));
    });
    assert_eq!(cost.count_total, 0);
}
