//! The bytes of the classic adapter as they were captured, both ways.

mod support;

use std::time::Duration;

use engineio_proto::Delivery;
use fanfare_cluster_proto::wire::{
    Answer, Bounds, ClassicOrigin, EmitRef, Format, Glance, Message, Order, Question, RemoteSocket, Response, Sender,
    Sort, Sought, Uid,
};
use hub::{Command, Expulsion, SocketId, Target};
use socketio_codec::{Arguments, EventName, Json, Namespace};
use support::*;

/// Channel, bytes, the event, whom it is for: sections 2.2 and 4.
const EVENTS: &[(&str, &str, &str, &str)] = &[
    (
        "socket.io#/#",
        "93a6335a4d6e4a7583a47479706502a46461746194a568656c6c6f01a16181a162c3a36e7370a12f83a5726f6f6d7390a665786365707490a5666c61677380",
        r#"["hello",1,"a",{"b":true}]"#,
        "to  but ",
    ),
    (
        "socket.io#/#news#",
        "93a6335a4d6e4a7583a47479706502a46461746191a178a36e7370a12f83a5726f6f6d7391a46e657773a665786365707490a5666c61677380",
        r#"["x"]"#,
        "to news but ",
    ),
    (
        "socket.io#/#",
        "93a6335a4d6e4a7583a47479706502a46461746191a178a36e7370a12f83a5726f6f6d7392a46e657773a178a665786365707490a5666c61677380",
        r#"["x"]"#,
        "to news x but ",
    ),
    (
        "socket.io#/#",
        "93a6335a4d6e4a7583a47479706502a46461746191a178a36e7370a12f83a5726f6f6d7390a665786365707491a46e657773a5666c61677380",
        r#"["x"]"#,
        "to  but news",
    ),
    (
        "socket.io#/#news#",
        "93a6335a4d6e4a7583a47479706502a46461746193a3736179a46e65777307a36e7370a12f83a5726f6f6d7391a46e657773a665786365707491b45161535857557a724c3436492d4f597941414141a5666c61677380",
        r#"["say","news",7]"#,
        "to news but QaSXWUzrL46I-OYyAAAA",
    ),
    (
        "socket.io#/#",
        "93a6335a4d6e4a7583a47479706502a46461746193a362696ec40301020381a46465657091c400a36e7370a12f83a5726f6f6d7390a665786365707490a5666c61677380",
        r#"["bin",{"_placeholder":true,"num":0},{"deep":[{"_placeholder":true,"num":1}]}] 010203 "#,
        "to  but ",
    ),
    (
        "socket.io#/#",
        "93a6335a4d6e4a7583a47479706502a464617461dc0011a176c0c0cb7ff800000000000000cb3ff8000000000000ffd0dfccc8ce00011170cf000000012a05f200d3fffffffed5fa0e00cf0020000000000000d6ff6553f100d7ff1d5353006553f100c70cff3b8b87c0ffffffffffffffffa6c3a9f09f9880a36e7370a12f83a5726f6f6d7390a665786365707490a5666c61677380",
        r#"["v",null,null,null,0,1.5,-1,-33,200,70000,5000000000,-5000000000,9007199254740992,"2023-11-14T22:13:20.000Z","2023-11-14T22:13:20.123Z","1969-12-31T23:59:59.999Z","é😀"]"#,
        "to  but ",
    ),
    // npm emitter.
    (
        "socket.io#/#",
        "93a7656d697474657283a47479706502a46461746194a568656c6c6f01a16181a162c3a36e7370a12f83a5726f6f6d7390a5666c61677380a665786365707490",
        r#"["hello",1,"a",{"b":true}]"#,
        "to  but ",
    ),
    (
        "socket.io#/#news#",
        "93a7656d697474657283a47479706502a46461746191a178a36e7370a12f83a5726f6f6d7391a46e657773a5666c61677380a665786365707490",
        r#"["x"]"#,
        "to news but ",
    ),
    (
        "socket.io#/#news#",
        "93a7656d697474657283a47479706502a46461746191a178a36e7370a12f83a5726f6f6d7391a46e657773a5666c61677380a665786365707492a161a162",
        r#"["x"]"#,
        "to news but a b",
    ),
    // `to(7)`: a number.
    (
        "socket.io#/#7#",
        "93a7656d697474657283a47479706502a46461746191a178a36e7370a12f83a5726f6f6d739107a5666c61677380a665786365707490",
        r#"["x"]"#,
        "to 7 but ",
    ),
    // Python: `""` for what is empty, no `except`, another order.
    (
        "socket.io#/#",
        "93a7656d697474657283a46461746191a178a47479706502a36e7370a12f82a5666c616773a0a5726f6f6d73a0",
        r#"["x"]"#,
        "to  but ",
    ),
    // PHP of Turbo-Timer: `flags` is an empty array.
    (
        "socket.io#/#",
        "93a7656d697474657283a47479706502a46461746191a178a36e7370a12f83a5726f6f6d7391a46e657773a665786365707490a5666c61677390",
        r#"["x"]"#,
        "to news but ",
    ),
    // Perl and Go: type 5 with bytes or letters that are not ASCII.
    (
        "socket.io#/#",
        "93a7656d697474657283a47479706505a46461746192a178a2c3a9a36e7370a12f82a5726f6f6d7390a5666c61677381a8766f6c6174696c6501",
        r#"["x","é"]"#,
        "to  but ",
    ),
];

#[test]
fn events_are_read_as_they_were_captured() {
    for (channel, body, event, target) in EVENTS {
        let received = read(&classic("/"), channel, &unhex(body)).unwrap().expect("it is for us");
        assert!(matches!(received.from.as_deref(), Some("3ZMnJu" | "emitter")));
        let read = emit(received.message);
        assert_eq!((shown(&read), whom(&read.target)), (event.to_string(), target.to_string()), "{body}");
    }
}

#[test]
fn events_of_ours_are_node_s_byte_for_byte() {
    let node = classic_as("/", "3ZMnJu", Format::Msgpack);
    // The last of Node's has dates and a NaN, which we have as text and null.
    for (channel, body, ..) in &EVENTS[..6] {
        let received = read(&classic("/"), channel, &unhex(body)).unwrap().expect("it is for us");
        let written = node.tell(&emit(received.message).command(None, None)).unwrap();
        assert_eq!((written.channel.as_str(), hex(&written.body)), (*channel, body.to_string()));
        assert!(node.is_own(&written.body) && !classic("/").is_own(&written.body));
        assert_eq!(read(&node, channel, &written.body), Ok(None), "our own");
    }
}

#[test]
fn flags_are_obeyed() {
    let with = |flags: &str| {
        let body =
            "93a6335a4d6e4a7583a47479706502a46461746191a178a36e7370a12f83a5726f6f6d7390a665786365707490a5666c616773";
        read_event(&unhex(&(body.to_owned() + flags))).unwrap()
    };
    assert!(is_volatile(&with("81a8766f6c6174696c65c3")));
    assert!(is_volatile(&with("81a8766f6c6174696c6501")), "Perl's");
    assert!(!with("81a8636f6d7072657373c2").compress);
    let plain = with("81a774696d656f7574cd02bc");
    assert!(plain.compress && !is_volatile(&plain));
}

#[test]
fn what_node_takes_for_an_event_is_taken() {
    for body in [
        // `opts` without anything, nil, empty text; a fourth value.
        &b"\x93\xa1u\x83\xa4type\x02\xa4data\x91\xa1x\xa3nsp\xa1/\x80"[..],
        b"\x93\xa1u\x83\xa4type\x02\xa4data\x91\xa1x\xa3nsp\xa1/\x83\xa5rooms\xc0\xa6except\xc0\xa5flags\xc0",
        b"\x93\xa1u\x83\xa4type\x02\xa4data\x91\xa1x\xa3nsp\xa1/\x83\xa5rooms\xa0\xa6except\xa0\xa5flags\xa0",
        b"\x94\xa1u\x83\xa4type\x02\xa4data\x91\xa1x\xa3nsp\xa1/\x80\xc0",
        // Without `nsp`.
        b"\x93\xa1u\x82\xa4type\x02\xa4data\x91\xa1x\x80",
        // A uid that is nil, or a number.
        b"\x93\xc0\x82\xa4type\x02\xa4data\x91\xa1x\x80",
        b"\x93\x07\x82\xa4type\x02\xa4data\x91\xa1x\x80",
        // Types of every form.
        b"\x93\xa1u\x82\xa4type\xd3\0\0\0\0\0\0\0\x02\xa4data\x91\xa1x\x80",
        b"\x93\xa1u\x82\xa4type\xcb\x40\0\0\0\0\0\0\0\xa4data\x91\xa1x\x80",
        b"\x93\xa1u\x82\xa4type\xa12\xa4data\x91\xa1x\x80",
        // Other members, and longer heads than it needs.
        b"\xdd\0\0\0\x03\xd9\x01u\xdf\0\0\0\x03\xa4more\x81\x01\xc0\xda\0\x04type\xcd\0\x02\xa4data\xdc\0\x01\xa1x\xde\0\0",
        // JSON, with white space.
        br#"[ "u" , {"type":2,"data":["x"]},{} ]"#,
        br#"["u",{"data":["x"],"type":"2","nsp":"\/"},{"rooms":null,"except":"","flags":[]},1]"#,
    ] {
        let read = read_event(body).unwrap_or_else(|refused| panic!("{refused}: {body:?}"));
        assert_eq!((shown(&read), whom(&read.target)), (r#"["x"]"#.to_owned(), "to  but ".to_owned()), "{body:?}");
    }
}

#[test]
fn rooms_are_a_list_or_the_text_of_one() {
    let target = |opts: &str| {
        let body = format!(r#"["u",{{"type":2,"data":["x"]}},{opts}]"#);
        read_event(body.as_bytes()).map(|emit| whom(&emit.target))
    };
    assert_eq!(target(r#"{"rooms":"news"}"#).unwrap(), "to news but ");
    assert_eq!(
        target(r#"{"rooms":[7,-7,1.5,2.0,"a"],"except":[18446744073709551615]}"#).unwrap(),
        "to 7 -7 1.5 2 a but 18446744073709551615"
    );
    // Left out, what is no name would make everyone of it.
    for wrong in
        [r#"{"rooms":[null]}"#, r#"{"rooms":[["a"]]}"#, r#"{"rooms":7}"#, r#"{"rooms":{}}"#, r#"{"except":[{}]}"#]
    {
        assert_eq!(target(wrong), Err(fanfare_cluster_proto::wire::Refused::WrongField), "{wrong}");
    }
}

#[test]
fn an_emitter_that_publishes_once_a_room_is_heard_once_in_each() {
    let body = br#"["emitter",{"type":2,"data":["x"],"nsp":"/"},{"rooms":["a","b"],"flags":""}]"#;
    let heard = |channel: &str| {
        let received = read(&classic("/"), channel, body).unwrap().expect("it is for us");
        whom(&emit(received.message).target)
    };
    assert_eq!(heard("socket.io#/#a#"), "to a but ");
    assert_eq!(heard("socket.io#/#b#"), "to b but ");
    assert_eq!(heard("socket.io#/#"), "to a b but ");
    // What the channel says is no room of the list: the list counts, as for Node.
    assert_eq!(heard("socket.io#/#c#"), "to a b but ");
}

#[test]
fn other_namespaces_and_our_own_are_not_for_us() {
    let chat = classic("/chat");
    let origin = ClassicOrigin::Events { room: None };
    let read = |body: &str| chat.read(origin, body.as_bytes().to_vec().into(), &Bounds::default());
    assert!(read(r#"["u",{"type":2,"data":["x"],"nsp":"/chat"},{}]"#).unwrap().is_some());
    for foreign in [
        r#"["u",{"type":2,"data":["x"],"nsp":"/"},{}]"#,
        r#"["u",{"type":2,"data":["x"]},{}]"#,
        r#"["u",{"type":2,"data":["x"],"nsp":null},{}]"#,
        r#"["ourselves",{"type":2,"data":["x"],"nsp":"/chat"},{}]"#,
        r#"[ "ourselves" ,0,0]"#,
    ] {
        assert_eq!(read(foreign), Ok(None), "{foreign}");
    }
}

#[test]
fn the_json_parser_is_spoken_both_ways() {
    // Section 2.5 and 4.
    let body = r#"["WOZDkC",{"type":2,"data":["x",1,{"type":"Buffer","data":[1,2]}],"nsp":"/"},{"rooms":[],"except":[],"flags":{}}]"#;
    let read = read_event(body.as_bytes()).unwrap();
    assert_eq!(shown(&read), r#"["x",1,{"_placeholder":true,"num":0}] 0102"#);
    let written = classic_as("/", "WOZDkC", Format::Json).tell(&read.command(None, None)).unwrap();
    assert_eq!((written.channel.as_str(), &written.body[..]), ("socket.io#/#", body.as_bytes()));

    let emitter = r#"["emitter",{"type":2,"data":["x"],"nsp":"/"},{"rooms":[],"flags":{},"except":[]}]"#;
    assert_eq!(shown(&read_event(emitter.as_bytes()).unwrap()), r#"["x"]"#);
}

#[test]
fn a_socket_is_a_room_on_the_wire() {
    let node = classic_as("/", "3ZMnJu", Format::Json);
    let socket = SocketId::from_random([7; 15]);
    let name = EventName::new("x").unwrap();
    let told = |target: &Target| {
        let emit = EmitRef {
            target,
            name: name.raw(),
            arguments: Arguments::empty(),
            delivery: Delivery::Volatile,
            compress: false,
        };
        let written = node.emit(emit);
        (written.channel, String::from_utf8(written.body.to_vec()).unwrap())
    };
    let one = Target::socket(Namespace::ROOT, socket).except_socket(socket).except("r");
    assert_eq!(
        told(&one),
        (
            format!("socket.io#/#{socket}#"),
            format!(
                r#"["3ZMnJu",{{"type":2,"data":["x"],"nsp":"/"}},{{"rooms":["{socket}"],"except":["r","{socket}"],"flags":{{"volatile":true,"compress":false}}}}]"#
            )
        )
    );
    // The same room twice is one; as Node has them in a set.
    assert_eq!(told(&Target::everyone(Namespace::ROOT).to("a").to("a")).0, "socket.io#/#a#");
    assert_eq!(told(&Target::everyone(Namespace::ROOT).to("a").to_socket(socket)).0, "socket.io#/#");
}

#[test]
fn orders_are_written_as_node_writes_them() {
    let node = classic_as("/", "3ZMnJu", Format::Msgpack);
    let news = || Target::everyone(Namespace::ROOT).to("news");
    let rooms = || vec!["r8".into(), "r9".into()];
    for (command, body) in [
        (
            Command::Join { target: news(), rooms: rooms() },
            r#"{"uid":"3ZMnJu","type":2,"opts":{"rooms":["news"],"except":[]},"rooms":["r8","r9"]}"#,
        ),
        (
            Command::Leave { target: news(), rooms: rooms() },
            r#"{"uid":"3ZMnJu","type":3,"opts":{"rooms":["news"],"except":[]},"rooms":["r8","r9"]}"#,
        ),
        (
            Command::Expel { target: news(), from: Expulsion::Namespace },
            r#"{"uid":"3ZMnJu","type":4,"opts":{"rooms":["news"],"except":[]},"close":false}"#,
        ),
        (
            Command::Expel { target: news(), from: Expulsion::Connection },
            r#"{"uid":"3ZMnJu","type":4,"opts":{"rooms":["news"],"except":[]},"close":true}"#,
        ),
    ] {
        let written = node.tell(&command).unwrap();
        assert_eq!((&*written.channel, std::str::from_utf8(&written.body).unwrap()), ("socket.io-request#/#", body));
        assert_eq!(read(&node, &written.channel, &written.body), Ok(None), "our own");
        let received = read(&classic("/"), &written.channel, &written.body).unwrap().expect("it is for others");
        let Message::Order(order) = received.message else { panic!() };
        assert_eq!(format!("{:?}", order.command()), format!("{command:?}"));
    }
    let hang_up = Command::Expel { target: news(), from: Expulsion::Transport("drained") };
    assert_eq!(node.tell(&hang_up), None);
}

#[test]
fn orders_of_emitters_and_others_are_read() {
    let order = |body: &str| match read(&classic("/"), "socket.io-request#/#", body.as_bytes()).unwrap() {
        Some(received) => match received.message {
            Message::Order(order) => (order, received.from),
            other => panic!("{other:?}"),
        },
        None => panic!("{body} is for us"),
    };
    let (join, from) = order(r#"{"type":2,"opts":{"rooms":["news"],"except":[]},"rooms":["r1"]}"#);
    assert_eq!((join, from), (Order::Join { target: news(), rooms: vec!["r1".into()] }, None));
    // Java: one room, as text. Go: `close` left out, lists that are nil.
    let (join, _) = order(r#"{"type":3,"opts":{"rooms":["news"],"except":null},"rooms":"r1"}"#);
    assert_eq!(join, Order::Leave { target: news(), rooms: vec!["r1".into()] });
    let (expel, _) = order(r#"{"type":4,"opts":{"rooms":["news"]}}"#);
    assert_eq!(expel, Order::Expel { target: news(), from: Expulsion::Namespace });
}

fn news() -> Target {
    Target::everyone(Namespace::ROOT).to("news")
}

#[test]
fn the_old_forms_of_orders_are_requests() {
    let asked = |body: &str| question(read(&classic("/"), "socket.io-request#/#", body.as_bytes()).unwrap());
    let socket = "QaSXWUzrL46I-OYyAAAA";
    let target = Target::everyone(Namespace::ROOT).to(socket);
    for (body, order) in [
        (
            r#"{"requestId":"q","type":2,"sid":"QaSXWUzrL46I-OYyAAAA","room":"r"}"#,
            Order::Join { target: target.clone(), rooms: vec!["r".into()] },
        ),
        (
            r#"{"requestId":"q","type":3,"sid":"QaSXWUzrL46I-OYyAAAA","room":"r"}"#,
            Order::Leave { target: target.clone(), rooms: vec!["r".into()] },
        ),
        (
            r#"{"requestId":"q","type":4,"sid":"QaSXWUzrL46I-OYyAAAA","close":true}"#,
            Order::Expel { target: target.clone(), from: Expulsion::Connection },
        ),
    ] {
        assert_eq!(asked(body), ("q".into(), Question::OneSocket { socket: socket.into(), order }));
    }
    assert_eq!(asked(r#"{"requestId":"q","type":0,"rooms":["news"]}"#), ("q".into(), Question::AllSockets(news())));
}

#[test]
fn who_counts_asks_what_a_node_server_answers_by_as_little_as_it_can() {
    let node = classic_as("/", "3ZMnJu", Format::Msgpack);
    let muted = || news().except("muted");
    for (target, body) in [
        (news(), r#"{"uid":"3ZMnJu","requestId":"q","type":0,"rooms":["news"],"count":true}"#),
        (
            muted(),
            r#"{"uid":"3ZMnJu","requestId":"q","type":5,"opts":{"rooms":["news"],"except":["muted"]},"count":true}"#,
        ),
    ] {
        let written = node.ask("q", Sought::Count(&target));
        assert_eq!(written.body, body);
        assert_eq!(node.glance(&written.body), Glance { sort: Sort::Question, sender: Sender::Named("3ZMnJu") });
        let read = read(&classic("/"), &written.channel, body.as_bytes()).unwrap();
        assert_eq!(question(read), ("q".into(), Question::Count(target)));
    }
}

#[test]
fn questions_are_node_s_byte_for_byte() {
    let node = classic_as("/", "3ZMnJu", Format::Msgpack);
    let everyone = Target::everyone(Namespace::ROOT);
    let written = node.ask("8_N83N", Sought::AllRooms);
    assert_eq!(&written.body[..], br#"{"uid":"3ZMnJu","requestId":"8_N83N","type":1}"#);
    let written = node.ask("46Alll", Sought::Fetch(&everyone));
    assert_eq!(&written.body[..], br#"{"uid":"3ZMnJu","requestId":"46Alll","type":5,"opts":{"rooms":[],"except":[]}}"#);
    let data = Arguments::from_json(r#"["e","w"]"#.into()).unwrap();
    let written = node.ask("iPEhXK", Sought::ServerSideEmit(&data));
    assert_eq!(&written.body[..], br#"{"uid":"3ZMnJu","requestId":"iPEhXK","type":6,"data":["e","w"]}"#);
    let bytes =
        Arguments::with_attachments(r#"["e","v",{"_placeholder":true,"num":0}]"#.into(), vec![vec![1, 2].into()]);
    let written = node.server_side_emit(&bytes.unwrap());
    assert_eq!(&written.body[..], br#"{"uid":"3ZMnJu","type":6,"data":["e","v",{"type":"Buffer","data":[1,2]}]}"#);

    let ask = EventName::new("ask").unwrap();
    let one = Arguments::from_json("[1]".into()).unwrap();
    let emit =
        EmitRef { target: &everyone, name: ask.raw(), arguments: &one, delivery: Delivery::Reliable, compress: true };
    let written = node.ask("dZ5Wj0", Sought::EmitWithAck { emit, timeout: Duration::from_millis(600) });
    assert_eq!((written.channel.as_str(), hex(&written.body)), ("socket.io-request#/#", EMIT_WITH_ACK.to_owned()));

    let (id, question) = question(read(&classic("/"), &written.channel, &written.body).unwrap());
    let Question::EmitWithAck { emit, timeout } = question else { panic!("{question:?}") };
    assert_eq!(
        (id.as_str(), timeout, shown(&emit)),
        ("dZ5Wj0", Some(Duration::from_millis(600)), r#"["ask",1]"#.into())
    );
}

const EMIT_WITH_ACK: &str = "85a3756964a6335a4d6e4a75a9726571756573744964a6645a35576a30a47479706507a67061636b657483a47479706502a46461746192a361736b01a36e7370a12fa46f70747383a5726f6f6d7390a665786365707490a5666c61677381a774696d656f7574cd0258";

#[test]
fn questions_are_read() {
    let asked = |body: &str| question(read(&classic("/"), "socket.io-request#/#", body.as_bytes()).unwrap());
    assert_eq!(asked(r#"{"uid":"3ZMnJu","requestId":"8_N83N","type":1}"#), ("8_N83N".into(), Question::AllRooms));
    assert_eq!(
        asked(r#"{"uid":"3ZMnJu","requestId":"46Alll","type":5,"opts":{"rooms":["news"],"except":[]}}"#),
        ("46Alll".into(), Question::Fetch(news()))
    );
    let (_, question) = asked(r#"{"uid":"3ZMnJu","requestId":"iPEhXK","type":6,"data":["e","w"]}"#);
    let Question::ServerSideEmit(data) = question else { panic!("{question:?}") };
    assert_eq!(shown_values(&data), r#""e","w""#);

    let emitter = br#"{"uid":"emitter","type":6,"data":["remember",1]}"#;
    let received = read(&classic("/"), "socket.io-request#/#", emitter).unwrap().unwrap();
    let Message::ServerSideEmit(data) = received.message else { panic!() };
    assert_eq!((shown_values(&data), received.from.as_deref()), (r#""remember",1"#.into(), Some("emitter")));
}

#[test]
fn answers_go_both_ways() {
    let node = classic("/");
    let own = format!("socket.io-response#/#{}#", "asker0");
    let value = |json: &str| Arguments::from_json(format!("[{json}]").into()).unwrap();
    let buffer = Arguments::with_attachments(r#"[{"_placeholder":true,"num":0}]"#.into(), vec![vec![1, 2].into()]);
    let socket = RemoteSocket {
        id: "-cn1nULMRHKVEEQVAAAA".into(),
        handshake: Json::from_text(r#"{"headers":{},"auth":{}}"#.into()).unwrap(),
        rooms: vec!["-cn1nULMRHKVEEQVAAAA".into(), "news".into()],
        data: Json::from_text("{}".into()).unwrap(),
    };
    for (request_id, answer, body) in [
        ("dZ5Wj0", Answer::Clients(1), br#"{"type":8,"requestId":"dZ5Wj0","clientCount":1}"#.to_vec()),
        (
            "dZ5Wj0",
            Answer::Ack(value(r#""answer of b""#)),
            unhex("83a47479706509a9726571756573744964a6645a35576a30a67061636b6574ab616e73776572206f662062"),
        ),
        ("MpKPV-", Answer::Ack(Arguments::EMPTY), unhex("82a47479706509a9726571756573744964a64d704b50562d")),
        (
            "gTS2Wj",
            Answer::Ack(buffer.unwrap()),
            unhex("83a47479706509a9726571756573744964a6675453 32576aa67061636b6574c4020102"),
        ),
        (
            "46Alll",
            Answer::Sockets(vec![socket]),
            br#"{"requestId":"46Alll","sockets":[{"id":"-cn1nULMRHKVEEQVAAAA","handshake":{"headers":{},"auth":{}},"rooms":["-cn1nULMRHKVEEQVAAAA","news"],"data":{}}]}"#.to_vec(),
        ),
        (
            "8_N83N",
            Answer::Rooms(vec!["-cn1nULMRHKVEEQVAAAA".into(), "news".into(), "x".into()]),
            br#"{"requestId":"8_N83N","rooms":["-cn1nULMRHKVEEQVAAAA","news","x"]}"#.to_vec(),
        ),
        ("old", Answer::Ids(vec!["-cn1nULMRHKVEEQVAAAA".into()]), br#"{"requestId":"old","sockets":["-cn1nULMRHKVEEQVAAAA"]}"#.to_vec()),
        ("old", Answer::Done, br#"{"requestId":"old"}"#.to_vec()),
    ] {
        let response = Response { request_id: request_id.into(), answer: answer.clone() };
        let written = node.answer(&response, Some("asker0"));
        assert_eq!((&*written.channel, &written.body[..]), (&*own, &body[..]));
        assert_eq!(node.answer(&response, None).channel, "socket.io-response#/#");
        let (id, read) = support::answer(read(&node, "socket.io-response#/#ourselves#", &body).unwrap());
        assert_eq!((&*id, read), (request_id, answer));
    }
    // Type 6 always goes to all.
    let response = Response { request_id: "iPEhXK".into(), answer: Answer::ServerSide(value("null")) };
    let written = node.answer(&response, Some("asker0"));
    assert_eq!(written.channel, "socket.io-response#/#");
    assert_eq!(&written.body[..], br#"{"type":6,"requestId":"iPEhXK","data":null}"#);
}

#[test]
fn an_answer_of_node_is_read_whole() {
    let body = br#"{"requestId":"46Alll","sockets":[{"id":"-cn1nULMRHKVEEQVAAAA","handshake":{"headers":{},"time":"Wed Nov 25 2026 15:42:21 GMT+0000 (Coordinated Universal Time)","address":"127.0.0.1","xdomain":false,"secure":false,"issued":1795621341693,"url":"/socket.io/?EIO=4&transport=websocket","query":{"EIO":"4","transport":"websocket"},"auth":{}},"rooms":["-cn1nULMRHKVEEQVAAAA","news"],"data":{}}]}"#;
    let (_, read) = answer(read(&classic("/"), "socket.io-response#/#", body).unwrap());
    let Answer::Sockets(sockets) = read else { panic!("{read:?}") };
    assert!(sockets[0].handshake.as_str().contains(r#""issued":1795621341693"#));
    assert_eq!(sockets[0].rooms, ["-cn1nULMRHKVEEQVAAAA".into(), "news".into()]);
}

#[test]
fn a_uid_is_twenty_characters() {
    let uid = Uid::from_random([1; 15]);
    assert_eq!(uid.as_str().len(), 20);
    assert_eq!(Uid::parse(uid.as_str()), Some(uid));
    assert_eq!(Uid::parse("a#b#c#d"), None);
}
