//! The messages of the sharded adapter as they were captured, both ways.

mod support;

use std::time::Duration;

use engineio_proto::Delivery;
use fanfare_cluster_proto::wire::{
    Answer, Bounds, EmitRef, Message, Mode, Order, Question, Received, Refused, RemoteSocket, Response, Sharded,
    ShardedOrigin, Sought,
};
use hub::{Command, Expulsion, Target};
use socketio_codec::{Arguments, EventName, Json, Namespace};
use support::*;

const NODE: &str = "a6185c21924bd6ed";

fn node() -> Sharded {
    sharded_as(NODE, Mode::Dynamic)
}

fn read(body: &[u8]) -> Result<Option<Received>, Refused> {
    sharded_as("49a71cee95a5cced", Mode::Dynamic).read(ShardedOrigin::All, body.to_vec().into(), &Bounds::default())
}

fn text(body: &[u8]) -> &str {
    std::str::from_utf8(body).expect("it is JSON")
}

/// Channel, body, the event, whom it is for: section 3.
const EVENTS: &[(&str, &[u8], &str, &str)] = &[
    (
        "socket.io#/#",
        br#"{"type":3,"data":{"packet":{"type":2,"data":["hello",1,"a",{"b":true}]},"opts":{"rooms":[],"except":[],"flags":{}}},"uid":"a6185c21924bd6ed","nsp":"/"}"#,
        r#"["hello",1,"a",{"b":true}]"#,
        "to  but ",
    ),
    (
        "socket.io#/#news#",
        br#"{"type":3,"data":{"packet":{"type":2,"data":["x"]},"opts":{"rooms":["news"],"except":[],"flags":{}}},"uid":"a6185c21924bd6ed","nsp":"/"}"#,
        r#"["x"]"#,
        "to news but ",
    ),
];

const BINARY: &str = "84a47479706503a46461746182a67061636b657482a47479706502a46461746193a362696ec40301020381a46465657091c400a46f70747383a5726f6f6d7390a665786365707490a5666c61677380a3756964b061363138356332313932346264366564a36e7370a12f";

#[test]
fn events_go_both_ways_byte_for_byte() {
    let binary = unhex(BINARY);
    let bin = r#"["bin",{"_placeholder":true,"num":0},{"deep":[{"_placeholder":true,"num":1}]}] 010203 "#;
    let rows = EVENTS.iter().copied().chain([("socket.io#/#", &binary[..], bin, "to  but ")]);
    for (channel, body, event, target) in rows {
        let received = read(body).unwrap().expect("it is for others");
        assert_eq!(received.from.as_deref(), Some(NODE));
        let read = emit(received.message);
        assert_eq!((shown(&read), whom(&read.target)), (event.to_owned(), target.to_owned()));
        let written = node().tell(&read.command(None, None)).unwrap();
        assert_eq!((written.channel.as_str(), hex(&written.body)), (channel, hex(body)));
        assert!(node().is_own(&written.body));
        assert_eq!(node().read(ShardedOrigin::All, written.body, &Bounds::default()), Ok(None));
    }
}

#[test]
fn text_is_put_in_as_it_is() {
    let name = EventName::new("x").unwrap();
    let odd = r#" {"a" : 1.0,"a":1e2, "__proto__":{"b":"\ud800\u0061"}} "#;
    let arguments = Arguments::from_json(format!("[{odd}]").into()).unwrap();
    let everyone = Target::everyone(Namespace::ROOT);
    let emit = EmitRef {
        target: &everyone,
        name: name.raw(),
        arguments: &arguments,
        delivery: Delivery::Reliable,
        compress: true,
    };
    let written = node().emit(emit);
    assert!(text(&written.body).contains(odd.trim()), "{:?}", written.body);
    assert_eq!(written.left_out, 0);
    let read = support::emit(read(&written.body).unwrap().unwrap().message);
    assert_eq!(read.event.arguments().as_str(), odd.trim());
}

#[test]
fn what_looks_like_a_buffer_in_json_is_somebody_s_object() {
    let body = br#"{"type":3,"data":{"packet":{"type":2,"data":["x",{"type":"Buffer","data":[1]}]},"opts":{}},"uid":"u","nsp":"/"}"#;
    let read = emit(read(body).unwrap().unwrap().message);
    assert_eq!(shown(&read), r#"["x",{"type":"Buffer","data":[1]}]"#);
}

#[test]
fn keys_are_in_any_order() {
    // Go's emitter: `nsp` in the packet too, the type last.
    let body = br#"{"nsp":"/","uid":"emitter","data":{"opts":{"rooms":null},"packet":{"nsp":"/","data":["x"],"type":2}},"type":3}"#;
    assert_eq!(shown(&emit(read(body).unwrap().unwrap().message)), r#"["x"]"#);
    for foreign in [
        &br#"{"type":3,"data":{"packet":{"type":2,"data":["x"]},"opts":{}},"uid":"u","nsp":"/chat"}"#[..],
        br#"{"type":3,"data":{"packet":{"type":2,"data":["x"]},"opts":{}},"uid":"u"}"#,
        br#"{"type":3,"data":{"packet":{"type":2,"data":["x"]},"opts":{}},"nsp":"/","uid":"49a71cee95a5cced"}"#,
    ] {
        assert_eq!(read(foreign), Ok(None), "{}", text(foreign));
    }
}

#[test]
fn a_room_has_a_channel_by_the_mode() {
    let own = "QaSXWUzrL46I-OYyAAAA";
    let name = EventName::new("x").unwrap();
    for (mode, room, listens, publishes) in [
        (Mode::Dynamic, "news", true, true),
        // Twenty characters: taken for a socket's id when it is published.
        (Mode::Dynamic, "twenty-characters-xy", true, false),
        (Mode::Static, "news", false, false),
        (Mode::DynamicPrivate, "news", true, true),
        (Mode::DynamicPrivate, "twenty-characters-xy", true, true),
    ] {
        let node = sharded_as(NODE, mode);
        let channel = format!("socket.io#/#{room}#");
        assert_eq!(node.room_channel(room, false), listens.then(|| channel.clone()), "{mode:?} {room}");
        let target = Target::everyone(Namespace::ROOT).to(room).except("other");
        let emit = EmitRef {
            target: &target,
            name: name.raw(),
            arguments: Arguments::empty(),
            delivery: Delivery::Reliable,
            compress: true,
        };
        assert_eq!(node.emit(emit).channel == channel, publishes, "{mode:?} {room}");
        // With acknowledgements it goes to all: all are counted.
        let asked = node.ask("q", Sought::EmitWithAck { emit, timeout: Duration::from_secs(1) }).unwrap();
        assert_eq!(asked.channel, "socket.io#/#");
        assert_eq!(node.room_of(channel.as_bytes()), Some(room));
    }
    assert_eq!(sharded_as(NODE, Mode::Dynamic).room_channel(own, true), None);
    assert_eq!(sharded_as(NODE, Mode::DynamicPrivate).room_channel(own, true).unwrap(), format!("socket.io#/#{own}#"));
}

#[test]
fn channels_are_told_apart() {
    let node = node();
    assert_eq!(node.origin(b"socket.io#/#"), Some(ShardedOrigin::All));
    assert_eq!(node.origin(b"socket.io#/#a6185c21924bd6ed#"), Some(ShardedOrigin::Own));
    assert_eq!(node.origin(b"socket.io#/#a#b#"), Some(ShardedOrigin::Room("a#b")));
    for foreign in [&b"socket.io#/chat#"[..], b"socket.io#/#a", b"socket.io#/#\xff#", b"other#/#"] {
        assert_eq!(node.origin(foreign), None);
    }
}

#[test]
fn orders_go_both_ways() {
    let news = || Target::everyone(Namespace::ROOT).to("news");
    let rooms = || vec!["r8".into(), "r9".into()];
    let tail = r#","uid":"a6185c21924bd6ed","nsp":"/"}"#;
    let opts = r#""opts":{"rooms":["news"],"except":[]}"#;
    for (command, body) in [
        (
            Command::Join { target: news(), rooms: rooms() },
            format!(r#"{{"type":4,"data":{{{opts},"rooms":["r8","r9"]}}{tail}"#),
        ),
        (
            Command::Leave { target: news(), rooms: rooms() },
            format!(r#"{{"type":5,"data":{{{opts},"rooms":["r8","r9"]}}{tail}"#),
        ),
        (
            Command::Expel { target: news(), from: Expulsion::Namespace },
            format!(r#"{{"type":6,"data":{{{opts},"close":false}}{tail}"#),
        ),
        (
            Command::Expel { target: news(), from: Expulsion::Connection },
            format!(r#"{{"type":6,"data":{{{opts},"close":true}}{tail}"#),
        ),
    ] {
        let written = node().tell(&command).unwrap();
        assert_eq!((&*written.channel, text(&written.body)), ("socket.io#/#", &*body));
        let Message::Order(order) = read(&written.body).unwrap().unwrap().message else { panic!() };
        assert_eq!(format!("{:?}", order.command()), format!("{command:?}"));
    }
    let hang_up = Command::Expel { target: news(), from: Expulsion::Transport("drained") };
    assert_eq!(node().tell(&hang_up), None);
}

#[test]
fn questions_go_both_ways() {
    let everyone = Target::everyone(Namespace::ROOT);
    let name = EventName::new("ask").unwrap();
    let one = Arguments::from_json("[1]".into()).unwrap();
    let emit =
        EmitRef { target: &everyone, name: name.raw(), arguments: &one, delivery: Delivery::Reliable, compress: true };
    let asked =
        node().ask("394ebb56919d17f4", Sought::EmitWithAck { emit, timeout: Duration::from_millis(600) }).unwrap();
    assert_eq!(
        text(&asked.body),
        r#"{"type":3,"data":{"packet":{"type":2,"data":["ask",1]},"requestId":"394ebb56919d17f4","opts":{"rooms":[],"except":[],"flags":{"timeout":600}}},"uid":"a6185c21924bd6ed","nsp":"/"}"#
    );
    let (id, sought) = question(read(&asked.body).unwrap());
    let Question::EmitWithAck { emit, timeout } = sought else { panic!("{sought:?}") };
    assert_eq!(
        (&*id, shown(&emit), timeout),
        ("394ebb56919d17f4", r#"["ask",1]"#.into(), Some(Duration::from_millis(600)))
    );

    let asked = node().ask("e22aea7537a9ac16", Sought::Fetch(&everyone)).unwrap();
    assert_eq!(
        text(&asked.body),
        r#"{"type":7,"data":{"opts":{"rooms":[],"except":[],"flags":{}},"requestId":"e22aea7537a9ac16"},"uid":"a6185c21924bd6ed","nsp":"/"}"#
    );
    assert_eq!(question(read(&asked.body).unwrap()), ("e22aea7537a9ac16".into(), Question::Fetch(everyone)));

    let everyone = Target::everyone(Namespace::ROOT);
    let asked = node().ask("q", Sought::Count(&everyone)).unwrap();
    assert_eq!(
        text(&asked.body),
        r#"{"type":7,"data":{"opts":{"rooms":[],"except":[],"flags":{}},"requestId":"q","count":true},"uid":"a6185c21924bd6ed","nsp":"/"}"#
    );
    assert_eq!(question(read(&asked.body).unwrap()), ("q".into(), Question::Count(everyone)));

    let data = Arguments::from_json(r#"["e","w"]"#.into()).unwrap();
    let told = node().server_side_emit(&data);
    assert_eq!(text(&told.body), r#"{"type":9,"data":{"packet":["e","w"]},"uid":"a6185c21924bd6ed","nsp":"/"}"#);
    assert_eq!(read(&told.body).unwrap().unwrap().message, Message::ServerSideEmit(data.clone()));
    let asked = node().ask("q", Sought::ServerSideEmit(&data)).unwrap();
    assert_eq!(
        text(&asked.body),
        r#"{"type":9,"data":{"requestId":"q","packet":["e","w"]},"uid":"a6185c21924bd6ed","nsp":"/"}"#
    );
    assert_eq!(question(read(&asked.body).unwrap()), ("q".into(), Question::ServerSideEmit(data)));

    assert_eq!(node().ask("q", Sought::AllRooms), None);
}

#[test]
fn answers_go_both_ways() {
    let value = |json: &str| Arguments::from_json(format!("[{json}]").into()).unwrap();
    let answering = sharded_as("49a71cee95a5cced", Mode::Dynamic);
    let tail = r#","uid":"49a71cee95a5cced","nsp":"/"}"#;
    let socket = RemoteSocket {
        id: "-cn1nULMRHKVEEQVAAAA".into(),
        handshake: Json::from_text("{}".into()).unwrap(),
        rooms: vec!["news".into()],
        data: Json::from_text(r#"{"a":1}"#.into()).unwrap(),
    };
    for (answer, data) in [
        (Answer::Clients(1), r#"{"type":11,"data":{"requestId":"394ebb56919d17f4","clientCount":1}"#),
        (
            Answer::Ack(value(r#""answer of b""#)),
            r#"{"type":12,"data":{"requestId":"394ebb56919d17f4","packet":"answer of b"}"#,
        ),
        (Answer::Ack(Arguments::EMPTY), r#"{"type":12,"data":{"requestId":"394ebb56919d17f4"}"#),
        (Answer::ServerSide(value("null")), r#"{"type":10,"data":{"requestId":"394ebb56919d17f4","packet":null}"#),
        (
            Answer::Sockets(vec![socket]),
            r#"{"type":8,"data":{"requestId":"394ebb56919d17f4","sockets":[{"id":"-cn1nULMRHKVEEQVAAAA","handshake":{},"rooms":["news"],"data":{"a":1}}]}"#,
        ),
    ] {
        let response = Response { request_id: "394ebb56919d17f4".into(), answer };
        let written = answering.answer(&response, NODE).unwrap();
        assert_eq!(
            (&*written.channel, text(&written.body)),
            ("socket.io#/#a6185c21924bd6ed#", &*format!("{data}{tail}"))
        );
        let received = node().read(ShardedOrigin::Own, written.body, &Bounds::default()).unwrap().unwrap();
        assert_eq!(received.message, Message::Response(response));
        assert_eq!(received.from.as_deref(), Some("49a71cee95a5cced"));
    }
    let bytes = Arguments::with_attachments(r#"[{"_placeholder":true,"num":0}]"#.into(), vec![vec![1].into()]).unwrap();
    let response = Response { request_id: "q".into(), answer: Answer::Ack(bytes) };
    let written = answering.answer(&response, NODE).unwrap();
    assert_eq!(written.body.first(), Some(&0x84));
    let received = node().read(ShardedOrigin::Own, written.body, &Bounds::default()).unwrap().unwrap();
    assert_eq!(received.message, Message::Response(response));
    assert_eq!(answering.answer(&Response { request_id: "q".into(), answer: Answer::Rooms(Vec::new()) }, NODE), None);
}

#[test]
fn what_is_wrong_is_refused_by_its_reason() {
    let refused = |body: &str| read(body.as_bytes()).unwrap_err();
    let outer = |kind: &str, data: &str| format!(r#"{{"type":{kind},"data":{data},"uid":"u","nsp":"/"}}"#);
    for (kind, data, reason) in [
        ("1", "{}", Refused::UnknownType),
        ("2", "{}", Refused::UnknownType),
        ("13", "{}", Refused::UnknownType),
        ("null", "{}", Refused::UnknownType),
        ("3", "{}", Refused::MissingField),
        ("3", "null", Refused::WrongField),
        ("3", r#"{"packet":{"type":2,"data":["x"]}}"#, Refused::MissingField),
        ("3", r#"{"packet":{"type":0,"data":["x"]},"opts":{}}"#, Refused::PacketType),
        ("3", r#"{"packet":{"type":2,"data":[]},"opts":{}}"#, Refused::InvalidData),
        ("3", r#"{"packet":{"type":2,"data":["connect"]},"opts":{}}"#, Refused::ReservedName),
        ("4", r#"{"opts":{}}"#, Refused::MissingField),
        ("7", r#"{"opts":{}}"#, Refused::MissingField),
        ("8", r#"{"requestId":"q"}"#, Refused::MissingField),
        ("9", r#"{"packet":"text"}"#, Refused::InvalidData),
        ("11", r#"{"requestId":"q","clientCount":-1}"#, Refused::WrongField),
        ("12", r#"{"packet":1}"#, Refused::MissingField),
    ] {
        assert_eq!(refused(&outer(kind, data)), reason, "{kind} {data}");
    }
    let Message::Order(Order::Join { .. }) =
        read(outer("4", r#"{"opts":{},"rooms":"r"}"#).as_bytes()).unwrap().unwrap().message
    else {
        panic!()
    };
}
