//! What the documentation says about memory, counted.

use allocation_counter::measure;
use bytes::{Bytes, BytesMut};
use socketio_codec::{Decoder, EventName, Namespace, Packet, PacketRef, Text};

/// A frame as a transport hands it over: a buffer that is counted by reference already.
fn frame(text: &str) -> Text {
    let bytes: Bytes = BytesMut::from(text).freeze();
    let _shared = bytes.clone();
    Text::try_from(bytes).expect("is UTF-8")
}

fn event(decoder: &mut Decoder, text: Text) -> socketio_codec::Event {
    match decoder.handle_text(text) {
        Ok(Some(Packet::Event { event, .. })) => event,
        other => panic!("{other:?}"),
    }
}

#[test]
fn decoding_a_text_event_allocates_nothing() {
    let mut decoder = Decoder::default();
    let payload = r#"{"id":1,"tags":["a","b"],"nested":{"x":[1.5,true,null]},"text":"a longer text with \n escapes"}"#;
    for text in [format!("2[\"update\",{payload}]"), format!("2/ns,12[\"update\",{payload},{payload}]")] {
        let text = frame(&text);
        let counted = measure(|| {
            let event = event(&mut decoder, text);
            assert!(event.name_is("update"));
            assert!(!event.is_empty());
            assert_eq!(event.iter().next(), Some(payload));
        });
        assert_eq!(counted.count_total, 0, "{counted:?}");
    }
}

#[test]
fn a_buffer_not_yet_shared_costs_its_reference_count_once_for_a_namespace() {
    let mut decoder = Decoder::default();
    let root = Text::from("2[\"update\",1]".to_owned());
    let named = Text::from("2/ns,[\"update\",1]".to_owned());
    assert_eq!(measure(|| drop(event(&mut decoder, root))).count_total, 0);
    let counted = measure(|| drop(event(&mut decoder, named)));
    assert!(counted.count_total <= 1, "{counted:?}");
}

#[test]
fn relaying_an_event_allocates_the_frame_only() {
    let mut decoder = Decoder::default();
    let text = frame("2[\"update\",{\"a\":[1,2,3]},\"x\"]");
    let name = EventName::new("changed").unwrap();
    let namespace = Namespace::try_from("/out").unwrap();
    let counted = measure(|| {
        let event = event(&mut decoder, text);
        let packet = PacketRef::event(&namespace, &name, event.arguments());
        let mut frame = Vec::with_capacity(packet.encoded_len());
        packet.encode_into(&mut frame);
        assert_eq!(frame, b"2/out,[\"changed\",{\"a\":[1,2,3]},\"x\"]");
    });
    assert_eq!(counted.count_total, 1, "{counted:?}");
}

#[test]
fn a_binary_event_allocates_four_times() {
    let mut decoder = Decoder::default();
    let text = frame(
        r#"53-["upload",{"data":{"_placeholder":true,"num":0}},{"_placeholder":true,"num":1},{"_placeholder":true,"num":2}]"#,
    );
    let attachment = frame("data").into_bytes();
    // Where it waits, the places, the attachments, and what clones of the arguments share.
    let counted = measure(|| {
        assert!(decoder.handle_text(text).unwrap().is_none());
        assert!(decoder.handle_binary(attachment.clone()).unwrap().is_none());
        assert!(decoder.handle_binary(attachment.clone()).unwrap().is_none());
        let Some(Packet::Event { event, .. }) = decoder.handle_binary(attachment.clone()).unwrap() else { panic!() };
        assert_eq!(event.attachment(2), Some(&attachment));
    });
    assert_eq!(counted.count_total, 4, "{counted:?}");
}

#[test]
fn no_frame_allocates_more_than_a_small_multiple_of_itself() {
    const KILOBYTES: usize = 100_000;
    let placeholders = "{\"_placeholder\":false,\"num\":1},".repeat(KILOBYTES / 31);
    for text in [
        format!("2{}", "[".repeat(KILOBYTES)),
        format!("2[\"{}\"]", "\\u0061".repeat(KILOBYTES / 6)),
        format!("510-[\"a\",{placeholders}1]"),
        format!("510-[\"a\",{}", "{\"a\":".repeat(KILOBYTES / 5)),
        format!("510-[\"a\",{}1{}]", "{\"a\":".repeat(100), "}".repeat(100)),
        format!("4{}", "9".repeat(KILOBYTES)),
    ] {
        let len = text.len() as u64;
        let text = frame(&text);
        let counted = measure(|| drop(Decoder::default().handle_text(text)));
        assert!(counted.bytes_max <= 2 * len + 8192, "{len}: {counted:?}");
    }
}
