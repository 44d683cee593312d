//! The bounds of a decoder, each at its edge, and what a decoder does after an error.

use bytes::Bytes;
use socketio_codec::{AckId, DecodeErrorKind, Decoder, Limits, Packet, PacketType};

const TWO: &str = r#"52-["a",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;

fn limited(change: impl FnOnce(&mut Limits)) -> Decoder {
    let mut limits = Limits::default();
    change(&mut limits);
    Decoder::new(limits)
}

#[test]
fn bytes_of_attachments_are_bounded_together() {
    for (second_len, is_allowed) in [(60, true), (61, false)] {
        let mut decoder = limited(|limits| limits.attachment_bytes_max = 100);
        assert!(decoder.handle_text(TWO.into()).unwrap().is_none());
        assert!(decoder.handle_binary(Bytes::from(vec![0; 40])).unwrap().is_none());
        match decoder.handle_binary(Bytes::from(vec![0; second_len])) {
            Ok(packet) => assert!(is_allowed && packet.is_some()),
            Err(error) => {
                assert_eq!(error.kind(), DecodeErrorKind::AttachmentsTooLarge);
                assert!(!is_allowed && !decoder.is_waiting());
            }
        }
    }
}

#[test]
fn attachments_names_and_ids_are_bounded_at_their_edge() {
    let kind = |decoder: &mut Decoder, text: &'static str| decoder.handle_text(text.into()).map_err(|e| e.kind()).err();
    let mut decoder = limited(|limits| limits.attachments_max = 1);
    assert_eq!(kind(&mut decoder, TWO), Some(DecodeErrorKind::TooManyAttachments));
    assert_eq!(kind(&mut decoder, r#"51-["a"]"#), None);
    let mut decoder = limited(|limits| limits.namespace_len_max = 4);
    assert_eq!(kind(&mut decoder, "0/abc,"), None);
    assert_eq!(kind(&mut decoder, "0/abc"), None);
    assert_eq!(kind(&mut decoder, "0/abcd,"), Some(DecodeErrorKind::NamespaceTooLong));
    assert_eq!(kind(&mut decoder, "0/abcd"), Some(DecodeErrorKind::NamespaceTooLong));
    let mut decoder = limited(|limits| limits.ack_id_max = AckId::from(9));
    assert_eq!(kind(&mut decoder, r#"29["a"]"#), None);
    assert_eq!(kind(&mut decoder, r#"210["a"]"#), Some(DecodeErrorKind::AckIdTooLarge));
    let mut decoder = limited(|limits| limits.arguments_max = 2);
    assert_eq!(kind(&mut decoder, r#"2["a",1]"#), None);
    assert_eq!(kind(&mut decoder, r#"2["a",1,2]"#), Some(DecodeErrorKind::TooManyArguments));
    assert_eq!(kind(&mut decoder, "31[1,2]"), None);
    assert_eq!(kind(&mut decoder, "31[1,2,3]"), Some(DecodeErrorKind::TooManyArguments));
    let mut decoder = limited(|limits| limits.json_depth_max = 0);
    assert_eq!(kind(&mut decoder, r#"2["a"]"#), Some(DecodeErrorKind::TooDeep));
    let mut decoder = limited(|limits| limits.json_depth_max = usize::MAX);
    let deep = |levels: usize| format!("2[\"a\",{}{}]", "[".repeat(levels), "]".repeat(levels));
    assert!(decoder.handle_text(deep(Limits::JSON_DEPTH_CEILING - 1).into()).is_ok());
    assert!(decoder.handle_text(deep(Limits::JSON_DEPTH_CEILING).into()).is_err());
}

#[test]
fn a_decoder_is_idle_after_an_error() {
    let mut decoder = Decoder::default();
    assert!(decoder.handle_text(TWO.into()).unwrap().is_none());
    assert!(decoder.is_waiting());
    let error = decoder.handle_text(r#"2["b"]"#.into()).unwrap_err();
    assert_eq!(error.kind(), DecodeErrorKind::AttachmentExpected);
    assert!(!decoder.is_waiting());
    assert!(decoder.handle_binary(Bytes::new()).is_err());
    assert!(matches!(decoder.handle_text(r#"2["b"]"#.into()), Ok(Some(Packet::Event { .. }))));
}

/// What the decoder knows of `text`, which it refuses: as type, namespace, id, and attachments due.
fn refused(decoder: &mut Decoder, text: &str) -> Option<(PacketType, String, Option<u64>, usize)> {
    decoder.handle_text(text.into()).expect_err("it is beyond a limit or wrong");
    let refused = decoder.take_refused()?;
    assert_eq!(decoder.take_refused(), None, "it is taken");
    Some((refused.packet_type, refused.namespace.to_string(), refused.id.map(AckId::get), refused.attachments_due))
}

#[test]
fn who_sent_what_is_refused_can_be_answered() {
    let mut decoder = limited(|limits| {
        (limits.arguments_max, limits.attachments_max, limits.json_depth_max) = (3, 1, 2);
        (limits.namespace_len_max, limits.ack_id_max) = (5, AckId::from(9));
    });
    let event = |id, due| Some((PacketType::Event, "/chat".to_owned(), id, due));
    assert_eq!(refused(&mut decoder, r#"2/chat,7["add",1,2,3]"#), event(Some(7), 0));
    assert_eq!(refused(&mut decoder, r#"2/chat,["add",[[]]]"#), event(None, 0));
    assert_eq!(refused(&mut decoder, r#"52-/chat,7["add"]"#), event(Some(7), 2));
    assert_eq!(refused(&mut decoder, r#"51-/chat,["add",{"_placeholder":true,"num":1}]"#), event(None, 1));
    assert_eq!(refused(&mut decoder, "31{}"), Some((PacketType::Ack, "/".to_owned(), Some(1), 0)));
}

#[test]
fn nobody_is_answered_whose_type_namespace_or_id_is_wrong() {
    let mut decoder = limited(|limits| (limits.namespace_len_max, limits.ack_id_max) = (5, AckId::from(9)));
    for text in ["", "7", "50-[]", "0/longer,", "0/\n,", r#"210["a"]"#] {
        assert_eq!(refused(&mut decoder, text), None, "{text}");
    }
}

#[test]
fn attachments_that_are_too_large_say_how_many_are_still_to_come() {
    let mut decoder = limited(|limits| limits.attachment_bytes_max = 100);
    assert!(decoder.handle_text(TWO.into()).unwrap().is_none());
    assert_eq!(decoder.take_refused(), None);
    assert!(decoder.is_waiting(), "to ask changes nothing");
    assert!(decoder.handle_binary(Bytes::from(vec![0; 101])).unwrap_err().kind().is_limit());
    assert_eq!(decoder.take_refused().unwrap().attachments_due, 1);
}

#[test]
fn what_was_refused_is_forgotten_with_the_next_frame() {
    let mut decoder = Decoder::default();
    for is_right in [true, false] {
        decoder.handle_text("21[}".into()).unwrap_err();
        assert!(!decoder.is_waiting());
        match is_right {
            true => assert!(decoder.handle_text(r#"2["b"]"#.into()).unwrap().is_some()),
            false => assert!(!decoder.handle_binary(Bytes::new()).unwrap_err().kind().is_limit()),
        }
        assert_eq!(decoder.take_refused(), None);
    }
}

#[test]
fn an_error_says_what_and_where() {
    let error = Decoder::default().handle_text("2[\"é\",tru]".into()).unwrap_err();
    assert_eq!(error.to_string(), "invalid json at byte 7");
    let text = socketio_codec::Text::try_from(Bytes::from_static(b"2[\"\xff\"]"));
    assert_eq!(text.unwrap_err().to_string(), "text that is not utf-8 at byte 3");
}
