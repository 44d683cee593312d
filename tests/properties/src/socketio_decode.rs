//! A peer's frames, text and binary, under the default limits and under narrow ones.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::value::RawValue;
use socketio_codec::{
    AckId, Arguments, DecodeError, Decoder, EventName, Json, Limits, Namespace, Packet, PacketRef, RESERVED_NAMES, Text,
};

use crate::frames::{self, Frame};
use crate::value::Value;

/// A frame is accepted exactly when a slow reader made of `str::split_once` and serde_json accepts it, as the same
/// packet; what is accepted is written and read again as the same, under another name and namespace too; its arguments
/// are read as serde_json reads them.
///
/// The input is frames, as in a polling payload.
pub fn check(data: &[u8]) {
    let is_clear = |frame: &[u8]| read(frame, &Limits::default()).is_none_or(|read| read.is_clear);
    if frames::split(data).any(|frame| matches!(frame, Frame::Text(text) if !is_clear(&text))) {
        let mut decoder = Decoder::default();
        return frames::split(data).for_each(|frame| drop(handle(&mut decoder, &frame, Limits::default())));
    }
    let mut narrow = Limits::default();
    narrow.attachments_max = 2;
    narrow.attachment_bytes_max = 16;
    narrow.namespace_len_max = 8;
    narrow.ack_id_max = AckId::from(99);
    narrow.arguments_max = 3;
    narrow.json_depth_max = 4;
    for limits in [Limits::default(), narrow] {
        let mut decoder = Decoder::new(limits);
        // What is announced and not complete, as the slow reader understood it.
        let mut waiting: Option<(Vec<u8>, Vec<Bytes>)> = None;
        for frame in frames::split(data) {
            let found = handle(&mut decoder, &frame, limits);
            let expected = expect(&mut waiting, frame.clone(), &limits);
            match (&found, &expected) {
                (Ok(Some(packet)), Some(Some((text, attachments)))) => {
                    is_as_read(packet, &read(text, &limits).expect("it was read before"), attachments);
                    is_written_as_read(packet, &limits);
                }
                (Ok(None), Some(None)) | (Err(_), None) => {}
                _ => panic!("{frame:?} gave {found:?}, and {expected:?} was expected"),
            }
            assert_eq!(decoder.is_waiting(), waiting.is_some());
            if let (Err(error), Frame::Text(frame) | Frame::Binary(frame)) = (found, frame) {
                assert!(error.offset() <= frame.len());
            }
        }
    }
}

fn handle(decoder: &mut Decoder, frame: &Frame, limits: Limits) -> Result<Option<Packet>, DecodeError> {
    match frame {
        Frame::Text(text) => match Text::try_from(text.clone()) {
            Ok(text) => decoder.handle_text(text),
            // What a transport does: such a frame never reaches the decoder, and the connection is closed.
            Err(error) => {
                *decoder = Decoder::new(limits);
                Err(error)
            }
        },
        Frame::Binary(data) => decoder.handle_binary(data.clone()),
    }
}

/// What the slow reader says of a frame: `None` that it is wrong, `Some(None)` that more is due, or a whole packet.
type Verdict = Option<Option<(Vec<u8>, Vec<Bytes>)>>;

fn expect(waiting: &mut Option<(Vec<u8>, Vec<Bytes>)>, frame: Frame, limits: &Limits) -> Verdict {
    let (text, attachments) = match (waiting.take(), frame) {
        (None, Frame::Text(text)) => (text.to_vec(), Vec::new()),
        (Some((text, mut attachments)), Frame::Binary(data)) => {
            attachments.push(data);
            (text, attachments)
        }
        _ => return None,
    };
    let due = read(&text, limits)?.attachments;
    if attachments.iter().map(Bytes::len).sum::<usize>() > limits.attachment_bytes_max {
        return None;
    }
    if attachments.len() < due {
        *waiting = Some((text, attachments));
        return Some(None);
    }
    Some(Some((text, attachments)))
}

/// A text frame, read slowly.
struct Read<'a> {
    kind: u8,
    attachments: usize,
    namespace: &'a str,
    id: Option<u64>,
    payload: &'a str,
    /// The elements of a payload that is an array.
    elements: Vec<&'a str>,
    /// False where placeholders would have to be found beside what serde_json cannot hold, a lone surrogate or `1e999`:
    /// that is left to the unit tests.
    is_clear: bool,
}

/// The grammar of the protocol and the rules of the codec's documentation, with no regard to speed.
fn read<'a>(frame: &'a [u8], limits: &Limits) -> Option<Read<'a>> {
    let text = std::str::from_utf8(frame).ok()?;
    let kind = *frame.first().filter(|kind| (b'0'..=b'6').contains(*kind))?;
    let mut rest = &text[1..];
    let mut attachments = 0;
    if kind == b'5' || kind == b'6' {
        let (count, after) = rest.split_once('-')?;
        attachments = digits(count)?.try_into().ok()?;
        rest = after;
        if attachments == 0 || attachments > limits.attachments_max {
            return None;
        }
    }
    let mut namespace = "/";
    if rest.starts_with('/') {
        (namespace, rest) = rest.split_once(',').unwrap_or((rest, ""));
        // `/` itself is no longer than any limit.
        if (namespace.len() > limits.namespace_len_max) || namespace.bytes().any(|byte| byte.is_ascii_control()) {
            return None;
        }
    }
    let id_len = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
    let (id, payload) = rest.split_at(id_len);
    let id = if id.is_empty() { None } else { Some(digits(id)?) };
    if id > Some(limits.ack_id_max.get()) {
        return None;
    }
    let is_line_end = matches!(kind, b'0' | b'1') && payload.bytes().all(|byte| matches!(byte, b'\r' | b'\n'));
    let payload = if is_line_end { "" } else { payload };
    let elements = elements(kind, payload, limits)?;
    let mut is_clear = true;
    if attachments > 0 {
        match elements.iter().map(|element| serde_json::from_str(element)).collect::<Result<Vec<Value>, _>>() {
            Ok(values) if !are_placed(&values, attachments) => return None,
            Ok(_) => {}
            Err(_) => is_clear = false,
        }
    }
    Some(Read { kind, attachments, namespace, id, payload, elements, is_clear })
}

fn digits(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

/// Checks the payload, and gives the elements of an array. `None` if this kind of packet cannot have it.
fn elements<'a>(kind: u8, payload: &'a str, limits: &Limits) -> Option<Vec<&'a str>> {
    if payload.is_empty() {
        return Some(Vec::new());
    }
    let is_json = serde_json::from_str::<&RawValue>(payload).is_ok();
    let is_json = is_json && nesting(payload) <= limits.json_depth_max && numbers_are_finite(payload);
    if !is_json || payload.starts_with([' ', '\t', '\n', '\r']) {
        return None;
    }
    match (kind, payload.as_bytes().first()?) {
        (b'0', b'{') | (b'4', b'{' | b'"') => Some(Vec::new()),
        (b'2' | b'3' | b'5' | b'6', b'[') => {
            let values: Vec<&RawValue> = serde_json::from_str(payload).expect("it is a JSON array");
            let elements: Vec<&str> = values.into_iter().map(RawValue::get).collect();
            let is_event = kind == b'2' || kind == b'5';
            (elements.len() <= limits.arguments_max && (!is_event || is_name(elements.first()?))).then_some(elements)
        }
        _ => None,
    }
}

/// How many arrays and objects are open at most.
fn nesting(json: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    let (mut in_string, mut is_escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Whether a double is as large as each number.
fn numbers_are_finite(json: &str) -> bool {
    let mut plain = String::new();
    let (mut in_string, mut is_escaped) = (false, false);
    for character in json.chars() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => in_string = !in_string,
            _ if in_string => {}
            _ => plain.push(character),
        }
    }
    let numbers = plain.split(|character: char| !character.is_ascii_digit() && !"+-.eE".contains(character));
    numbers.filter_map(|number| number.parse::<f64>().ok()).all(f64::is_finite)
}

fn is_name(json: &str) -> bool {
    match json.as_bytes()[0] {
        // A lone surrogate is no reserved name.
        b'"' => serde_json::from_str::<String>(json).map_or(true, |name| !RESERVED_NAMES.contains(&name.as_str())),
        byte => byte == b'-' || byte.is_ascii_digit(),
    }
}

/// Whether each placeholder names an attachment of its own.
fn are_placed(values: &[Value], attachments: usize) -> bool {
    let mut named = BTreeSet::new();
    values.iter().flat_map(Value::walk).filter(|value| value.is_placeholder()).all(|placeholder| {
        matches!(placeholder.member("num"), Some(Value::Unsigned(num)) if *num < attachments as u64 && named.insert(*num))
    })
}

fn is_as_read(packet: &Packet, read: &Read<'_>, attachments: &[Bytes]) {
    assert_eq!(packet.namespace().as_str(), read.namespace);
    let kind = match packet {
        Packet::Connect { auth, .. } => {
            assert_eq!(auth.as_ref().map_or("", |auth| auth.as_str()), read.payload.trim_end());
            b'0'
        }
        Packet::Disconnect { .. } => b'1',
        Packet::EmptyEvent { .. } => {
            assert!(read.payload.is_empty());
            b'2'
        }
        Packet::Event { id, event, .. } => {
            assert_eq!(id.map(AckId::get), read.id);
            let (name, arguments) = read.elements.split_first().expect("an event has a name");
            assert_eq!(event.raw_name().as_str(), *name);
            assert_eq!(event.attachments(), attachments);
            if let Ok(name) = serde_json::from_str::<String>(name) {
                assert_eq!(event.name(), name);
                assert!(event.name_is(&name));
            }
            assert!(event.name_is(&event.name()));
            are_as_read(event.arguments(), arguments);
            b'2'
        }
        Packet::Ack { id, arguments, .. } => {
            assert_eq!(id.map(AckId::get), read.id);
            assert_eq!(arguments.attachments(), attachments);
            are_as_read(arguments, &read.elements);
            b'3'
        }
        Packet::ConnectError { error, .. } => {
            assert_eq!(error.as_ref().map_or("", |error| error.as_str()), read.payload.trim_end());
            b'4'
        }
    };
    assert_eq!(kind, read.kind - if read.kind >= b'5' { 3 } else { 0 });
}

fn are_as_read(arguments: &Arguments, elements: &[&str]) {
    assert_eq!(arguments.len(), elements.len());
    assert_eq!(arguments.iter().collect::<Vec<_>>(), elements);
    for (n, element) in elements.iter().enumerate().take(8) {
        assert_eq!(arguments.raw(n), Some(*element));
        match (arguments.deserialize::<Value>(n), serde_json::from_str::<Value>(element)) {
            (Ok(found), Ok(read)) => assert_eq!(found, with_attachments(read, arguments.attachments())),
            (Err(_), Err(_)) => {}
            (found, read) => panic!("{element} is read as {found:?} and by serde_json as {read:?}"),
        }
        if let Some(attachment) = arguments.attachment(n) {
            assert_eq!(arguments.deserialize::<Value>(n).ok(), Some(Value::Bytes(attachment.to_vec())));
        }
    }
    assert_eq!(arguments.raw(elements.len()), None);
    assert!(arguments.deserialize::<Value>(elements.len()).is_err());
}

fn with_attachments(value: Value, attachments: &[Bytes]) -> Value {
    if !attachments.is_empty()
        && value.is_placeholder()
        && let Some(Value::Unsigned(num)) = value.member("num")
    {
        return Value::Bytes(attachments[*num as usize].to_vec());
    }
    let inside = |value| with_attachments(value, attachments);
    match value {
        Value::List(values) => Value::List(values.into_iter().map(inside).collect()),
        Value::Map(members) => Value::Map(members.into_iter().map(|(key, value)| (key, inside(value))).collect()),
        scalar => scalar,
    }
}

fn is_written_as_read(packet: &Packet, limits: &Limits) {
    let again = written(&PacketRef::from(packet), limits);
    assert!(is_same(&again, packet), "{packet:?} became {again:?}");
    // What a relay does with it.
    if let Packet::Event { event, .. } = packet {
        let namespace = Namespace::try_from("/relay").expect("it is a name");
        let name = EventName::new("a\"b").expect("it is not reserved");
        let relayed = PacketRef::event(&namespace, &name, event.arguments()).with_id(AckId::from(7));
        let Packet::Event { namespace, id: Some(id), event: relayed } = written(&relayed, limits) else {
            panic!("an event stays one")
        };
        assert_eq!((namespace.as_str(), id.get(), &*relayed.name()), ("/relay", 7, "a\"b"));
        assert_eq!(relayed.arguments(), event.arguments());
    }
}

fn written(packet: &PacketRef<'_>, limits: &Limits) -> Packet {
    let text = packet.to_text();
    assert_eq!(text.len(), packet.encoded_len());
    let mut decoder = Decoder::new(*limits);
    let mut decoded = decoder.handle_text(text).expect("what we write can be read");
    for attachment in packet.attachments() {
        assert!(decoded.is_none());
        decoded = decoder.handle_binary(attachment.clone()).expect("they were accepted before");
    }
    decoded.expect("all attachments were there")
}

fn is_same(one: &Packet, other: &Packet) -> bool {
    use Packet::{Ack, Connect, ConnectError, Disconnect, EmptyEvent, Event};
    one.namespace() == other.namespace()
        && match (one, other) {
            (Connect { auth: one, .. }, Connect { auth: other, .. }) => text_of(one) == text_of(other),
            (ConnectError { error: one, .. }, ConnectError { error: other, .. }) => text_of(one) == text_of(other),
            (Event { id: one_id, event: one, .. }, Event { id, event: other, .. }) => (one_id, one) == (id, other),
            (Ack { id: one_id, arguments: one, .. }, Ack { id, arguments: other, .. }) => (one_id, one) == (id, other),
            (Disconnect { .. }, Disconnect { .. }) | (EmptyEvent { .. }, EmptyEvent { .. }) => true,
            _ => false,
        }
}

fn text_of(json: &Option<Json>) -> Option<&str> {
    json.as_ref().map(Json::as_str)
}
