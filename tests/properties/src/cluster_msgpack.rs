//! Any bytes as a MessagePack value that comes from Redis: what a client acknowledged with.

use bytes::Bytes;
use cluster_proto::wire::{Answer, Bounds, ClassicOrigin, Emit, Format, Message, Response};
use engineio_proto::Delivery;
use hub::Target;
use serde_json::value::RawValue;
use socketio_codec::{Arguments, Event, Limits, Namespace};

use crate::cluster;

/// What is accepted another reader accepts, and is no longer accepted when it is cut off or goes on; it becomes JSON, is
/// written again, and read again as the same.
pub fn check(data: &[u8]) {
    let Some(value) = read(answer(data)) else { return };
    let mut rest = data;
    rmpv::decode::read_value(&mut rest).expect("another reader reads it");
    assert!(rest.is_empty());
    serde_json::from_str::<&RawValue>(value.as_str()).expect("it is JSON");
    for end in 0..data.len() {
        assert!(read(answer(&data[..end])).is_none(), "taken without its end from byte {end}");
    }
    assert!(read(answer(&[data, b"\xc0"].concat())).is_none());

    let second = through(&value);
    assert_eq!(second.attachments(), value.attachments());
    assert_eq!(through(&second), second);

    // And among the arguments of an event.
    let array = format!(r#"["x",{}]"#, value.as_str());
    let event = Event::from_json(array.into(), value.attachments().to_vec(), &Limits::default()).expect("it is one");
    let target = Target::everyone(Namespace::ROOT).to("a").except("b");
    cluster::survives(&Emit { target, event, delivery: Delivery::Volatile, compress: false });
}

fn answer(value: &[u8]) -> Vec<u8> {
    [b"\x83\xa9requestId\xa1q\xa4type\x09\xa6packet", value].concat()
}

fn read(body: Vec<u8>) -> Option<Arguments> {
    let node = cluster::node(Format::Msgpack);
    let received = node.read(ClassicOrigin::Responses, Bytes::from(body), &Bounds::default()).ok()?;
    match received?.message {
        Message::Response(Response { answer: Answer::Ack(value), .. }) => Some(value),
        other => panic!("an acknowledgement was read as {other:?}"),
    }
}

fn through(value: &Arguments) -> Arguments {
    let response = Response { request_id: "q".to_owned(), answer: Answer::Ack(value.clone()) };
    let written = cluster::writer(Format::Msgpack).answer(&response, None);
    read(written.body.to_vec()).expect("what we write can be read")
}
