//! Any bytes as a message of a sharded fleet.

use bytes::Bytes;
use cluster_proto::wire::{Bounds, Message, Mode, Outgoing, Sharded, ShardedOrigin, Uid};
use socketio_codec::Namespace;

use crate::cluster;

/// What is accepted can be written, and what was written is read as the same by others, from then on for ever; it is our own
/// to ourselves.
pub fn check(data: &[u8]) {
    let Some(first) = read(ShardedOrigin::All, data.to_vec().into()) else { return };
    let Some(written) = write(&first) else { return };
    let second = heard(written).expect("what we write is for others");
    let again = heard(write(&second).expect("it was written before")).expect("it is for others still");
    assert_eq!(again, second);
}

fn node(uid: &str) -> Sharded {
    Sharded::new("socket.io", Namespace::ROOT, Uid::parse(uid).expect("it is one"), Mode::Dynamic)
}

fn read(origin: ShardedOrigin<'_>, body: Bytes) -> Option<Message> {
    let received = node("the-reader").read(origin, body, &Bounds::default()).ok()?;
    Some(received?.message)
}

fn heard(Outgoing { channel, body, .. }: Outgoing) -> Option<Message> {
    assert!(node("the-writer").is_own(&body), "{body:?}");
    read(node("the-reader").origin(channel.as_bytes())?, body)
}

fn write(message: &Message) -> Option<Outgoing> {
    let writer = node("the-writer");
    match message {
        Message::Order(order) => writer.tell(&order.command()),
        Message::ServerSideEmit(data) => Some(writer.server_side_emit(data)),
        Message::Request(request) => writer.ask(&request.id, cluster::sought(&request.question)?),
        Message::Response(response) => writer.answer(response, "the-reader"),
        _ => None,
    }
}
