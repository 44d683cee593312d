//! `engineio-proto` beside `engine.io-parser`: packets, and polling payloads.

use bytes::{BufMut, Bytes};
use engineio_proto::{DecodeError, Encoded, EncodedBuilder, Message, Packet, Payload};
use serde::Deserialize;
use serde_json::{Value as Tree, json};

use crate::generate;
use crate::inputs;
use crate::quirks::NOT_BASE64;
use crate::random::Random;
use crate::reference::Reference;
use crate::value::hex;

/// A packet as the reference reads it, `type` and either of the others.
#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Theirs {
    r#type: String,
    data: Option<String>,
    binary: Option<String>,
}

struct Input {
    text: String,
    is_payload: bool,
}

pub(crate) fn corpora(reference: &mut Reference) -> Result<usize, String> {
    let files = inputs::corpora(&["engineio_packet", "engineio_payload", "engineio_session"])?;
    // What is not UTF-8 we refuse; the reference's HTTP server has replaced it before its parser sees it.
    let texts = files.into_iter().filter_map(|(_, data)| String::from_utf8(data).ok());
    let inputs =
        texts.flat_map(|text| [Input { text: text.clone(), is_payload: false }, Input { text, is_payload: true }]);
    compare(reference, "the corpora, as packets and payloads", inputs)
}

pub(crate) fn generated(reference: &mut Reference, random: &mut Random, inputs: usize) -> Result<usize, String> {
    let inputs = (0..inputs).map(|_| {
        let is_payload = random.once_in(2);
        let packets = if is_payload { 1 + random.below(4) } else { 1 };
        let mut text = (0..packets).map(|_| packet(random)).collect::<Vec<_>>().join("\u{1e}");
        while random.once_in(3) {
            generate::mutate(&mut text, random);
        }
        Input { text, is_payload }
    });
    compare(reference, "generated packets and payloads", inputs)
}

fn packet(random: &mut Random) -> String {
    const DATA: [&str; 8] = ["", "probe", "2[\"a\",1]", "é😀", "{\"sid\":\"x\"}", "b", "\u{0}", "1"];
    const BASE64: [&str; 14] = [
        "",
        "AQIDBA==",
        "AQIDBA",
        "AQ==",
        "AQ=",
        "AQ",
        "AQI=",
        "A",
        "AQI-_w",
        "AQ ID",
        "====",
        "AR==",
        "AQIDBA==AA",
        "+/+/",
    ];
    match random.below(4) {
        0 => format!("b{}", random.pick(&BASE64)),
        1 => format!("4{}", random.pick(&DATA)),
        _ => format!("{}{}", random.pick(&["0", "1", "2", "3", "5", "6", "7", "", "a", "é"]), random.pick(&DATA)),
    }
}

fn compare(reference: &mut Reference, what: &str, inputs: impl Iterator<Item = Input>) -> Result<usize, String> {
    let mut differences = 0;
    let mut all = 0;
    let mut inputs = inputs.peekable();
    while inputs.peek().is_some() {
        let batch: Vec<Input> = inputs.by_ref().take(BATCH).collect();
        let questions: Vec<Tree> = batch
            .iter()
            .map(|input| json!({ "ask": "engine", "text": input.text, "isPayload": input.is_payload }))
            .collect();
        let answers: Vec<Vec<Theirs>> = reference.ask(&questions)?;
        for (input, theirs) in batch.iter().zip(&answers) {
            all += 1;
            let bytes = Bytes::copy_from_slice(input.text.as_bytes());
            let ours = if input.is_payload { Payload::new(bytes).collect() } else { vec![Packet::decode(&bytes)] };
            match judge(input, &ours, theirs) {
                Some(true) => {}
                Some(false) => reference.saw(NOT_BASE64),
                None => {
                    differences += 1;
                    eprintln!("{:?}: {ours:?} to us, {theirs:?} to the reference", input.text);
                }
            }
        }
    }
    println!("differential: {what}: {all}, {differences} differ");
    Ok(differences)
}

const BATCH: usize = 500;

/// Whether both read the same: `Some(false)` up to a binary packet that only we refuse, `None` if not.
fn judge(input: &Input, ours: &[Result<Packet, DecodeError>], theirs: &[Theirs]) -> Option<bool> {
    let mut pieces = input.text.split('\u{1e}');
    for (at, ours) in ours.iter().enumerate() {
        let theirs = theirs.get(at)?;
        let piece = if input.is_payload { pieces.next()? } else { &input.text };
        match ours {
            // Node skips what is no base64 and takes the URL alphabet too: half an attachment is worse than none.
            Err(DecodeError::NotBase64) if theirs.binary.is_some() && !is_base64(piece.strip_prefix('b')?) => {
                return Some(false);
            }
            Err(_) if theirs.r#type == "error" => {}
            Err(_) => return None,
            Ok(packet) if is_same(packet, theirs) => {}
            Ok(_) => return None,
        }
    }
    (ours.len() == theirs.len()).then_some(true)
}

fn is_same(ours: &Packet, theirs: &Theirs) -> bool {
    let (name, data) = match ours {
        Packet::Open(data) => ("open", Some(&data[..])),
        Packet::Ping(data) => ("ping", Some(&data[..])),
        Packet::Pong(data) => ("pong", Some(&data[..])),
        Packet::Message(Message::Text(data)) => ("message", Some(&data[..])),
        Packet::Message(Message::Binary(data)) => {
            return theirs.r#type == "message" && theirs.binary.as_deref() == Some(hex(data).as_str());
        }
        // Their data means nothing, to the reference's engine neither.
        Packet::Close => ("close", None),
        Packet::Upgrade => ("upgrade", None),
        Packet::Noop => ("noop", None),
    };
    let is_same_data = data.is_none_or(|data| theirs.data.as_ref().is_some_and(|theirs| theirs.as_bytes() == data));
    theirs.r#type == name && theirs.binary.is_none() && is_same_data
}

/// Standard base64 with or without its padding (RFC 4648, section 4), its unused bits zero; line ends mean nothing.
fn is_base64(text: &str) -> bool {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text: String = text.split(['\r', '\n']).collect();
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    let Some(last) = digits.chars().last() else { return padding == 0 };
    let unused = match digits.len() % 4 {
        0 => 0,
        2 => 0b1111,
        3 => 0b11,
        _ => return false,
    };
    let is_padded = padding == 0 || (digits.len() + padding).is_multiple_of(4) && padding < 3;
    is_padded
        && digits.chars().all(|digit| ALPHABET.contains(digit))
        && ALPHABET.find(last).is_some_and(|bits| bits & unused == 0)
}

/// What we write they read, and what they write we read.
pub(crate) fn values(reference: &mut Reference, random: &mut Random, inputs: usize) -> Result<usize, String> {
    let mut differences = 0;
    let mut left = inputs;
    while left > 0 {
        let batch: Vec<Vec<Message>> = (0..left.min(BATCH)).map(|_| messages(random)).collect();
        left -= batch.len();
        let read: Vec<Tree> = batch
            .iter()
            .map(|messages| {
                let payload = Bytes::copy_from_slice(encode(messages).polling());
                json!({ "ask": "engine", "text": String::from_utf8_lossy(&payload), "isPayload": true })
            })
            .collect();
        let read: Vec<Vec<Theirs>> = reference.ask(&read)?;
        let write: Vec<Tree> = batch
            .iter()
            .map(|messages| {
                let packets = messages.iter().map(|message| match message {
                    Message::Text(text) => json!({ "type": "message", "data": String::from_utf8_lossy(text) }),
                    Message::Binary(data) => json!({ "type": "message", "binary": hex(data) }),
                });
                json!({ "ask": "engineEncode", "packets": packets.collect::<Vec<_>>() })
            })
            .collect();
        let written: Vec<String> = reference.ask(&write)?;
        for ((messages, read), written) in batch.iter().zip(read).zip(written) {
            let packets: Vec<Packet> = messages.iter().cloned().map(Packet::Message).collect();
            let is_read =
                packets.len() == read.len() && packets.iter().zip(&read).all(|(ours, theirs)| is_same(ours, theirs));
            let ours: Result<Vec<Packet>, DecodeError> = Payload::new(Bytes::from(written.clone())).collect();
            if !is_read || ours.as_ref() != Ok(&packets) {
                differences += 1;
                eprintln!("{messages:?}: the reference reads {read:?}, and we {ours:?} in its {written:?}");
            }
        }
    }
    println!("differential: generated payloads, written by each and read by the other: {inputs}, {differences} differ");
    Ok(differences)
}

fn messages(random: &mut Random) -> Vec<Message> {
    let message = |random: &mut Random| {
        if random.once_in(2) {
            let data: Vec<u8> = (0..random.below(40)).map(|_| random.bits() as u8).collect();
            Message::Binary(Bytes::from(data))
        } else {
            let text = random.pick(&["", "2[\"a\",\"é😀\"]", "b", "4", "\u{0}\u{2028}"]).repeat(1 + random.below(3));
            Message::Text(text.into())
        }
    };
    (0..1 + random.below(4)).map(|_| message(random)).collect()
}

fn encode(messages: &[Message]) -> Encoded {
    match messages {
        [Message::Binary(data)] => return Encoded::binary(data),
        [Message::Text(text)] if let Ok(text) = std::str::from_utf8(text) => return Encoded::text(text),
        _ => {}
    }
    let mut builder = EncodedBuilder::default();
    for message in messages {
        match message {
            Message::Text(text) => builder.text(text.len(), |buffer| buffer.put_slice(text)),
            Message::Binary(data) => builder.binary(data),
        }
    }
    builder.finish()
}
