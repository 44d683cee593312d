//! Any bytes as a MessagePack value of an event that comes from Redis.

use bytes::Bytes;
use cluster_proto::wire::{Bounds, Classic, ClassicOrigin, Emit, Format, Message, Order, Refused};
use serde_json::value::RawValue;

use crate::cluster;

/// What is accepted another reader accepts, and is no longer accepted when it is cut off; it becomes JSON, is written again,
/// and read again as the same.
pub fn check(data: &[u8]) {
    let Ok(emit) = read(&event(data)) else { return };
    let mut rest = data;
    rmpv::decode::read_value(&mut rest).expect("another reader reads it");
    assert!(rest.is_empty(), "the event ends behind it");
    for argument in emit.event.arguments() {
        serde_json::from_str::<&RawValue>(argument).expect("it is JSON");
    }
    for end in 0..data.len() {
        // What follows is read as part of it then: what was cut off may be a whole value, but never the same event.
        assert!(read(&event(&data[..end])).is_err(), "taken without its end from byte {end}");
    }
    cluster::survives(&emit);
}

fn event(value: &[u8]) -> Vec<u8> {
    [b"\x93\xc0\x82\xa4type\x02\xa4data\x92\xa1x", value, b"\x80"].concat()
}

fn read(body: &[u8]) -> Result<Emit, Refused> {
    let node: Classic = cluster::node(Format::Msgpack);
    let origin = ClassicOrigin::Events { room: None };
    let received = node.read(origin, Bytes::copy_from_slice(body), &Bounds::default())?;
    match received.expect("nobody else's namespace stands in it").message {
        Message::Order(Order::Emit(emit)) => Ok(emit),
        other => panic!("an event was read as {other:?}"),
    }
}
