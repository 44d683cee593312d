//! Any bytes as a message of a classic fleet.

use bytes::Bytes;
use cluster_proto::wire::{Bounds, Classic, ClassicOrigin, Format, Message, Outgoing, Question, Response};

use crate::cluster;

/// The first byte is the channel. What is accepted can be written, and what was written is read as the same by others, from
/// then on for ever; it is our own to ourselves.
pub fn check(data: &[u8]) {
    let Some((choice, body)) = data.split_first() else { return };
    let origin = match choice % 4 {
        0 => ClassicOrigin::Events { room: None },
        1 => ClassicOrigin::Events { room: Some("a") },
        2 => ClassicOrigin::Requests,
        _ => ClassicOrigin::Responses,
    };
    let Some(first) = read(origin, body.to_vec().into()) else { return };
    if let Message::Order(cluster_proto::wire::Order::Emit(emit)) = &first {
        return cluster::survives(emit);
    }
    let Some(written) = write(&first) else { return };
    let second = heard(written).expect("what we write is for others");
    let again = heard(write(&second).expect("it was written before")).expect("it is for others still");
    assert_eq!(again, second);
}

fn read(origin: ClassicOrigin<'_>, body: Bytes) -> Option<Message> {
    let received = cluster::node(Format::Msgpack).read(origin, body, &Bounds::default()).ok()?;
    Some(received?.message)
}

/// What others make of it.
fn heard(Outgoing { channel, body, .. }: Outgoing) -> Option<Message> {
    let writer = cluster::writer(Format::Msgpack);
    let origin = writer.origin(channel.as_bytes()).expect("it goes to a channel of ours");
    if origin != ClassicOrigin::Responses {
        assert!(writer.is_own(&body), "{body:?}");
    }
    read(cluster::node(Format::Msgpack).origin(channel.as_bytes()).expect("of everybody's"), body)
}

fn write(message: &Message) -> Option<Outgoing> {
    let writer: Classic = cluster::writer(Format::Msgpack);
    match message {
        Message::Order(order) => writer.tell(&order.command()),
        Message::ServerSideEmit(data) => Some(writer.server_side_emit(data)),
        Message::Request(request) => match &request.question {
            Question::OneSocket { order, .. } => writer.tell(&order.command()),
            question => Some(writer.ask(&request.id, cluster::sought(question)?)),
        },
        Message::Response(Response { request_id, answer }) => {
            Some(writer.answer(&Response { request_id: request_id.clone(), answer: answer.clone() }, None))
        }
        _ => None,
    }
}
