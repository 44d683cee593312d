//! What the targets of the cluster's messages share.

use std::time::Duration;

use cluster_proto::wire::{Bounds, Classic, Emit, Format, Message, Order, Question, Sought, Uid};
use socketio_codec::Namespace;

/// Who reads.
pub(crate) fn node(format: Format) -> Classic {
    named("the-reader", format)
}

/// Who writes.
pub(crate) fn writer(format: Format) -> Classic {
    named("the-writer", format)
}

fn named(uid: &str, format: Format) -> Classic {
    Classic::new("socket.io", Namespace::ROOT, Uid::parse(uid).expect("it is one"), format)
}

/// The question as it is asked; `None` for those that nobody asks any more.
pub(crate) fn sought(question: &Question) -> Option<Sought<'_>> {
    Some(match question {
        Question::AllRooms => Sought::AllRooms,
        Question::Fetch(target) => Sought::Fetch(target),
        Question::Count(target) => Sought::Count(target),
        Question::ServerSideEmit(data) => Sought::ServerSideEmit(data),
        Question::EmitWithAck { emit, timeout } => {
            Sought::EmitWithAck { emit: emit.as_ref(), timeout: timeout.unwrap_or(Duration::from_secs(1)) }
        }
        _ => return None,
    })
}

/// Written, an event is read as the same; from the second time on letter by letter.
pub(crate) fn survives(emit: &Emit) {
    for format in [Format::Msgpack, Format::Json] {
        // What looks like a `Buffer` becomes one on its way through JSON.
        if format == Format::Json && emit.event.arguments().as_str().contains(r#"{"type":"Buffer","data":["#) {
            continue;
        }
        let second = through(emit, format);
        assert_eq!(second.event.attachments(), emit.event.attachments());
        assert_eq!((&second.target, second.event.len()), (&emit.target, emit.event.len()));
        assert_eq!((second.delivery, second.compress), (emit.delivery, emit.compress));
        assert_eq!(through(&second, format), second);
    }
}

fn through(emit: &Emit, format: Format) -> Emit {
    let written = writer(format).emit(emit.as_ref());
    assert!(writer(format).is_own(&written.body));
    let reader = node(format);
    let origin = reader.origin(written.channel.as_bytes()).expect("it goes to a channel of everybody's");
    let received = reader.read(origin, written.body, &Bounds::default()).expect("what we write can be read");
    match received.expect("it is for others").message {
        Message::Order(Order::Emit(emit)) => emit,
        other => panic!("an event was read as {other:?}"),
    }
}
