//! What the tests of this crate share.
#![allow(dead_code, reason = "each test uses a part of it")]

use engineio_proto::Delivery;
use fanfare_cluster_proto::wire::{
    Answer, Bounds, Classic, ClassicOrigin, Emit, Format, Message, Mode, Order, Question, Received, Refused, Sharded,
    Uid,
};
use hub::{Room, Target};
use socketio_codec::{Arguments, Namespace};

/// A namespace of a classic fleet, seen from another node than the one that was captured.
pub(crate) fn classic(namespace: &str) -> Classic {
    classic_as(namespace, "ourselves", Format::Msgpack)
}

pub(crate) fn classic_as(namespace: &str, uid: &str, format: Format) -> Classic {
    let namespace = Namespace::try_from(namespace).expect("it is one");
    Classic::new("socket.io", namespace, Uid::parse(uid).expect("it is one"), format)
}

pub(crate) fn sharded_as(uid: &str, mode: Mode) -> Sharded {
    Sharded::new("socket.io", Namespace::ROOT, Uid::parse(uid).expect("it is one"), mode)
}

/// Reads what came on a channel.
pub(crate) fn read(node: &Classic, channel: &str, body: &[u8]) -> Result<Option<Received>, Refused> {
    let origin = node.origin(channel.as_bytes()).unwrap_or_else(|| panic!("{channel} is none of ours"));
    node.read(origin, body.to_vec().into(), &Bounds::default())
}

pub(crate) fn read_event(body: &[u8]) -> Result<Emit, Refused> {
    let received = classic("/").read(ClassicOrigin::Events { room: None }, body.to_vec().into(), &Bounds::default())?;
    Ok(emit(received.expect("it is for us").message))
}

pub(crate) fn emit(message: Message) -> Emit {
    match message {
        Message::Order(Order::Emit(emit)) => emit,
        other => panic!("{other:?} is no event"),
    }
}

pub(crate) fn question(received: Option<Received>) -> (String, Question) {
    match received.expect("it is for us").message {
        Message::Request(request) => (request.id, request.question),
        other => panic!("{other:?} asks nothing"),
    }
}

pub(crate) fn answer(received: Option<Received>) -> (String, Answer) {
    match received.expect("it is for us").message {
        Message::Response(response) => (response.request_id, response.answer),
        other => panic!("{other:?} is no answer"),
    }
}

/// An event as an array, and its attachments in hexadecimal.
pub(crate) fn shown(emit: &Emit) -> String {
    let comma = if emit.event.is_empty() { "" } else { "," };
    let list = format!("[{}{comma}{}]", emit.event.raw_name(), emit.event.arguments().as_str());
    with_attachments(list, emit.event.arguments())
}

pub(crate) fn shown_values(arguments: &Arguments) -> String {
    with_attachments(arguments.as_str().to_owned(), arguments)
}

fn with_attachments(text: String, arguments: &Arguments) -> String {
    arguments.attachments().iter().fold(text, |text, bytes| text + " " + &hex(bytes))
}

/// `to a b but c`, for short.
pub(crate) fn whom(target: &Target) -> String {
    let join = |rooms: &[Room]| rooms.iter().map(Room::as_str).collect::<Vec<_>>().join(" ");
    assert!(target.sockets().is_empty() && target.except_sockets().is_empty(), "the wire has rooms only");
    format!("to {} but {}", join(target.rooms()), join(target.except_rooms()))
}

pub(crate) fn is_volatile(emit: &Emit) -> bool {
    emit.delivery == Delivery::Volatile
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(hex: &str) -> Vec<u8> {
    let digits: String = hex.chars().filter(|digit| !digit.is_whitespace()).collect();
    assert_eq!(digits.len() % 2, 0, "{hex}");
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("they are hexadecimal"))
        .collect()
}
