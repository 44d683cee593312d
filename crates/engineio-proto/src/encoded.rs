//! A message framed once for all its recipients.

use std::fmt;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{BufMut, Bytes, BytesMut};

use crate::Ledger;
use crate::payload::SEPARATOR;

/// One or more Engine.IO packets that travel together, framed once for every recipient.
///
/// A server's WebSocket frames are not masked (RFC 6455, section 5.1), so header and payload are the same bytes
/// for everyone: they are kept ready to write. The form for HTTP polling is made by the first poller that needs
/// it and shared; a single text packet needs no second form, its frame already contains it.
///
/// Nothing is ever written between the packets of one `Encoded`: that keeps a Socket.IO packet and its
/// attachments together.
///
/// ```
/// use engineio_proto::Encoded;
///
/// let hello = Encoded::text("hello");
/// assert_eq!(&hello.websocket()[..], b"\x81\x064hello");
/// assert_eq!(hello.polling(), "4hello".as_bytes());
/// ```
#[derive(Clone)]
pub struct Encoded(Arc<Frames>);

struct Frames {
    websocket: Bytes,
    polling: OnceLock<Bytes>,
    /// Where it counts as waiting, once it had to wait anywhere.
    ledger: OnceLock<Arc<Ledger>>,
}

impl Encoded {
    /// A text message: packet type `4` and `data`.
    pub fn text(data: &str) -> Self {
        let mut builder = EncodedBuilder::with_capacity(frame_len(1 + data.len()));
        builder.text(data.len(), |buffer| buffer.put_slice(data.as_bytes()));
        builder.finish()
    }

    /// A binary message.
    pub fn binary(data: &[u8]) -> Self {
        let mut builder = EncodedBuilder::with_capacity(frame_len(data.len()));
        builder.binary(data);
        builder.finish()
    }

    /// A packet other than a message, as it stands on the wire: `2`, `3probe`, `0{…}`.
    pub fn packet(packet: &str) -> Self {
        let mut builder = EncodedBuilder::with_capacity(frame_len(packet.len()));
        builder.frame(OPCODE_TEXT, packet.len());
        builder.buffer.put_slice(packet.as_bytes());
        builder.finish()
    }

    /// WebSocket bytes made elsewhere (a pong, a close frame). A poller gets nothing for it.
    pub fn control(frames: Bytes) -> Self {
        Self::framed(frames, OnceLock::from(Bytes::new()))
    }

    /// Several messages as one, which are then written together or not at all. They are copied.
    pub fn join<'a>(parts: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let mut buffer = BytesMut::with_capacity(parts.clone().map(Self::len).sum());
        parts.for_each(|part| buffer.put_slice(part.websocket()));
        EncodedBuilder { buffer }.finish()
    }

    fn framed(websocket: Bytes, polling: OnceLock<Bytes>) -> Self {
        Self(Arc::new(Frames { websocket, polling, ledger: OnceLock::new() }))
    }

    /// Counts it as waiting, once for all who wait for it, until the last of them has let go of it.
    pub fn enter(&self, ledger: &Arc<Ledger>) {
        self.0.ledger.get_or_init(|| {
            ledger.add(self.len() + MESSAGE_BYTES);
            Arc::clone(ledger)
        });
    }

    /// Whether pollers get nothing for it.
    pub(crate) fn is_control(&self) -> bool {
        self.0.polling.get().is_some_and(Bytes::is_empty)
    }

    /// Whole WebSocket frames, ready to write.
    pub fn websocket(&self) -> &Bytes {
        &self.0.websocket
    }

    /// The packets as part of a polling payload: joined by `0x1e`, binary ones as `b` and base64.
    pub fn polling(&self) -> &Bytes {
        self.0.polling.get_or_init(|| payload_of(&self.0.websocket))
    }

    /// The length of that, without making it.
    pub(crate) fn polling_len(&self) -> usize {
        match self.0.polling.get() {
            Some(polling) => polling.len(),
            None => payload_len_of(&self.0.websocket),
        }
    }

    #[cfg(test)]
    pub(crate) fn is_polling_form_made(&self) -> bool {
        self.0.polling.get().is_some()
    }

    /// How many keep it.
    pub(crate) fn holders(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    /// The bytes it takes in an outbox: those of its WebSocket form.
    #[expect(clippy::len_without_is_empty, reason = "every Encoded has at least a frame header")]
    pub fn len(&self) -> usize {
        self.0.websocket.len()
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        if let Some(ledger) = self.ledger.get() {
            ledger.remove(self.websocket.len() + MESSAGE_BYTES);
        }
    }
}

impl fmt::Debug for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Encoded").field(&self.0.websocket).finish()
    }
}

/// Two are equal when they put the same bytes on the wire.
impl PartialEq for Encoded {
    fn eq(&self, other: &Self) -> bool {
        self.0.websocket == other.0.websocket
    }
}

impl Eq for Encoded {}

/// Collects the packets of one [`Encoded`].
///
/// The text is written straight into the shared frame, so that a relayed payload is copied once.
#[derive(Debug, Default)]
pub struct EncodedBuilder {
    buffer: BytesMut,
}

impl EncodedBuilder {
    /// A builder whose buffer takes `capacity` bytes, frame headers included, without growing. With exactly as many as
    /// there will be, sharing it takes no further memory.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { buffer: BytesMut::with_capacity(capacity) }
    }

    /// The capacity that a text message of `text_len` bytes and binary messages of `binary_lens` need.
    pub fn capacity_for(text_len: usize, binary_lens: impl Iterator<Item = usize>) -> usize {
        frame_len(1 + text_len) + binary_lens.map(frame_len).sum::<usize>()
    }

    /// Adds a text message of exactly `len` bytes of UTF-8, which `write` appends to the buffer.
    ///
    /// # Panics
    /// If `write` appends more or fewer bytes: the frame header was already written.
    pub fn text(&mut self, len: usize, write: impl FnOnce(&mut BytesMut)) {
        self.frame(OPCODE_TEXT, 1 + len);
        self.buffer.put_u8(b'4');
        let start = self.buffer.len();
        write(&mut self.buffer);
        assert_eq!(self.buffer.len() - start, len, "the announced length is the written one");
    }

    /// Adds a binary message.
    pub fn binary(&mut self, data: &[u8]) {
        self.frame(OPCODE_BINARY, data.len());
        self.buffer.put_slice(data);
    }

    /// The packets added so far, ready to share.
    pub fn finish(self) -> Encoded {
        Encoded::framed(self.buffer.freeze(), OnceLock::new())
    }

    /// The header of one unfragmented, unmasked frame (RFC 6455, section 5.2).
    fn frame(&mut self, opcode: u8, len: usize) {
        self.buffer.put_u8(FIN | opcode);
        match len {
            0..=125 => self.buffer.put_u8(len as u8),
            126..=0xffff => {
                self.buffer.put_u8(126);
                self.buffer.put_u16(len as u16);
            }
            _ => {
                self.buffer.put_u8(127);
                self.buffer.put_u64(len as u64);
            }
        }
    }
}

/// What a message keeps in memory beside its frames, if nobody shares it. Without it a client that reads nothing,
/// and makes us answer it by two bytes at a time (pongs), would take fifty times the bound.
pub(crate) const MESSAGE_BYTES: usize = 128;

const FIN: u8 = 0x80;
const OPCODE_TEXT: u8 = 1;
const OPCODE_BINARY: u8 = 2;

/// What a frame takes with its header: two bytes, and two or eight more for a length that needs them; a server's frame
/// has no mask.
fn frame_len(payload_len: usize) -> usize {
    let header_len = match payload_len {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    };
    header_len + payload_len
}

fn payload_of(frames: &Bytes) -> Bytes {
    let first = split_frame(frames, 0);
    if let Some((OPCODE_TEXT, start, end)) = first
        && end == frames.len()
    {
        return frames.slice(start..end);
    }
    let mut payload = BytesMut::with_capacity(frames.len() * 4 / 3 + 8);
    let mut at = 0;
    while let Some((opcode, start, end)) = split_frame(frames, at) {
        if at > 0 {
            payload.put_u8(SEPARATOR);
        }
        let data = &frames[start..end];
        if opcode == OPCODE_TEXT {
            payload.put_slice(data);
        } else {
            payload.put_u8(b'b');
            payload.put_slice(STANDARD.encode(data).as_bytes());
        }
        at = end;
    }
    payload.freeze()
}

/// How long [`payload_of`] is.
fn payload_len_of(frames: &[u8]) -> usize {
    let mut len = 0;
    let mut at = 0;
    while let Some((opcode, start, end)) = split_frame(frames, at) {
        let data = end - start;
        len += usize::from(at > 0) + if opcode == OPCODE_TEXT { data } else { 1 + data.div_ceil(3) * 4 };
        at = end;
    }
    len
}

/// Opcode, start and end of the payload of the frame at `at`; `None` at the end. The frames are our own.
fn split_frame(frames: &[u8], at: usize) -> Option<(u8, usize, usize)> {
    let [first, short, rest @ ..] = frames.get(at..)? else {
        return None;
    };
    let (header, len) = match short {
        126 => (4, u16::from_be_bytes(*rest.first_chunk()?) as usize),
        127 => (10, u64::from_be_bytes(*rest.first_chunk()?) as usize),
        len => (2, *len as usize),
    };
    Some((first & 0x0f, at + header, at + header + len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_header_has_the_shortest_length_form() {
        for (len, header) in [(0, 2), (124, 2), (125, 4), (0xfffe, 4), (0xffff, 10), (1 << 20, 10)] {
            let encoded = Encoded::text(&"x".repeat(len));
            assert_eq!(encoded.len(), header + 1 + len, "length {len}");
            assert_eq!(encoded.polling().len(), 1 + len);
            assert_eq!(encoded.polling()[0], b'4');
        }
    }

    #[test]
    fn a_group_is_one_run_of_frames_and_one_piece_of_payload() {
        let mut builder = EncodedBuilder::default();
        builder.text(3, |buffer| buffer.put_slice(b"abc"));
        builder.binary(&[1, 2, 3, 4]);
        builder.binary(&[]);
        let group = builder.finish();
        assert_eq!(&group.websocket()[..], b"\x81\x044abc\x82\x04\x01\x02\x03\x04\x82\x00");
        assert_eq!(group.polling(), "4abc\x1ebAQIDBA==\x1eb".as_bytes());
    }

    #[test]
    fn what_is_joined_is_as_if_it_had_been_one_after_the_other() {
        let mut group = EncodedBuilder::default();
        group.text(1, |buffer| buffer.put_slice(b"x"));
        group.binary(&[1, 2, 3]);
        let parts = [Encoded::text("a"), group.finish(), Encoded::text("")];
        let joined = Encoded::join(parts.iter());
        assert_eq!(joined.websocket(), &parts.each_ref().map(|part| part.websocket().to_vec()).concat());
        assert_eq!(joined.polling(), "4a\x1e4x\x1ebAQID\x1e4".as_bytes());
    }

    #[test]
    fn the_polling_form_is_as_long_as_was_said_before_it_was_made() {
        for len in (0..10).chain([124, 125, 126, 0xffff, 0x1_0000]) {
            let mut group = EncodedBuilder::default();
            group.text(len, |buffer| buffer.put_bytes(b'x', len));
            group.binary(&vec![1; len]);
            let parts = [Encoded::text("a"), group.finish(), Encoded::binary(&vec![2; len])];
            for encoded in parts.iter().chain([&Encoded::join(parts.iter())]) {
                let said = encoded.polling_len();
                assert!(!encoded.is_polling_form_made());
                assert_eq!(encoded.polling().len(), said, "length {len}");
                assert_eq!(encoded.polling_len(), said);
            }
        }
        assert_eq!(Encoded::control(Bytes::from_static(b"\x8a\x00")).polling_len(), 0);
    }

    #[test]
    fn the_polling_form_of_one_text_shares_the_frame() {
        let encoded = Encoded::text("hello");
        let frame = encoded.websocket().as_ptr() as usize;
        assert_eq!(encoded.polling().as_ptr() as usize, frame + 2);
    }

    #[test]
    fn a_control_frame_is_nothing_to_a_poller() {
        assert!(Encoded::control(Bytes::from_static(b"\x8a\x00")).polling().is_empty());
    }

    #[test]
    #[should_panic(expected = "announced length")]
    fn a_wrong_length_is_caught() {
        EncodedBuilder::default().text(2, |buffer| buffer.put_slice(b"abc"));
    }
}
