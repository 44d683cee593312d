//! An event as a line: whatever a server sends, it stays one line, and moves no cursor.

use std::fmt::Write;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fanfare_client::{AckId, Arguments, Event, Namespace};

use crate::log::{JsonString, Plain, Timestamp, is_deceptive};

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Json,
    Text { is_coloured: bool },
}

/// One event.
pub(super) fn line(style: Style, time: SystemTime, namespace: &Namespace, event: &Event, id: Option<AckId>) -> String {
    let time = Timestamp(time);
    match style {
        Style::Json => {
            let ack = id.map_or(String::new(), |id| format!(",\"ack\":{id}"));
            format!(
                "{{\"time\":\"{time}\",\"namespace\":{},\"event\":{},\"args\":{}{ack}}}\n",
                JsonString(namespace.as_str()),
                plain_json(event.raw_name().as_str()),
                args(event.arguments()),
            )
        }
        Style::Text { is_coloured } => {
            let paint = |colour: &str, text: &str| match is_coloured {
                true => format!("\x1b[{colour}m{text}\x1b[0m"),
                false => text.to_owned(),
            };
            let mut line = format!(
                "{} {} {}",
                paint(DIM, &time.to_string()),
                paint(CYAN, &Plain(namespace.as_str()).to_string()),
                paint(BOLD, &shown_name(event)),
            );
            for argument in arguments(event.arguments()) {
                let _ = write!(line, " {argument}");
            }
            if let Some(id) = id {
                let _ = write!(line, " {}", paint(DIM, &format!("(asks for acknowledgement {id})")));
            }
            line.push('\n');
            line
        }
    }
}

/// Arguments as a JSON array on one line, with `{"$base64":…}` for what is binary.
pub(super) fn args(arguments: &Arguments) -> String {
    plain_json(&arguments.to_json_with(|bytes, json| {
        json.push_str("{\"$base64\":\"");
        STANDARD.encode_string(bytes, json);
        json.push_str("\"}");
    }))
}

/// The same, each alone.
fn arguments(arguments: &Arguments) -> Vec<String> {
    let all = args(arguments);
    // Something deeper than a packet's JSON may be was made by what is binary, at the bottom of it: shown as a whole, then.
    match Arguments::from_json(all.clone().into()) {
        Ok(each) => each.iter().map(str::to_owned).collect(),
        Err(_) => vec![all],
    }
}

/// A name as it is, unless it would be taken for something else.
fn shown_name(event: &Event) -> String {
    let name = event.name();
    let is_word = !name.is_empty() && !name.contains([' ', '"', '\\']) && !name.contains(is_deceptive);
    if is_word { name.into_owned() } else { plain_json(event.raw_name().as_str()) }
}

/// JSON without the white space between its parts, and with escapes for what could deceive.
fn plain_json(json: &str) -> String {
    let mut plain = String::with_capacity(json.len());
    let mut place = Place::Between;
    for character in json.chars() {
        let (next, is_kept) = match (place, character) {
            (Place::Between, '"') => (Place::Text, true),
            (Place::Between, _) => (Place::Between, !character.is_ascii_whitespace()),
            (Place::Text, '"') => (Place::Between, true),
            (Place::Text, '\\') => (Place::Escape, true),
            (Place::Text | Place::Escape, _) => (Place::Text, true),
        };
        place = next;
        if is_deceptive(character) && is_kept {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                let _ = write!(plain, "\\u{unit:04x}");
            }
        } else if is_kept {
            plain.push(character);
        }
    }
    plain
}

/// Where in a JSON text.
#[derive(Clone, Copy)]
enum Place {
    Between,
    Text,
    /// Behind a backslash.
    Escape,
}

const BOLD: &str = "1";
const DIM: &str = "2";
const CYAN: &str = "36";

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use fanfare_client::{Attachment, EventName};
    use socketio_codec::{Decoder, Limits, Packet, PacketRef};

    use super::*;

    fn event(frame: &str) -> Event {
        let decoded = Decoder::new(Limits::default()).handle_text(frame.to_owned().into());
        let Ok(Some(Packet::Event { event, .. })) = decoded else { panic!("{frame}") };
        event
    }

    fn with_file() -> Event {
        let arguments = Arguments::serialize(&(Attachment::from(&b"png"[..]), [Attachment::from(&b"\0"[..])])).unwrap();
        let packet = PacketRef::event(Namespace::root(), &EventName::new("file").unwrap(), &arguments).to_text();
        let mut decoder = Decoder::new(Limits::default());
        decoder.handle_text(packet).unwrap();
        decoder.handle_binary(arguments.attachments()[0].clone()).unwrap();
        let decoded = decoder.handle_binary(arguments.attachments()[1].clone());
        let Ok(Some(Packet::Event { event, .. })) = decoded else { panic!() };
        event
    }

    fn lines(event: &Event, id: Option<u32>) -> [String; 2] {
        [Style::Json, Style::Text { is_coloured: false }]
            .map(|style| line(style, UNIX_EPOCH, Namespace::root(), event, id.map(AckId::from)))
    }

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        let time = "1970-01-01T00:00:00.000000Z";
        for (event, id, name_json, args, text) in [
            (
                event(r#"2["update",{"id" : 1},"x y"]"#),
                None,
                r#""update""#,
                r#"[{"id":1},"x y"]"#,
                r#"update {"id":1} "x y""#,
            ),
            (event("2[\"a\"\n,\r\n [1,\t2]]"), None, r#""a""#, "[[1,2]]", "a [1,2]"),
            (event(r#"2["x"]"#), Some(7), r#""x""#, "[]", "x (asks for acknowledgement 7)"),
            (event(r#"2[1]"#), None, "1", "[]", "1"),
            (event(r#"2[" y\n",""]"#), None, r#"" y\n""#, r#"[""]"#, r#"" y\n" """#),
            (event(r#"2["",0]"#), None, r#""""#, "[0]", r#""" 0"#),
            (
                event("2[\"\u{9b}1m\",\"\u{202e}\\\\\\\"\u{7f}\"]"),
                None,
                r#""\u009b1m""#,
                r#"["\u202e\\\"\u007f"]"#,
                r#""\u009b1m" "\u202e\\\"\u007f""#,
            ),
            (
                with_file(),
                None,
                r#""file""#,
                r#"[{"$base64":"cG5n"},[{"$base64":"AA=="}]]"#,
                r#"file {"$base64":"cG5n"} [{"$base64":"AA=="}]"#,
            ),
        ] {
            let ack = if id.is_some() { ",\"ack\":7" } else { "" };
            let json =
                format!("{{\"time\":\"{time}\",\"namespace\":\"/\",\"event\":{name_json},\"args\":{args}{ack}}}\n");
            assert_eq!(lines(&event, id), [json, format!("{time} / {text}\n")]);
        }
    }

    #[test]
    fn colours_are_around_what_was_escaped() {
        let namespace = Namespace::try_from("/\u{9b}").unwrap();
        let line = line(
            Style::Text { is_coloured: true },
            UNIX_EPOCH,
            &namespace,
            &event("2[\"\u{1b}\"]".replace('\u{1b}', "\\u001b").as_str()),
            None,
        );
        assert!(line.contains("\x1b[36m/\\u{9b}\x1b[0m \x1b[1m\"\\u001b\"\x1b[0m"), "{line:?}");
    }
}
