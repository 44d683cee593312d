//! Packets made of values, to bytes and back.

use arbitrary::{Arbitrary, Unstructured};
use engineio_proto::{Message, Packet as EnginePacket, Payload};
use hub::encode;
use socketio_codec::{
    AckId, Arguments, Decoder, EventName, Json, Limits, Namespace, Packet, PacketRef, RESERVED_NAMES, Text, msgpack,
};

use crate::value::Value;

#[derive(Debug, Arbitrary)]
struct Sent {
    namespace: String,
    id: Option<u64>,
    packet: SentPacket,
}

#[derive(Debug, Arbitrary)]
enum SentPacket {
    Event(String, Vec<Value>),
    Ack(Vec<Value>),
    Connect(Vec<(String, Value)>),
    ConnectError(Vec<(String, Value)>),
    Disconnect,
}

/// Every value that can be sent at all arrives as it was sent, by the text format over HTTP polling and by msgpack;
/// and what cannot be sent is refused when it is made, not by who receives it.
pub fn check(data: &[u8]) {
    let Ok(Sent { namespace, id, packet }) = Sent::arbitrary_take_rest(Unstructured::new(data)) else { return };
    let namespace = if namespace.is_empty() { String::from("/") } else { namespace };
    let is_name = namespace.starts_with('/') && !namespace.contains(|c: char| c == ',' || c.is_ascii_control());
    let made = Namespace::try_from(&*namespace);
    assert_eq!(made.is_ok(), is_name);
    let (Ok(namespace), id) = (made, ack_id(id)) else { return };
    match packet {
        SentPacket::Event(name, values) => event(&namespace, id, &name, &values),
        SentPacket::Ack(values) => ack(&namespace, id.unwrap_or(AckId::MAX), &values),
        SentPacket::Connect(members) => connect(&namespace, Value::Map(members)),
        SentPacket::ConnectError(members) => connect_error(&namespace, Value::Map(members)),
        SentPacket::Disconnect => {
            let packet = received(PacketRef::disconnect(&namespace));
            assert!(matches!(packet, Packet::Disconnect { namespace: from } if from == namespace));
        }
    }
}

fn ack_id(number: Option<u64>) -> Option<AckId> {
    let number = number?;
    let id = AckId::new(number);
    assert_eq!(id.is_some(), number < 1 << 53);
    id
}

fn event(namespace: &Namespace, id: Option<AckId>, name: &str, values: &[Value]) {
    let made = EventName::new(name);
    assert_eq!(made.is_err(), RESERVED_NAMES.contains(&name));
    let (Ok(event_name), Some(arguments)) = (made, arguments(values)) else { return };
    let sent = PacketRef::event(namespace, &event_name, &arguments);
    let packet = received(id.into_iter().fold(sent, PacketRef::with_id));
    let Packet::Event { namespace: to, id: wanted, event } = packet else { panic!("an event was sent") };
    assert_eq!((&to, wanted, &*event.name()), (namespace, id, name));
    is_equal(event.arguments(), values);

    let Some(converted) = converted(&arguments, values) else { return };
    let sent = msgpack::PacketRef::event(namespace, name, &converted);
    let frame = id.into_iter().fold(sent, msgpack::PacketRef::with_id).to_bytes();
    let packet = msgpack::decode(frame, &wide()).expect("what we write can be read");
    let msgpack::Packet::Event { namespace: to, id: wanted, event } = packet else { panic!("an event was sent") };
    assert_eq!((&to, wanted, &*event.name()), (namespace, id, name));
    is_equal(&event.arguments().to_json().expect("it came from JSON"), values);
}

fn ack(namespace: &Namespace, id: AckId, values: &[Value]) {
    let Some(arguments) = arguments(values) else { return };
    let packet = received(PacketRef::ack(namespace, id, &arguments));
    let Packet::Ack { namespace: to, id: answered, arguments: found } = packet else { panic!("an ack was sent") };
    assert_eq!((&to, answered), (namespace, Some(id)));
    is_equal(&found, values);

    let Some(converted) = converted(&arguments, values) else { return };
    let packet = msgpack::decode(msgpack::PacketRef::ack(namespace, id, &converted).to_bytes(), &wide());
    let Ok(msgpack::Packet::Ack { namespace: to, id: answered, arguments: found }) = packet else {
        panic!("an ack was sent")
    };
    assert_eq!((&to, answered), (namespace, Some(id)));
    is_equal(&found.to_json().expect("it came from JSON"), values);
}

fn connect(namespace: &Namespace, auth: Value) {
    let Some(json) = json(&auth) else { return };
    let packet = received(PacketRef::connect(namespace, Some(&json)));
    let Packet::Connect { namespace: to, auth: Some(found) } = packet else { panic!("a connect was sent") };
    assert_eq!(to, *namespace);
    assert_eq!(found.deserialize::<Value>().expect("it was a value"), auth);
}

fn connect_error(namespace: &Namespace, error: Value) {
    let Some(json) = json(&error) else { return };
    let packet = received(PacketRef::connect_error(namespace, Some(&json)));
    let Packet::ConnectError { namespace: to, error: Some(found) } = packet else { panic!("an error was sent") };
    assert_eq!(to, *namespace);
    assert_eq!(found.deserialize::<Value>().expect("it was a value"), error);
}

/// The arguments, or `None` where a map would be taken for the place of an attachment.
fn arguments(values: &[Value]) -> Option<Arguments> {
    let attachments: usize = values.iter().map(Value::bytes_count).sum();
    let is_ambiguous = attachments > 0 && values.iter().flat_map(Value::walk).any(Value::is_placeholder);
    let made = Arguments::serialize(values);
    assert_eq!(made.is_err(), is_ambiguous, "{made:?}");
    let arguments = made.ok()?;
    assert_eq!(arguments.attachments().len(), attachments);
    Some(arguments)
}

/// The same in msgpack, which refuses one key more.
fn converted(arguments: &Arguments, values: &[Value]) -> Option<msgpack::Values> {
    let made = msgpack::Values::from_json(arguments);
    assert_eq!(made.is_err(), values.iter().any(|value| value.has_key("__proto__")));
    made.ok()
}

fn json(value: &Value) -> Option<Json> {
    let made = Json::serialize(value);
    assert_eq!(made.is_err(), value.bytes_count() > 0);
    made.ok()
}

fn is_equal(arguments: &Arguments, values: &[Value]) {
    assert_eq!(arguments.deserialize_all::<Vec<Value>>().expect("they were values"), values);
    for (n, value) in values.iter().enumerate() {
        assert_eq!(arguments.deserialize::<Value>(n).expect("it was a value"), *value);
        let attachment = arguments.attachment(n).map(|bytes| bytes.to_vec());
        assert_eq!(attachment, if let Value::Bytes(bytes) = value { Some(bytes.clone()) } else { None });
    }
}

/// By the whole way over HTTP polling.
fn received(packet: PacketRef<'_>) -> Packet {
    let encoded = encode::packet(packet);
    let mut decoder = Decoder::new(wide());
    let mut found = None;
    for packet in Payload::new(encoded.polling().clone()) {
        assert!(found.is_none(), "nothing comes behind the last attachment");
        let decoded = match packet {
            Ok(EnginePacket::Message(Message::Text(text))) => {
                decoder.handle_text(Text::from_checked(text.into_bytes()))
            }
            Ok(EnginePacket::Message(Message::Binary(data))) => decoder.handle_binary(data),
            other => panic!("{other:?} is no message"),
        };
        found = decoded.expect("what we write can be read");
    }
    found.expect("all of it was there")
}

/// A sender knows no limits but those of JSON.
fn wide() -> Limits {
    let mut limits = Limits::default();
    limits.attachments_max = usize::MAX;
    limits.attachment_bytes_max = usize::MAX;
    limits.namespace_len_max = usize::MAX;
    limits
}
