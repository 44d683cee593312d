//! The packets a server sends, framed for any number of recipients.

use bytes::Bytes;
use engineio_proto::{Encoded, EncodedBuilder};
use socketio_codec::{AckId, Arguments, Json, Namespace, PacketRef, RawName, msgpack};

use crate::{Parser, SocketId};

/// CONNECT: the client is connected to `namespace`, as `socket`.
pub fn connect(parser: Parser, namespace: &Namespace, socket: SocketId) -> Encoded {
    let greeting = json(format!(r#"{{"sid":"{socket}"}}"#));
    match parser {
        Parser::Json => packet(PacketRef::connect(namespace, Some(&greeting))),
        Parser::Msgpack => {
            let greeting = msgpack::Value::from_json_lossy(&greeting);
            message(msgpack::PacketRef::connect(namespace, Some(&greeting)))
        }
    }
}

/// CONNECT_ERROR: the client was refused. `namespace` is as the client wrote it; the application's `data`, if any,
/// is what the client finds in its error. Data nested as deep as a packet may be is left out: it goes in one deeper.
///
/// ```
/// use fanfare_hub::{Parser, encode};
/// use socketio_codec::Namespace;
///
/// let nope = Namespace::try_from("/nope")?;
/// let refusal = encode::connect_error(Parser::Json, &nope, "Invalid namespace", None);
/// assert_eq!(refusal.polling(), r#"44/nope,{"message":"Invalid namespace"}"#.as_bytes());
/// # Ok::<(), socketio_codec::InvalidNamespace>(())
/// ```
pub fn connect_error(parser: Parser, namespace: &Namespace, text: &str, data: Option<&Json>) -> Encoded {
    let text = serde_json::Value::from(text);
    let with_data = data.map(|data| format!(r#"{{"message":{text},"data":{data}}}"#));
    let error = with_data.and_then(|error| Json::try_from(error).ok());
    let error = error.unwrap_or_else(|| json(format!(r#"{{"message":{text}}}"#)));
    match parser {
        Parser::Json => packet(PacketRef::connect_error(namespace, Some(&error))),
        Parser::Msgpack => {
            let error = msgpack::Value::from_json_lossy(&error);
            message(msgpack::PacketRef::connect_error(namespace, &error))
        }
    }
}

/// DISCONNECT: the client is expelled from `namespace`, and will not come back by itself.
pub fn disconnect(parser: Parser, namespace: &Namespace) -> Encoded {
    match parser {
        Parser::Json => packet(PacketRef::disconnect(namespace)),
        Parser::Msgpack => message(msgpack::PacketRef::disconnect(namespace)),
    }
}

/// An event, with its attachments; and with an `id` if it asks for an acknowledgement, see
/// [`Acks::open`](crate::Acks::open).
pub fn event<'a>(
    parser: Parser,
    namespace: &'a Namespace,
    id: Option<AckId>,
    name: impl Into<RawName<'a>>,
    arguments: &'a Arguments,
) -> Encoded {
    match parser {
        Parser::Json => {
            let event = PacketRef::event(namespace, name, arguments);
            packet(id.map_or(event, |id| event.with_id(id)))
        }
        Parser::Msgpack => {
            let values = msgpack::Values::from_json_lossy(arguments);
            let event = msgpack::PacketRef::event(namespace, name.into(), &values);
            message(id.map_or(event, |id| event.with_id(id)))
        }
    }
}

/// The acknowledgement of a client's event `id`.
pub fn ack(parser: Parser, namespace: &Namespace, id: AckId, arguments: &Arguments) -> Encoded {
    match parser {
        Parser::Json => packet(PacketRef::ack(namespace, id, arguments)),
        Parser::Msgpack => {
            message(msgpack::PacketRef::ack(namespace, id, &msgpack::Values::from_json_lossy(arguments)))
        }
    }
}

/// Any packet as JSON: its text, written straight into the shared frame, and its attachments.
pub fn packet(packet: PacketRef<'_>) -> Encoded {
    let (text_len, attachments) = (packet.encoded_len(), packet.attachments());
    let capacity = EncodedBuilder::capacity_for(text_len, attachments.iter().map(Bytes::len));
    let mut builder = EncodedBuilder::with_capacity(capacity);
    builder.text(text_len, |buffer| packet.encode_into(buffer));
    for attachment in attachments {
        builder.binary(attachment);
    }
    builder.finish()
}

/// Any packet as MessagePack: one binary message.
fn message(packet: msgpack::PacketRef<'_>) -> Encoded {
    Encoded::binary(&packet.to_bytes())
}

fn json(object: String) -> Json {
    Json::try_from(object).expect("it was put together from strings that are JSON")
}

#[cfg(test)]
mod tests {
    use socketio_codec::{EventName, Limits, Packet};

    use super::*;

    const JSON: Parser = Parser::Json;

    #[test]
    fn packets_are_what_the_protocol_says() {
        let (root, admin) = (Namespace::ROOT, Namespace::try_from("/admin").unwrap());
        let socket = SocketId::from_random([0; 15]);
        let id = AckId::from(12);
        let name = EventName::new("a\"b").unwrap();
        let arguments = Arguments::from_json(r#"[1,{"x":null}]"#.into()).unwrap();
        let data = Json::from_text(r#"{"code":1}"#.into()).unwrap();
        for (encoded, text) in [
            (connect(JSON, &root, socket), r#"0{"sid":"AAAAAAAAAAAAAAAAAAAA"}"#),
            (connect(JSON, &admin, socket), r#"0/admin,{"sid":"AAAAAAAAAAAAAAAAAAAA"}"#),
            (connect_error(JSON, &root, "no \"way\"\n", None), r#"4{"message":"no \"way\"\n"}"#),
            (connect_error(JSON, &admin, "no", Some(&data)), r#"4/admin,{"message":"no","data":{"code":1}}"#),
            (disconnect(JSON, &root), "1"),
            (disconnect(JSON, &admin), "1/admin,"),
            (event(JSON, &root, None, &name, &arguments), r#"2["a\"b",1,{"x":null}]"#),
            (event(JSON, &admin, None, &name, &Arguments::EMPTY), r#"2/admin,["a\"b"]"#),
            (event(JSON, &admin, Some(id), &name, &arguments), r#"2/admin,12["a\"b",1,{"x":null}]"#),
            (ack(JSON, &root, id, &Arguments::EMPTY), "312[]"),
            (ack(JSON, &admin, id, &arguments), r#"3/admin,12[1,{"x":null}]"#),
        ] {
            assert_eq!(std::str::from_utf8(encoded.polling()).unwrap(), format!("4{text}"));
        }
    }

    #[test]
    fn data_that_would_be_nested_too_deep_is_left_out_of_a_refusal() {
        let deepest = format!("{}{}", "[".repeat(127), "]".repeat(127));
        let data = Json::try_from(deepest).unwrap();
        let encoded = connect_error(JSON, &Namespace::ROOT, "no", Some(&data));
        assert_eq!(encoded.polling(), r#"44{"message":"no"}"#.as_bytes());
    }

    #[test]
    fn attachments_follow_their_packet() {
        let placeholders = r#"[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
        let attachments = vec![Bytes::from_static(&[1, 2, 3]), Bytes::new()];
        let arguments = Arguments::with_attachments(placeholders.into(), attachments).unwrap();
        let encoded = ack(JSON, &Namespace::ROOT, AckId::from(0), &arguments);
        let expected = format!("462-0{placeholders}\x1ebAQID\x1eb");
        assert_eq!(encoded.polling(), expected.as_bytes());
    }

    #[test]
    fn in_msgpack_a_packet_is_one_binary_message_with_everything_in_it() {
        let placeholder = r#"[{"_placeholder":true,"num":0},{"__proto__":[1,"x"],"a":1}]"#;
        let arguments = Arguments::with_attachments(placeholder.into(), vec![Bytes::from_static(&[1, 2, 3])]).unwrap();
        let (name, id) = (EventName::new("a\"b").unwrap(), AckId::from(7));
        let encoded = event(Parser::Msgpack, &Namespace::ROOT, Some(id), &name, &arguments);
        let frame = encoded.websocket();
        assert_eq!((frame[0], usize::from(frame[1])), (0x82, frame.len() - 2), "{frame:?}");
        let decoded = msgpack::decode(frame.slice(2..), &Limits::default()).unwrap();
        let Packet::Event { namespace, id: Some(read), event } = decoded.to_json(&Limits::default()).unwrap() else {
            panic!("{decoded:?}")
        };
        assert!(namespace.is_root() && read == id && event.name() == "a\"b", "{event:?}");
        assert_eq!(event.arguments().as_str(), r#"{"_placeholder":true,"num":0},{"a":1}"#);
        assert_eq!(event.arguments().attachments(), [Bytes::from_static(&[1, 2, 3])]);
    }
}
