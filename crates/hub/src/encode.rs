//! The packets a server sends, framed for any number of recipients.

use bytes::Bytes;
use engineio_proto::{Encoded, EncodedBuilder};
use socketio_codec::{AckId, Arguments, Json, Namespace, PacketRef, RawName};

use crate::SocketId;

/// CONNECT: the client is connected to `namespace`, as `socket`.
pub fn connect(namespace: &Namespace, socket: SocketId) -> Encoded {
    packet(PacketRef::connect(namespace, Some(&json(format!(r#"{{"sid":"{socket}"}}"#)))))
}

/// CONNECT_ERROR: the client was refused. `namespace` is as the client wrote it; the application's `data`, if any,
/// is what the client finds in its error. Data nested as deep as a packet may be is left out: it goes in one deeper.
///
/// ```
/// use fanfare_hub::encode;
/// use socketio_codec::Namespace;
///
/// let nope = Namespace::try_from("/nope")?;
/// let refusal = encode::connect_error(&nope, "Invalid namespace", None);
/// assert_eq!(refusal.polling(), r#"44/nope,{"message":"Invalid namespace"}"#.as_bytes());
/// # Ok::<(), socketio_codec::InvalidNamespace>(())
/// ```
pub fn connect_error(namespace: &Namespace, message: &str, data: Option<&Json>) -> Encoded {
    let message = serde_json::Value::from(message);
    let with_data = data.map(|data| format!(r#"{{"message":{message},"data":{data}}}"#));
    let error = with_data.and_then(|error| Json::try_from(error).ok());
    let error = error.unwrap_or_else(|| json(format!(r#"{{"message":{message}}}"#)));
    packet(PacketRef::connect_error(namespace, Some(&error)))
}

/// DISCONNECT: the client is expelled from `namespace`, and will not come back by itself.
pub fn disconnect(namespace: &Namespace) -> Encoded {
    packet(PacketRef::disconnect(namespace))
}

/// An event, with its attachments.
pub fn event<'a>(namespace: &'a Namespace, name: impl Into<RawName<'a>>, arguments: &'a Arguments) -> Encoded {
    packet(PacketRef::event(namespace, name, arguments))
}

/// An event that asks for an acknowledgement, see [`Acks::open`](crate::Acks::open).
pub fn event_with_ack<'a>(
    namespace: &'a Namespace,
    id: AckId,
    name: impl Into<RawName<'a>>,
    arguments: &'a Arguments,
) -> Encoded {
    packet(PacketRef::event(namespace, name, arguments).with_id(id))
}

/// The acknowledgement of a client's event `id`.
pub fn ack(namespace: &Namespace, id: AckId, arguments: &Arguments) -> Encoded {
    packet(PacketRef::ack(namespace, id, arguments))
}

/// Any packet: its text, written straight into the shared frame, and its attachments.
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

fn json(object: String) -> Json {
    Json::try_from(object).expect("it was put together from strings that are JSON")
}

#[cfg(test)]
mod tests {
    use socketio_codec::EventName;

    use super::*;

    #[test]
    fn packets_are_what_the_protocol_says() {
        let (root, admin) = (Namespace::ROOT, Namespace::try_from("/admin").unwrap());
        let socket = SocketId::from_random([0; 15]);
        let id = AckId::from(12);
        let name = EventName::new("a\"b").unwrap();
        let arguments = Arguments::from_json(r#"[1,{"x":null}]"#.into()).unwrap();
        let data = Json::from_text(r#"{"code":1}"#.into()).unwrap();
        for (encoded, text) in [
            (connect(&root, socket), r#"0{"sid":"AAAAAAAAAAAAAAAAAAAA"}"#),
            (connect(&admin, socket), r#"0/admin,{"sid":"AAAAAAAAAAAAAAAAAAAA"}"#),
            (connect_error(&root, "no \"way\"\n", None), r#"4{"message":"no \"way\"\n"}"#),
            (connect_error(&admin, "no", Some(&data)), r#"4/admin,{"message":"no","data":{"code":1}}"#),
            (disconnect(&root), "1"),
            (disconnect(&admin), "1/admin,"),
            (event(&root, &name, &arguments), r#"2["a\"b",1,{"x":null}]"#),
            (event(&admin, &name, &Arguments::EMPTY), r#"2/admin,["a\"b"]"#),
            (event_with_ack(&admin, id, &name, &arguments), r#"2/admin,12["a\"b",1,{"x":null}]"#),
            (ack(&root, id, &Arguments::EMPTY), "312[]"),
            (ack(&admin, id, &arguments), r#"3/admin,12[1,{"x":null}]"#),
        ] {
            assert_eq!(std::str::from_utf8(encoded.polling()).unwrap(), format!("4{text}"));
        }
    }

    #[test]
    fn data_that_would_be_nested_too_deep_is_left_out_of_a_refusal() {
        let deepest = format!("{}{}", "[".repeat(127), "]".repeat(127));
        let data = Json::try_from(deepest).unwrap();
        let encoded = connect_error(&Namespace::ROOT, "no", Some(&data));
        assert_eq!(encoded.polling(), r#"44{"message":"no"}"#.as_bytes());
    }

    #[test]
    fn attachments_follow_their_packet() {
        let placeholders = r#"[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
        let attachments = vec![Bytes::from_static(&[1, 2, 3]), Bytes::new()];
        let arguments = Arguments::with_attachments(placeholders.into(), attachments).unwrap();
        let encoded = ack(&Namespace::ROOT, AckId::from(0), &arguments);
        let expected = format!("462-0{placeholders}\x1ebAQID\x1eb");
        assert_eq!(encoded.polling(), expected.as_bytes());
    }
}
