//! The wire vectors, in both directions.

use bytes::Bytes;
use serde::Deserialize;
use socketio_codec::{AckId, Decoder, Limits, Packet, PacketRef, Text};

const VECTORS: &str = include_str!("vectors/socketio.toml");

#[derive(Deserialize)]
struct Vectors {
    vector: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    frames: Vec<Frame>,
    packet: Option<Expected>,
    #[serde(default)]
    pending: bool,
    error: Option<String>,
    offset: Option<usize>,
    encoded: Option<String>,
    #[expect(dead_code, reason = "for those who compare with the reference")]
    reference: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Frame {
    Text(String),
    Binary(String),
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
struct Expected {
    r#type: String,
    namespace: String,
    id: Option<u64>,
    data: Option<String>,
    #[serde(default)]
    attachments: Vec<String>,
}

fn vectors() -> Vec<Vector> {
    toml::from_str::<Vectors>(VECTORS).expect("the vectors are TOML").vector
}

fn decode(frames: &[Frame]) -> Result<Option<Packet>, socketio_codec::DecodeError> {
    let mut decoder = Decoder::new(Limits::default());
    let mut last = None;
    for frame in frames {
        last = match frame {
            Frame::Text(text) => decoder.handle_text(Text::from(text.clone()))?,
            Frame::Binary(hex) => decoder.handle_binary(Bytes::from(unhex(hex)))?,
        };
        assert_eq!(decoder.is_waiting(), last.is_none());
    }
    Ok(last)
}

fn describe(packet: &Packet) -> Expected {
    let id = |id: &Option<AckId>| id.map(AckId::get);
    let (name, id, data) = match packet {
        Packet::Connect { auth, .. } => ("connect", None, auth.as_ref().map(ToString::to_string)),
        Packet::Disconnect { .. } => ("disconnect", None, None),
        Packet::Event { id: ack, event, .. } => {
            let mut items = vec![event.raw_name().as_str()];
            items.extend(event);
            ("event", id(ack), Some(items.join(",")))
        }
        Packet::EmptyEvent { .. } => ("empty_event", None, None),
        Packet::Ack { id: ack, arguments, .. } => {
            ("ack", id(ack), Some(arguments.iter().collect::<Vec<_>>().join(",")))
        }
        Packet::ConnectError { error, .. } => ("connect_error", None, error.as_ref().map(ToString::to_string)),
    };
    let is_list = matches!(packet, Packet::Event { .. } | Packet::Ack { .. });
    Expected {
        r#type: name.to_owned(),
        namespace: packet.namespace().to_string(),
        id,
        data: data.map(|data| if is_list { format!("[{data}]") } else { data }),
        attachments: PacketRef::from(packet).attachments().iter().map(|bytes| hex(bytes)).collect(),
    }
}

#[test]
fn every_vector_decodes_as_it_says() {
    for vector in vectors() {
        let name = &vector.name;
        match (decode(&vector.frames), &vector.packet, &vector.error) {
            (Ok(Some(packet)), Some(expected), None) => {
                let found = describe(&packet);
                // The vectors keep the white space between arguments, the list of them does not.
                assert_eq!(
                    (found.r#type, found.namespace, found.id),
                    (expected.r#type.clone(), expected.namespace.clone(), expected.id),
                    "{name}"
                );
                assert_eq!(found.data.map(compact), expected.data.clone().map(compact), "{name}");
                assert_eq!(found.attachments, expected.attachments, "{name}");
            }
            (Ok(None), None, None) if vector.pending => {}
            (Err(error), None, Some(label)) => {
                assert_eq!(error.kind().label(), label, "{name}");
                assert_eq!(Some(error.offset()), vector.offset, "{name}");
            }
            (found, ..) => panic!("{name}: {found:?}"),
        }
    }
}

/// Without white space outside of strings.
fn compact(json: String) -> String {
    let mut out = String::new();
    let (mut in_string, mut is_escaped) = (false, false);
    for character in json.chars() {
        if in_string || !character.is_ascii_whitespace() {
            out.push(character);
        }
        in_string ^= character == '"' && !is_escaped;
        is_escaped = in_string && character == '\\' && !is_escaped;
    }
    out
}

#[test]
fn every_packet_is_written_as_it_came() {
    for vector in vectors() {
        let (Some(_), Some(Frame::Text(first))) = (&vector.packet, vector.frames.first()) else { continue };
        let packet = decode(&vector.frames).unwrap().unwrap();
        let written = PacketRef::from(&packet);
        let text = written.to_text();
        assert_eq!(text.as_str(), vector.encoded.as_ref().unwrap_or(first), "{}", vector.name);
        assert_eq!(text.len(), written.encoded_len(), "{}", vector.name);

        // And is read again as the same.
        let mut frames = vec![Frame::Text(text.to_string())];
        frames.extend(written.attachments().iter().map(|bytes| Frame::Binary(hex(bytes))));
        let again = decode(&frames).unwrap().unwrap();
        assert_eq!(describe(&again), describe(&packet), "{}", vector.name);
    }
}

#[test]
fn every_prefix_of_a_vector_is_read_without_a_panic() {
    for vector in vectors() {
        let Some(Frame::Text(first)) = vector.frames.first() else { continue };
        for end in 0..first.len() {
            let prefix = Bytes::copy_from_slice(&first.as_bytes()[..end]);
            let Ok(text) = Text::try_from(prefix) else { continue };
            let is_event = matches!(vector.packet.as_ref().map(|packet| packet.r#type.as_str()), Some("event"));
            let payload = first.find('[').unwrap_or(first.len());
            let found = Decoder::default().handle_text(text);
            if is_event && end > payload && end < first.trim_end().len() {
                assert!(found.is_err(), "{:?} is cut off", &first[..end]);
            }
        }
    }
}

#[test]
fn multibyte_characters_at_every_place_do_not_panic() {
    for vector in vectors() {
        let Some(Frame::Text(first)) = vector.frames.first() else { continue };
        for at in (0..=first.len()).filter(|at| first.is_char_boundary(*at)) {
            for character in ["é", "☕", "😀", "\u{feff}", "\\ud83d"] {
                let text = format!("{}{character}{}", &first[..at], &first[at..]);
                let mut decoder = Decoder::default();
                if let Ok(Some(packet)) = decoder.handle_text(Text::from(text)) {
                    let _ = describe(&packet);
                    let _ = PacketRef::from(&packet).to_text();
                    if let Packet::Event { event, .. } = packet {
                        let _ = (event.name(), event.name_is("é"));
                    }
                }
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal")).collect()
}
