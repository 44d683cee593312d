//! Where WebSocket frames begin and end.

/// Follows the frames in a stream of bytes as they come in, without looking into them (RFC 6455, section 5.2).
///
/// tungstenite does not say what it holds. That must be known before its buffers are given back (see
/// [`WebSocket::shrink`](crate::transport::websocket::WebSocket::shrink)), and before it is asked for a message that is not there.
#[derive(Debug, Default)]
pub(crate) struct FrameBoundary {
    /// The header that is coming in.
    header: [u8; HEADER_LEN_MAX],
    header_len: usize,
    payload_left: u64,
    /// A fragmented message has begun, and its last fragment has not.
    is_in_message: bool,
    longest: u64,
    /// Messages, and control frames, that have come whole and were not taken.
    whole: u32,
}

impl FrameBoundary {
    /// These bytes came next.
    pub(crate) fn advance(&mut self, mut bytes: &[u8]) {
        while let [first, rest @ ..] = bytes {
            if self.payload_left > 0 {
                let skipped = self.payload_left.min(bytes.len() as u64);
                self.payload_left -= skipped;
                self.end_if_whole();
                bytes = bytes.get(skipped as usize..).unwrap_or_default();
                continue;
            }
            if let Some(place) = self.header.get_mut(self.header_len) {
                *place = *first;
            }
            self.header_len += 1;
            bytes = rest;
            if let Some(len) = self.payload_len() {
                self.begin(len);
            }
        }
    }

    /// Whether all that came was taken: no whole message, nor a part of one, is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.whole == 0 && self.is_between_messages()
    }

    /// One message, or one control frame, was taken.
    pub(crate) fn take(&mut self) {
        self.whole = self.whole.saturating_sub(1);
    }

    /// Whether no frame, and no fragmented message, is incomplete.
    pub(crate) fn is_between_messages(&self) -> bool {
        self.header_len == 0 && self.payload_left == 0 && !self.is_in_message
    }

    /// The payload of the longest frame so far, in bytes.
    pub(crate) fn longest(&self) -> u64 {
        self.longest
    }

    /// The length of the payload, once the header is complete.
    fn payload_len(&self) -> Option<u64> {
        let header = self.header.get(..self.header_len)?;
        let [_, short, extended @ ..] = header else {
            return None;
        };
        let mask_len = if short & MASKED != 0 { 4 } else { 0 };
        let (extended_len, len) = match short & !MASKED {
            126 => (2, u64::from(u16::from_be_bytes(*extended.first_chunk()?))),
            127 => (8, u64::from_be_bytes(*extended.first_chunk()?)),
            len => (0, u64::from(len)),
        };
        (extended.len() == extended_len + mask_len).then_some(len)
    }

    fn begin(&mut self, payload_len: u64) {
        let [first, ..] = self.header;
        let is_control = first & CONTROL != 0;
        if !is_control {
            self.is_in_message = first & FIN == 0;
        }
        self.header_len = 0;
        self.payload_left = payload_len;
        self.longest = self.longest.max(payload_len);
        self.end_if_whole();
    }

    /// A frame that may be empty ends. A fragment that is not the last is no message; a control frame never is one, and
    /// must be looked at even if it claims to be.
    fn end_if_whole(&mut self) {
        let [first, ..] = self.header;
        if self.payload_left == 0 && first & (FIN | CONTROL) != 0 {
            self.whole += 1;
        }
    }
}

const FIN: u8 = 0x80;
const CONTROL: u8 = 0x08;
const MASKED: u8 = 0x80;
const HEADER_LEN_MAX: usize = 14;

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u8, len: usize) -> Vec<u8> {
        let mut frame = vec![first];
        match len {
            0..=125 => frame.push(MASKED | len as u8),
            126..=0xffff => {
                frame.push(MASKED | 126);
                frame.extend((len as u16).to_be_bytes());
            }
            _ => {
                frame.push(MASKED | 127);
                frame.extend((len as u64).to_be_bytes());
            }
        }
        frame.extend([1, 2, 3, 4]);
        frame.resize(frame.len() + len, 0x81);
        frame
    }

    #[test]
    fn only_whole_messages_are_between_messages() {
        for len in [0, 1, 125, 126, 0xffff, 0x10000] {
            let frame = frame(0x81, len);
            let mut boundary = FrameBoundary::default();
            for (at, byte) in frame.iter().enumerate() {
                assert_eq!(boundary.is_between_messages(), at == 0, "byte {at} of a frame of {len}");
                boundary.advance(&[*byte]);
            }
            assert!(boundary.is_between_messages());
            assert_eq!(boundary.longest(), len as u64);
        }
    }

    #[test]
    fn a_message_counts_from_its_last_byte_until_it_is_taken() {
        for len in [0, 1, 126, 0x10000] {
            let mut boundary = FrameBoundary::default();
            for byte in frame(0x81, len) {
                assert_eq!(boundary.whole, 0, "of {len}");
                boundary.advance(&[byte]);
            }
            assert_eq!(boundary.whole, 1, "of {len}");
            boundary.advance(&[frame(0x01, 0), frame(0x8a, 0), frame(0x00, 3)].concat());
            assert_eq!(boundary.whole, 2, "a pong between two fragments");
            boundary.take();
            boundary.take();
            assert_eq!(boundary.whole, 0);
        }
    }

    #[test]
    fn however_the_bytes_come_the_boundaries_are_the_same() {
        let (text, first, ping, last) = (frame(0x81, 300), frame(0x01, 5), frame(0x89, 4), frame(0x80, 70_000));
        let stream = [&text[..], &first, &ping, &last].concat();
        let fragmented = text.len()..stream.len();
        for step in [1, 2, 3, 7, 100, 301, 4096, stream.len()] {
            let mut boundary = FrameBoundary::default();
            let mut at = 0;
            for piece in stream.chunks(step) {
                boundary.advance(piece);
                at += piece.len();
                if fragmented.contains(&at) && at > text.len() {
                    assert!(!boundary.is_between_messages(), "in steps of {step}, at {at}");
                }
            }
            assert!(boundary.is_between_messages(), "in steps of {step}");
            assert_eq!(boundary.longest(), 70_000);
            assert_eq!(boundary.whole, 3, "the text, the ping, and the message of two fragments");
        }
    }
}
