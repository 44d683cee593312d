//! Arguments to types and back, with attachments among them.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use socketio_codec::{Arguments, Attachment, Decoder, EventName, Json, Namespace, Packet, PacketRef, Text};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Upload {
    name: String,
    parts: Vec<Attachment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preview: Option<Attachment>,
    kind: Kind,
    sizes: BTreeMap<u32, (i64, f64)>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    None,
    Raw(Attachment),
    Pair(u8, char),
    Image { width: u32, height: u32, tag: Option<bool> },
}

fn upload(kind: Kind, preview: Option<Attachment>) -> Upload {
    Upload {
        name: "a \"b\"\u{1}\n☕".to_owned(),
        parts: vec![Attachment::from(&b"one"[..]), Attachment::from(&b""[..])],
        preview,
        kind,
        sizes: BTreeMap::from([(1, (-1, 0.1)), (u32::MAX, (i64::MIN, 1e300))]),
    }
}

#[test]
fn attachments_anywhere_survive_the_wire() {
    for (kind, preview) in [
        (Kind::None, None),
        (Kind::Raw(Attachment::from(vec![0, 255])), Some(Attachment::from(vec![1]))),
        (Kind::Pair(7, 'é'), None),
        (Kind::Image { width: 1, height: 2, tag: Some(true) }, Some(Attachment::default())),
    ] {
        let sent = (1, upload(kind, preview), "last");
        let arguments = Arguments::serialize(&sent).unwrap();
        let name = EventName::new("upload").unwrap();
        let packet = PacketRef::event(Namespace::root(), &name, &arguments);

        let mut decoder = Decoder::default();
        let mut received = decoder.handle_text(packet.to_text()).unwrap();
        for attachment in packet.attachments() {
            assert!(received.is_none());
            received = decoder.handle_binary(attachment.clone()).unwrap();
        }
        let Some(Packet::Event { event, .. }) = received else { panic!("{received:?}") };
        assert!(event.name_is("upload"));
        assert_eq!(event.arguments(), &arguments);
        assert_eq!(event.deserialize_all::<(u8, Upload, &str)>().unwrap(), sent);
        assert_eq!(event.deserialize::<Upload>(1).unwrap(), sent.1);
        assert_eq!(event.deserialize::<&str>(2).unwrap(), "last");
        assert!(event.deserialize::<u8>(3).is_err());
    }
}

#[test]
fn text_is_what_serde_json_writes() {
    #[derive(Serialize)]
    struct Many<'a> {
        unit: (),
        none: Option<u8>,
        text: &'a str,
        float: f32,
        nan: f64,
        keys: BTreeMap<bool, i128>,
        raw: Box<RawValue>,
        kinds: Vec<(u8, char)>,
        variant: Result<u8, &'a str>,
    }
    let many = Many {
        unit: (),
        none: None,
        text: "\u{0}\u{8}\u{c}\r\t\n\"\\/\u{7f}é😀\u{2028}",
        float: 0.1,
        nan: f64::NAN,
        keys: BTreeMap::from([(true, i128::from(u64::MAX))]),
        raw: RawValue::from_string("{ \"a\" : \"\\ud800\\n\" }".to_owned()).unwrap(),
        kinds: vec![(1, '"')],
        variant: Err("no"),
    };
    assert_eq!(Json::serialize(&many).unwrap().as_str(), serde_json::to_string(&many).unwrap());
}

#[test]
fn arguments_are_read_as_text_bytes_and_types() {
    let arguments = Arguments::with_attachments(
        Text::from_static(r#"[ {"_placeholder":true,"num":1} , "x" , [{"_placeholder":true,"num":0}], null ]"#),
        vec![Bytes::from_static(b"zero"), Bytes::from_static(b"one")],
    )
    .unwrap();
    assert_eq!(arguments.len(), 4);
    assert_eq!(arguments.attachment(0).unwrap(), "one");
    assert_eq!(arguments.attachment(1), None);
    assert_eq!(arguments.attachment(2), None);
    assert_eq!(arguments.attachment(9), None);
    assert_eq!(arguments.raw(1), Some("\"x\""));
    assert_eq!(arguments.raw(4), None);
    assert_eq!(arguments.deserialize::<Vec<u8>>(0).unwrap(), b"one");
    assert_eq!(arguments.deserialize::<(Attachment,)>(2).unwrap().0.0, "zero");
    assert_eq!(arguments.deserialize::<Option<Attachment>>(3).unwrap(), None);
    assert_eq!(arguments.deserialize::<&RawValue>(0).unwrap().get(), r#"{"_placeholder":true,"num":1}"#);
    let (first, second, _, _): (Attachment, String, serde::de::IgnoredAny, ()) = arguments.deserialize_all().unwrap();
    assert_eq!((&first[..], second.as_str()), (&b"one"[..], "x"));
    assert!(arguments.deserialize_all::<(Attachment, String)>().is_err(), "too few places");
    assert!(arguments.deserialize::<u64>(0).is_err());
    assert!(arguments.deserialize::<(u8, u8)>(2).is_err());
}

#[test]
fn a_placeholder_in_a_text_packet_is_an_object() {
    let arguments = Arguments::from_json(Text::from_static(r#"[{"_placeholder":true,"num":0}]"#)).unwrap();
    assert!(arguments.attachments().is_empty());
    let value: serde_json::Value = arguments.deserialize(0).unwrap();
    assert_eq!(value["num"], 0);
}

#[test]
fn values_without_a_form_are_refused() {
    assert!(Arguments::serialize(&1).is_err(), "no sequence");
    assert!(Arguments::serialize(&BTreeMap::from([("a", 1)])).is_err(), "no sequence");
    assert!(Arguments::serialize(&(BTreeMap::from([((1, 2), 1)]),)).is_err(), "a key that is no text");
    assert!(Json::serialize(&Attachment::default()).is_err(), "bytes outside of arguments");
    let false_one = serde_json::json!({ "_placeholder": true, "num": 0 });
    assert!(Arguments::serialize(&(&false_one,)).is_ok(), "harmless without attachments");
    assert!(Arguments::serialize(&(&false_one, Attachment::default())).is_err());
    let mut deep = serde_json::json!(1);
    for _ in 0..200 {
        deep = serde_json::json!([deep]);
    }
    assert!(Arguments::serialize(&(deep,)).is_err(), "deeper than anyone accepts");
}

#[test]
fn an_event_is_sent_on_with_another_name_namespace_and_id() {
    let mut decoder = Decoder::default();
    let received = decoder.handle_text("2/in,7[ \"old\" , {\"a\": [1, 2]} , 3 ]".into()).unwrap();
    let Some(Packet::Event { id, event, .. }) = received else { panic!("{received:?}") };
    let namespace = Namespace::try_from("/out").unwrap();
    let name = EventName::new("new").unwrap();
    let sent = PacketRef::event(&namespace, &name, event.arguments()).with_id(id.unwrap());
    assert_eq!(sent.to_text(), "2/out,7[\"new\",{\"a\": [1, 2]} , 3]");
    let sent = PacketRef::event(Namespace::root(), &event, event.arguments());
    assert_eq!(sent.to_text(), "2[\"old\",{\"a\": [1, 2]} , 3]");
    let sent = PacketRef::ack(&namespace, id.unwrap(), Arguments::empty());
    assert_eq!(sent.to_text(), "3/out,7[]");
}

#[test]
fn reserved_names_are_not_made() {
    for name in socketio_codec::RESERVED_NAMES {
        assert!(EventName::new(name).is_err());
    }
    let name = EventName::new("a\"\\\n\u{1}é").unwrap();
    assert_eq!(name.raw().as_str(), r#""a\"\\\n\u0001é""#);
    assert!(name.raw().is("a\"\\\n\u{1}é"));
}

#[test]
fn names_are_decoded() {
    for (raw, name) in [
        (r#""a""#, "a"),
        (r#""""#, ""),
        (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#""\u00e9\ud83d\ude00""#, "é😀"),
        (r#""\ud800""#, "\u{fffd}"),
        (r#""\ud800\ud83d\ude00""#, "\u{fffd}😀"),
        (r#""\ude00x""#, "\u{fffd}x"),
        ("12", "12"),
        ("-1.5e3", "-1.5e3"),
    ] {
        let found = Decoder::default().handle_text(Text::from(format!("2[{raw}]"))).unwrap();
        let Some(Packet::Event { event, .. }) = found else { panic!("{found:?}") };
        assert_eq!(event.name(), name);
        assert!(event.name_is(name) && !event.name_is("other"));
        assert_eq!(event.raw_name().as_str(), raw);
    }
}

/// What a `Serialize` does that does not keep to serde's contract.
#[derive(Clone, Copy, Debug)]
enum Unruly {
    KeyAlone,
    TwoKeys,
    ValueAlone,
    /// Goes on after an element has failed.
    IgnoresAnElement,
    /// Goes on after a key has failed.
    IgnoresAKey,
    /// Goes on after an inner array has failed half-way.
    IgnoresAnArray,
}

impl serde::Serialize for Unruly {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::{Error as _, SerializeMap as _, SerializeSeq as _};

        struct Fails;

        impl serde::Serialize for Fails {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(S::Error::custom("fails"))
            }
        }

        match self {
            Self::IgnoresAnElement | Self::IgnoresAnArray => {
                let mut seq = serializer.serialize_seq(None)?;
                seq.serialize_element(&1)?;
                let failed = match self {
                    Self::IgnoresAnElement => seq.serialize_element(&Fails),
                    _ => seq.serialize_element(&(1, Fails)),
                };
                assert!(failed.is_err());
                seq.end()
            }
            _ => {
                let mut map = serializer.serialize_map(None)?;
                match self {
                    Self::KeyAlone => map.serialize_key("a")?,
                    Self::TwoKeys => {
                        map.serialize_key("a")?;
                        map.serialize_entry("b", &1)?;
                    }
                    Self::ValueAlone => map.serialize_value(&1)?,
                    _ => {
                        assert!(map.serialize_key(&Fails).is_err());
                        let _ = map.serialize_value(&1);
                    }
                }
                map.end()
            }
        }
    }
}

#[test]
fn what_is_no_json_is_never_made() {
    use Unruly::*;
    for unruly in [KeyAlone, TwoKeys, ValueAlone, IgnoresAnElement, IgnoresAKey, IgnoresAnArray] {
        let made = Arguments::serialize(&(0, unruly));
        assert!(made.is_err(), "{unruly:?} gave {made:?}");
        // Outermost, too.
        let made = Arguments::serialize(&unruly);
        assert!(made.is_err(), "{unruly:?} gave {made:?}");
    }
    let mut deep = serde_json::json!(1);
    for _ in 0..126 {
        deep = serde_json::Value::Array(vec![deep]);
    }
    assert!(Arguments::serialize(&(&deep,)).is_ok());
    assert!(Arguments::serialize(&([&deep],)).is_err());
}

#[test]
fn what_is_made_is_what_a_scan_would_find() {
    let list = ("a", vec![1.5, -0.0, 1e300], serde_json::json!({ "k": [{}, [], null, true] }), Some(-7), ());
    let made = Arguments::serialize(&list).unwrap();
    assert_eq!(made, Arguments::from_json(Text::from(format!("[{}]", made.as_str()))).unwrap());
    assert_eq!(made.len(), 5);
    assert_eq!(made.iter().count(), 5);
    assert_eq!(Arguments::serialize::<[u8; 0]>(&[]).unwrap(), Arguments::EMPTY);
    assert_eq!(Arguments::serialize(&Vec::<Attachment>::new()).unwrap(), Arguments::EMPTY);
    // An enum's tuple is an object around an array, and no list of arguments.
    #[derive(serde::Serialize)]
    enum Variant {
        Tuple(u8, u8),
        Struct { a: u8 },
    }
    assert!(Arguments::serialize(&Variant::Tuple(1, 2)).is_err());
    let made = Arguments::serialize(&(Variant::Tuple(1, 2), Variant::Struct { a: 3 })).unwrap();
    assert_eq!(made.as_str(), r#"{"Tuple":[1,2]},{"Struct":{"a":3}}"#);
}

#[test]
fn a_unit_is_no_arguments_but_a_null_among_them() {
    assert_eq!(Arguments::serialize(&()).unwrap(), Arguments::EMPTY);
    assert_eq!(Arguments::serialize(&&()).unwrap().len(), 0);
    for null in [Arguments::serialize(&((),)), Arguments::serialize(&[()]), Arguments::serialize(&(None::<u8>,))] {
        assert_eq!(null.unwrap().as_str(), "null");
    }
    assert_eq!(Json::serialize(&()).unwrap().as_str(), "null");
    // What else is written as a null is no list.
    assert!(Arguments::serialize(&None::<(u8,)>).is_err());
    assert!(Arguments::serialize(&f64::NAN).is_err());
}

#[test]
fn what_looks_like_a_placeholder_is_seen_however_it_is_written() {
    #[derive(serde::Serialize)]
    enum Variant {
        #[serde(rename = "_placeholder")]
        Newtype(bool),
    }
    #[derive(serde::Serialize)]
    struct Field {
        #[serde(rename = "_placeholder")]
        is_placeholder: bool,
        num: usize,
    }
    let data = Attachment::from(&b"data"[..]);
    assert!(Arguments::serialize(&(&data, Variant::Newtype(true))).is_err());
    assert!(Arguments::serialize(&(&data, Field { is_placeholder: true, num: 0 })).is_err());
    assert!(Arguments::serialize(&(&data, BTreeMap::from([("_placeholder", true)]))).is_err());
    let raw = RawValue::from_string(r#"{"\u005fplaceholder":true,"num":0}"#.into()).unwrap();
    assert!(Arguments::serialize(&(&data, raw)).is_err());
    // Its `_placeholder` is not true.
    let made = Arguments::serialize(&(Field { is_placeholder: false, num: 0 }, &data)).unwrap();
    assert_eq!(made.attachment(0), None);
    assert_eq!(made.attachment(1).unwrap(), &b"data"[..]);
}

#[test]
fn placeholders_are_where_a_scan_would_find_them() {
    let data = [&b"a"[..], b"b", b"c"].map(Attachment::from);
    let list = (&data[0], BTreeMap::from([("k", vec![&data[1]]), ("l", vec![&data[2], &data[0]])]), "last");
    let made = Arguments::serialize(&list).unwrap();
    let text = Text::from(format!("[{}]", made.as_str()));
    let scanned = Arguments::with_attachments(text, made.attachments().to_vec()).unwrap();
    for arguments in [made, scanned] {
        assert_eq!(arguments.attachment(0).unwrap(), &b"a"[..]);
        let nested: BTreeMap<String, Vec<Attachment>> = arguments.deserialize(1).unwrap();
        assert_eq!(nested["k"], [data[1].clone()]);
        assert_eq!(nested["l"], [data[2].clone(), data[0].clone()]);
    }
}

#[test]
fn arguments_are_shown_as_json_with_something_in_the_place_of_each_attachment() {
    let placeholder = r#"{"_placeholder":true,"num":0}"#;
    let attachments = |count: u8| (0..count).map(|n| vec![n; 3].into()).collect::<Vec<Bytes>>();
    let within = r#"[{"_placeholder":true,"num":1,"x":{"_placeholder":true,"num":0}},2]"#;
    for (array, count, shown) in [
        (r#"[1, "é" ]"#.to_owned(), 0, r#"[1, "é"]"#.to_owned()),
        ("[]".to_owned(), 0, "[]".to_owned()),
        // Without attachments it is an object like any other.
        (format!("[{placeholder}]"), 0, format!("[{placeholder}]")),
        (format!(r#"[{{"a":[{placeholder}]}}, 1]"#), 1, r#"[{"a":["0x3"]}, 1]"#.to_owned()),
        // Nobody names the attachment.
        ("[1]".to_owned(), 1, "[1]".to_owned()),
        (within.to_owned(), 2, r#"["1x3",2]"#.to_owned()),
    ] {
        let arguments = Arguments::with_attachments(array.into(), attachments(count)).unwrap();
        for arguments in [arguments.detached(), arguments] {
            let json = arguments.to_json_with(|bytes, json| *json += &format!("\"{}x{}\"", bytes[0], bytes.len()));
            assert_eq!(json, shown);
        }
    }
}
