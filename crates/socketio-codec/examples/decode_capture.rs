//! Prints the packets of a recorded conversation.
//!
//! A recording has one frame a line: `<` from the server or `>` from the client, then the text of a Socket.IO frame,
//! or `b` and hexadecimal digits for a binary one. Empty lines and lines with `#` are skipped.
//!
//! ```text
//! cargo run --example decode_capture [-- recording.txt]
//! ```

use std::error::Error;

use bytes::Bytes;
use socketio_codec::{DecodeError, Decoder, Limits, Packet, Text};

const SAMPLE: &str = r#"
# A client joins two namespaces, sends an event and is answered.
> 0{"token":"secret"}
< 0{"sid":"oSO0OpakMV_3jnilAAAA"}
> 0/admin,
< 4/admin,{"message":"not authorized"}
> 20["join",{"room":"lobby"}]
< 30["ok"]
# An attachment follows its packet.
< 51-["picture","cat.png",{"_placeholder":true,"num":0}]
< b89504e47
# What would be refused.
> 2["disconnect"]
> 2["broken",{"a":}]
> 1
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let recording = match std::env::args().nth(1) {
        Some(path) => std::fs::read_to_string(path)?,
        None => SAMPLE.to_owned(),
    };
    // Each direction has its own decoder: attachments of the one may come between frames of the other.
    let mut client = Decoder::new(Limits::default());
    let mut server = Decoder::new(Limits::default());
    for line in recording.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (arrow, decoder, frame) = match (line.strip_prefix("> "), line.strip_prefix("< ")) {
            (Some(frame), _) => ("client", &mut client, frame),
            (_, Some(frame)) => ("server", &mut server, frame),
            _ => return Err(format!("no direction: {line}").into()),
        };
        let decoded = match frame.strip_prefix('b') {
            Some(hex) => decoder.handle_binary(unhex(hex)?),
            None => decoder.handle_text(Text::from(frame.to_owned())),
        };
        print(arrow, decoded);
    }
    Ok(())
}

fn print(from: &str, decoded: Result<Option<Packet>, DecodeError>) {
    match decoded {
        Ok(Some(packet)) => println!("{from} {}", describe(&packet)),
        Ok(None) => println!("{from} … attachments follow"),
        Err(error) => println!("{from} refused: {error}"),
    }
}

fn describe(packet: &Packet) -> String {
    let namespace = packet.namespace();
    match packet {
        Packet::Connect { auth: Some(auth), .. } => format!("{namespace} connect {auth}"),
        Packet::Connect { auth: None, .. } => format!("{namespace} connect"),
        Packet::Disconnect { .. } => format!("{namespace} disconnect"),
        Packet::Event { id, event, .. } => {
            let id = id.map(|id| format!(" (wants acknowledgement {id})")).unwrap_or_default();
            format!("{namespace} event {:?}{id} {:?}", event.name(), event.arguments())
        }
        Packet::EmptyEvent { .. } => format!("{namespace} event without a name"),
        Packet::Ack { id: Some(id), arguments, .. } => format!("{namespace} acknowledgement {id} {arguments:?}"),
        Packet::Ack { id: None, arguments, .. } => format!("{namespace} acknowledgement of nothing {arguments:?}"),
        Packet::ConnectError { error: Some(error), .. } => format!("{namespace} connect error {error}"),
        Packet::ConnectError { error: None, .. } => format!("{namespace} connect error"),
    }
}

fn unhex(hex: &str) -> Result<Bytes, Box<dyn Error>> {
    let digits: Vec<u32> =
        hex.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>().ok_or("not hexadecimal")?;
    Ok(digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| (byte << 4) | *digit as u8)).collect())
}
