//! Random templates and values, rendered by a naive walk over the text.

use std::time::Instant;

use arbitrary::{Arbitrary, Unstructured};
use hub::SocketId;
use policy::{
    Claims, Count, Decision, Deliver, EventName, On, Onward, Participant, Pattern, Query, Recipients, Relay, Rule,
    Rules, Scope, Template,
};
use serde_json::Value;
use socketio_codec::{Decoder, Event, Limits, Packet, Text};

/// A template made of likely pieces, or of anything.
#[derive(Debug, Arbitrary)]
enum Piece<'a> {
    Known(u8),
    Text(&'a str),
}

/// What values can be: likely to be mistaken for something else.
#[derive(Debug, Clone, PartialEq, Arbitrary)]
enum Given {
    Text(String),
    Known(u8),
    Signed(i64),
    Unsigned(u64),
    Bool(bool),
    Float(f32),
    Null,
    List,
}

/// Whatever the template is and whatever the values are: a room is exactly there if each value is a short text, a whole number
/// or a boolean; it is what the text says with escaped values; other values are another room; none is a socket's own; two
/// templates that are told apart have none in common; and a pattern takes the unescaped name for the same room.
pub fn check(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let Ok((one, other)) = input.arbitrary::<(Vec<Piece<'_>>, Vec<Piece<'_>>)>() else { return };
    let Ok(values) = input.arbitrary::<[[Given; 3]; 2]>() else { return };
    let texts = [&one, &other].map(|pieces| written(&pieces[..pieces.len().min(12)]));
    let rooms = texts.each_ref().map(|text| rooms_of(text, &values));
    for (text, room) in texts.iter().zip(&rooms) {
        check_pattern(text, &values[0], room);
    }
    let [Ok(one), Ok(other)] = texts.each_ref().map(|text| Template::parse(text)) else { return };
    let mut rules = Rules::default();
    rules.set_rooms(vec![one, other]);
    let [one, other] = texts.each_ref().map(|text| literals(text));
    if rules.overlap().is_none() && one != other {
        for room in rooms[0].iter().flatten() {
            assert!(!rooms[1].contains(&Some(room.clone())), "{texts:?} both give {room:?}");
        }
    }
}

/// The rooms that a template gives for each set of values.
fn rooms_of(text: &str, values: &[[Given; 3]; 2]) -> [Option<String>; 2] {
    let Ok(template) = Template::parse(text) else { return [None, None] };
    let rooms = values.each_ref().map(|values| {
        let room = rendered(&template, values);
        assert_eq!(room, named(text, values, escaped), "{text} with {values:?}");
        room
    });
    if template.plain().is_none() {
        for room in rooms.iter().flatten() {
            assert_eq!(SocketId::parse(room), None, "{text}");
        }
        if let [Some(one), Some(other)] = &rooms {
            let read = values
                .each_ref()
                .map(|values| template.paths().map(|path| value(&path.to_string(), values)).collect::<Vec<_>>());
            assert_eq!(one == other, read[0] == read[1], "{text} with {values:?}");
        }
    }
    rooms
}

/// A pattern of the same text, without arguments, takes the name with the values as they are.
fn check_pattern(text: &str, values: &[Given; 3], rooms: &[Option<String>; 2]) {
    let Ok(pattern) = Pattern::parse(text) else { return };
    let Some(name) = named(text, values, str::to_owned) else { return };
    let mut rules = Rules::default();
    rules.set_join(EventName::parse("join").expect("a name"), vec![pattern]).expect("the first");
    let argument = Value::String(name.clone()).to_string();
    let event = event(&format!(r#"2["join",{argument}]"#));
    let joined = match rules.decide(&mut participant(values), &event, Instant::now()) {
        Decision::Deliver(Deliver { join: Some(room), .. }) => Some(room.as_str().to_owned()),
        _ => None,
    };
    if let Some(before) = text.strip_suffix('*') {
        // The last character of the name, `*`, is what the client chose.
        let room = named(before, values, escaped).map(|room| room + "%2A");
        assert_eq!(joined, room.filter(|_| name.len() <= 256), "{text} with {values:?}");
    } else if Template::parse(text).is_ok() && (1..=256).contains(&name.len()) {
        assert_eq!(joined, rooms[0], "{text} with {values:?}");
    }
}

fn rendered(template: &Template, values: &[Given; 3]) -> Option<String> {
    let mut rules = Rules::default();
    let to = Scope::Room { room: template.clone(), except_sender: false };
    let relay = Relay { emit: None, to, volatile: false, count: Count::Node };
    rules.add(On::Any, Rule { relay: Some(relay), ..Rule::default() }).expect("the first");
    let event = event(&format!(r#"2["a",{{"x":[{}]}}]"#, values[2].json()));
    match rules.decide(&mut participant(values), &event, Instant::now()) {
        Decision::Deliver(Deliver { onward: Some(Onward { to: Recipients::Room(room), .. }), .. }) => {
            Some(room.as_str().to_owned())
        }
        _ => None,
    }
}

fn participant(values: &[Given; 3]) -> Participant {
    let claims = format!(r#"{{"a":{},"b":{{"c":{}}}}}"#, values[0].json(), values[1].json());
    let claims = Claims::parse(&claims).unwrap_or_default();
    Participant::new(SocketId::from_random([9; 15]), claims, Query::pick("x=a%3Ab", ["x"]), false)
}

fn event(frame: &str) -> Event {
    match Decoder::new(Limits::default()).handle_text(Text::from(frame.to_owned())) {
        Ok(Some(Packet::Event { event, .. })) => event,
        other => panic!("no event: {other:?}"),
    }
}

/// The naive walk: the text with each value in its place.
fn named(text: &str, values: &[Given; 3], write: fn(&str) -> String) -> Option<String> {
    let (mut name, mut rest) = (String::new(), text);
    while let Some(character) = rest.chars().next() {
        if rest.starts_with("{{") || rest.starts_with("}}") {
            name.push(character);
            rest = &rest[2..];
        } else if let Some((path, behind)) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            name += &write(&value(path, values)?);
            rest = behind;
        } else {
            name.push(character);
            rest = &rest[character.len_utf8()..];
        }
    }
    Some(name)
}

/// What each path leads to.
fn value(path: &str, values: &[Given; 3]) -> Option<String> {
    // Claims are kept whole or not at all.
    let claims = format!(r#"{{"a":{},"b":{{"c":{}}}}}"#, values[0].json(), values[1].json());
    let claims = Claims::parse(&claims).is_ok();
    match path {
        "claims.a" if claims => values[0].text(),
        "claims.b.c" if claims => values[1].text(),
        "args.0.x.0" => values[2].text(),
        "socket.id" => Some("CQkJCQkJCQkJCQkJCQkJ".to_owned()),
        "handshake.query.x" => Some("a:b".to_owned()),
        _ => None,
    }
}

/// The same walk: what is around the values.
fn literals(text: &str) -> Vec<String> {
    let (mut literals, mut rest) = (vec![String::new()], text);
    while let Some(character) = rest.chars().next() {
        let last = literals.last_mut().expect("there is one");
        if rest.starts_with("{{") || rest.starts_with("}}") {
            last.push(character);
            rest = &rest[2..];
        } else if let Some((_, behind)) = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            literals.push(String::new());
            rest = behind;
        } else {
            last.push(character);
            rest = &rest[character.len_utf8()..];
        }
    }
    literals
}

fn escaped(value: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    value.bytes().map(byte).collect()
}

impl Given {
    fn json(&self) -> String {
        match self {
            Self::Text(text) => Value::String(text.clone()).to_string(),
            Self::Known(number) => Value::String(WORDS[usize::from(*number) % WORDS.len()].to_owned()).to_string(),
            Self::Signed(number) => number.to_string(),
            Self::Unsigned(number) => number.to_string(),
            Self::Bool(value) => value.to_string(),
            Self::Float(number) if number.is_finite() => format!("{number:?}"),
            Self::Float(_) | Self::Null => "null".to_owned(),
            Self::List => "[\"a\"]".to_owned(),
        }
    }

    /// As a value in a name; `None` if it is none.
    fn text(&self) -> Option<String> {
        let text = match serde_json::from_str(&self.json()).expect("it is JSON") {
            Value::String(text) => text,
            Value::Bool(value) => value.to_string(),
            Value::Number(number) if !number.is_f64() => number.to_string(),
            _ => return None,
        };
        (1..=256).contains(&text.len()).then_some(text)
    }
}

fn written(pieces: &[Piece<'_>]) -> String {
    let piece = |piece: &Piece<'_>| match piece {
        Piece::Known(number) => PIECES[usize::from(*number) % PIECES.len()].to_owned(),
        Piece::Text(text) => (*text).to_owned(),
    };
    pieces.iter().map(piece).collect()
}

const PIECES: [&str; 20] = [
    "a:",
    "doc:",
    ":",
    "/",
    "-",
    "%",
    ".",
    "a",
    "7",
    "{{",
    "}}",
    "*",
    "{claims.a}",
    "{claims.b.c}",
    "{args.0.x.0}",
    "{socket.id}",
    "{handshake.query.x}",
    "{args.1}",
    "{claims.",
    "}",
];

const WORDS: [&str; 8] = ["a", "a:b", "%3A", "7", "true", "ü", ":", "a/b"];
