//! An event as servers with the classic Redis adapter tell it each other.

/// The channel of a room's events in `/`.
pub(crate) fn channel(room: &str) -> String {
    format!("socket.io#/#{room}#")
}

/// What another server publishes when it emits an event with one text to a room: `[uid, packet, opts]` in MessagePack.
pub(crate) fn event(name: &str, text: &str, room: &str) -> Vec<u8> {
    let mut out = vec![0x93];
    write_text(&mut out, UID);
    out.push(0x83);
    write_text(&mut out, "type");
    out.push(2);
    write_text(&mut out, "data");
    out.push(0x92);
    write_text(&mut out, name);
    write_text(&mut out, text);
    write_text(&mut out, "nsp");
    write_text(&mut out, "/");
    out.push(0x83);
    write_text(&mut out, "rooms");
    out.push(0x91);
    write_text(&mut out, room);
    write_text(&mut out, "except");
    out.push(0x90);
    write_text(&mut out, "flags");
    out.push(0x80);
    out
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    match u8::try_from(text.len()) {
        Ok(length @ 0..32) => out.push(0xa0 | length),
        Ok(length) => out.extend([0xd9, length]),
        Err(_) => {
            out.push(0xda);
            out.extend((text.len() as u16).to_be_bytes());
        }
    }
    out.extend_from_slice(text.as_bytes());
}

/// That of no server that is measured.
const UID: &str = "3ZMnJu";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_what_the_reference_publishes() {
        // `io.to("news").emit("x", "")`, captured without the text: it is the `a0`, and one element more.
        let captured = "93a6335a4d6e4a7583a47479706502a46461746192a178a0a36e7370a12f83a5726f6f6d7391a46e657773a6657863\
                        65707490a5666c61677380";
        let hex: String = event("x", "", "news").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, captured);
        assert_eq!(channel("news"), "socket.io#/#news#");
    }

    #[test]
    fn texts_of_all_lengths_say_how_long_they_are() {
        for (length, head) in [(31, vec![0xbf]), (32, vec![0xd9, 32]), (255, vec![0xd9, 255]), (256, vec![0xda, 1, 0])]
        {
            let mut out = Vec::new();
            write_text(&mut out, &"x".repeat(length));
            assert!(out.starts_with(&head) && out.len() == head.len() + length);
        }
    }
}
