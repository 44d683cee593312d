//! Prints the packets of a recorded conversation.
//!
//! A recording has one frame a line: `<` from the server or `>` from the client, then the text of a Socket.IO frame,
//! or `b` and hexadecimal digits for a binary one. Empty lines and lines with `#` are skipped.
//!
//! ```text
//! cargo run --example capture [-- recording.txt]
//! ```

use std::error::Error;
use std::io::Write;

use bytes::Bytes;
use socketio_codec::{Decoder, Limits, Packet, Text};

pub(crate) const SAMPLE: &str = r#"
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
> 2["broken",{"a":}]
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let recording = std::env::args().nth(1).map(std::fs::read_to_string).transpose()?;
    print(recording.as_deref().unwrap_or(SAMPLE), &mut std::io::stdout())
}

pub(crate) fn print(recording: &str, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    // Each direction has its own decoder: attachments of the one may come between frames of the other.
    let (mut client, mut server) = (Decoder::new(Limits::default()), Decoder::new(Limits::default()));
    for line in recording.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (from, decoder, frame) = match line.split_once(' ') {
            Some((">", frame)) => ("client", &mut client, frame),
            Some(("<", frame)) => ("server", &mut server, frame),
            _ => return Err(format!("no direction: {line}").into()),
        };
        let decoded = match frame.strip_prefix('b') {
            Some(hex) => decoder.handle_binary(unhex(hex)?),
            None => decoder.handle_text(Text::from(frame)),
        };
        match decoded {
            Ok(Some(packet)) => writeln!(out, "{from} {} {}", packet.namespace(), describe(&packet))?,
            Ok(None) => writeln!(out, "{from} … attachments follow")?,
            Err(error) => writeln!(out, "{from} refused: {error}")?,
        }
    }
    Ok(())
}

fn describe(packet: &Packet) -> String {
    match packet {
        Packet::Connect { auth, .. } => format!("connect {auth:?}"),
        Packet::Disconnect { .. } => "disconnect".to_owned(),
        Packet::Event { id: Some(id), event, .. } => format!("event {:?} {id} {:?}", event.name(), event.arguments()),
        Packet::Event { id: None, event, .. } => format!("event {:?} {:?}", event.name(), event.arguments()),
        Packet::EmptyEvent { .. } => "event without a name".to_owned(),
        Packet::Ack { id, arguments, .. } => format!("acknowledgement {id:?} {arguments:?}"),
        Packet::ConnectError { error, .. } => format!("connect error {error:?}"),
    }
}

fn unhex(hex: &str) -> Result<Bytes, Box<dyn Error>> {
    let digits: Option<Vec<u32>> = hex.chars().map(|digit| digit.to_digit(16)).collect();
    let pairs = digits.ok_or("not hexadecimal")?;
    Ok(pairs.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| (byte << 4) | *digit as u8)).collect())
}
