//! What readers and writers of other formats make payloads of.

use bytes::Bytes;
use socketio_codec::{Arguments, DecodeErrorKind, Event, Limits, Text, pieces};

#[test]
fn an_event_is_made_of_an_array() {
    let data = vec![Bytes::from_static(b"data")];
    let event = Event::from_json(r#" ["a" , {"_placeholder":true,"num":0}]"#.into(), data, &Limits::default()).unwrap();
    assert_eq!((&*event.name(), event.len()), ("a", 1));
    assert_eq!(event.attachment(0).unwrap(), &b"data"[..]);

    let alone = Event::from_json("[1]".into(), Vec::new(), &Limits::default()).unwrap();
    assert_eq!((&*alone.name(), alone.is_empty()), ("1", true));
}

#[test]
fn what_no_event_can_be_is_refused_by_its_reason() {
    let mut limits = Limits::default();
    (limits.arguments_max, limits.attachments_max, limits.json_depth_max) = (3, 1, 2);
    let read = |text: &str, attachments: usize| {
        let attachments = vec![Bytes::from_static(b"x"); attachments];
        Event::from_json(Text::from(text.to_owned()), attachments, &limits).unwrap_err().kind()
    };
    for (text, attachments, kind) in [
        ("{}", 0, DecodeErrorKind::InvalidPayload),
        ("[]", 0, DecodeErrorKind::InvalidEventName),
        ("[null]", 0, DecodeErrorKind::InvalidEventName),
        (r#"["disconnect"]"#, 0, DecodeErrorKind::ReservedEventName),
        (r#"["a",1,2,3]"#, 0, DecodeErrorKind::TooManyArguments),
        (r#"["a",[[]]]"#, 0, DecodeErrorKind::TooDeep),
        (r#"["a"]"#, 2, DecodeErrorKind::TooManyAttachments),
        (r#"["a",{"_placeholder":true,"num":1}]"#, 1, DecodeErrorKind::InvalidPlaceholder),
        (r#"["a"] 1"#, 0, DecodeErrorKind::InvalidJson),
    ] {
        assert_eq!(read(text, attachments), kind, "{text}");
    }
    limits.attachment_bytes_max = 3;
    let large = Event::from_json(r#"["a"]"#.into(), vec![Bytes::from_static(b"four")], &limits);
    assert_eq!(large.unwrap_err().kind(), DecodeErrorKind::AttachmentsTooLarge);
}

#[test]
fn what_was_checked_is_taken_as_it_is() {
    let event = Event::from_checked(r#"["a",1,2]"#.into(), 1..4, 5..8, 2);
    assert_eq!(event, Event::from_json(r#"["a",1,2]"#.into(), Vec::new(), &Limits::default()).unwrap());
    let list = Arguments::from_checked("1,[2]".into(), 2);
    assert_eq!(list, Arguments::from_json("[1,[2]]".into()).unwrap());
    assert_eq!(Arguments::from_checked("".into(), 0), Arguments::EMPTY);
}

#[test]
fn places_of_attachments_are_those_of_the_list() {
    let text = r#" [ {"_placeholder":true,"num":1},[{"_placeholder":true,"num":0}]]"#;
    let attachments = vec![Bytes::from_static(b"zero"), Bytes::from_static(b"one")];
    let arguments = Arguments::within(text.into(), attachments, &Limits::default()).unwrap();
    let found: Vec<_> = arguments.placeholders().map(|(place, data)| (&arguments.as_str()[place], &data[..])).collect();
    assert_eq!(
        found,
        [(r#"{"_placeholder":true,"num":1}"#, &b"one"[..]), (r#"{"_placeholder":true,"num":0}"#, &b"zero"[..])]
    );
}

#[test]
fn dates_are_those_of_javascript() {
    let date = |millis| {
        let mut text = String::new();
        pieces::date(millis, &mut text);
        text
    };
    assert_eq!(date(-1), r#""1969-12-31T23:59:59.999Z""#);
    assert_eq!(date(8_640_000_000_000_000), r#""+275760-09-13T00:00:00.000Z""#);
    assert_eq!(date(8_640_000_000_000_001), "null");
}

#[test]
fn strings_go_both_ways() {
    for text in ["", "plain", "é😀", "\"\\/\u{8}\u{c}\n\r\t\u{1}\u{7f}\u{2028}"] {
        let mut literal = String::new();
        pieces::escape(text, &mut literal);
        assert_eq!(pieces::value_end(literal.as_bytes(), 0, 0), Ok(literal.len()));
        assert_eq!(pieces::unescape(&literal), text);
    }
    assert_eq!(pieces::unescape(r#""\ud800""#), "\u{fffd}");
}
