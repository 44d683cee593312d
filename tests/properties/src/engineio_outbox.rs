//! Random operations on an outbox.

use std::io::IoSlice;

use arbitrary::{Arbitrary, Unstructured};
use bytes::Bytes;
use engineio_proto::{Encoded, EncodedBuilder, Full, Outbox};

use crate::operations;

#[derive(Debug, Arbitrary)]
enum Op {
    PushText(u8),
    PushBinary(u16),
    /// Binary, of about the length at which a frame's header changes.
    PushLarge(u8),
    /// A text with so many attachments of so many bytes.
    PushTogether(u8, u8),
    PushControl(u8),
    PushFront(u8),
    /// A connection that takes so many 65,536ths of what it is offered, in at most so many slices.
    Write(u16, u8),
    Fetch,
    Abandon,
}

/// However writes are cut, what leaves is what was pushed, once and in order, but for what was abandoned; and the
/// outbox knows how much waits.
pub fn check(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let Ok(bytes_max) = input.int_in_range(0..=4096usize) else { return };
    let mut run = Run { bytes_max, ..Run::default() };
    for op in operations::<Op>(&mut input) {
        run.step(op);
        run.compare();
    }
    while !run.outbox.is_empty() {
        run.write(u16::MAX, 3);
        run.compare();
    }
}

#[derive(Default)]
struct Run {
    bytes_max: usize,
    outbox: Outbox,
    /// The messages that wait, as they were pushed.
    messages: Vec<Encoded>,
    /// How much of the first is written.
    written: usize,
    sent: u64,
    /// What the next message is filled with, so that no two are equal.
    fill: u8,
}

impl Run {
    fn step(&mut self, op: Op) {
        self.fill = self.fill.wrapping_add(1);
        let text = |len: u8| char::from(b'a' + self.fill % 26).to_string().repeat(len.into());
        match op {
            Op::PushText(len) => self.push(framed(&text(len), &[])),
            Op::PushBinary(len) => self.push(binary(vec![self.fill; usize::from(len) % 1024])),
            Op::PushLarge(len) => self.push(binary(vec![self.fill; 0x1_0000 - 128 + usize::from(len)])),
            Op::PushTogether(count, len) => {
                let attachments: Vec<_> = (0..count % 4).map(|len| vec![self.fill; len.into()]).collect();
                self.push(framed(&text(len), &attachments));
            }
            // A control frame has at least its header.
            Op::PushControl(len) => self.push(Encoded::control(Bytes::from(vec![self.fill; usize::from(len) + 2]))),
            Op::PushFront(len) if self.written == 0 => {
                let encoded = Encoded::text(&text(len));
                self.outbox.push_front(encoded.clone());
                self.messages.insert(0, encoded);
            }
            Op::Write(share, slices) => self.write(share, slices),
            Op::Fetch if self.written == 0 => self.fetch(),
            Op::Abandon => {
                self.outbox.abandon();
                self.messages.truncate(usize::from(self.written > 0));
            }
            Op::PushFront(_) | Op::Fetch => {}
        }
    }

    fn push(&mut self, encoded: Encoded) {
        let waiting = self.waiting().len() + self.messages.len() * MESSAGE_BYTES;
        let is_over = waiting + encoded.len() > self.bytes_max;
        let pushed = self.outbox.push(encoded.clone(), self.bytes_max);
        if is_over && !self.messages.is_empty() {
            assert_eq!(pushed, Err(Full));
        } else {
            assert_eq!(pushed, Ok(()));
            self.messages.push(encoded);
        }
    }

    /// One write of the connection.
    fn write(&mut self, share: u16, slices: u8) {
        let offered = self.offered(usize::from(slices % 16) + 1);
        // All at u16::MAX, so that the last loop ends.
        let taken = (offered.len() * (usize::from(share) + 1)) >> 16;
        assert!(self.waiting().starts_with(&offered[..taken]));
        self.outbox.advance(taken);
        self.sent += taken as u64;
        self.written += taken;
        while let Some(first) = self.messages.first()
            && first.len() <= self.written
        {
            self.written -= first.len();
            self.messages.remove(0);
        }
    }

    /// One poll.
    fn fetch(&mut self) {
        let pieces: Vec<Bytes> =
            self.messages.iter().map(|message| message.polling().clone()).filter(|piece| !piece.is_empty()).collect();
        self.sent += self.waiting().len() as u64;
        assert_eq!(self.outbox.take(usize::MAX).into_chunk().bytes(), &pieces.join(&0x1e));
        self.messages.clear();
    }

    fn compare(&self) {
        let waiting = self.waiting();
        assert_eq!(self.outbox.bytes(), waiting.len());
        assert_eq!(self.outbox.sent(), self.sent);
        assert_eq!(self.outbox.is_empty(), self.messages.is_empty());
        let offered = self.offered(2);
        assert!(waiting.starts_with(&offered));
        assert_eq!(offered.is_empty(), waiting.is_empty(), "a write makes progress while anything waits");
    }

    fn offered(&self, count: usize) -> Vec<u8> {
        let mut slices = vec![IoSlice::new(&[]); count];
        let filled = self.outbox.slices(&mut slices);
        slices[..filled].iter().map(|slice| &slice[..]).collect::<Vec<_>>().concat()
    }

    fn waiting(&self) -> Vec<u8> {
        let messages: Vec<_> = self.messages.iter().map(|message| &message.websocket()[..]).collect();
        messages.concat().split_off(self.written)
    }
}

/// A text message and its attachments, as they must stand in WebSocket frames.
fn framed(text: &str, attachments: &[Vec<u8>]) -> Encoded {
    let mut builder = EncodedBuilder::default();
    builder.text(text.len(), |buffer| buffer.extend_from_slice(text.as_bytes()));
    let mut expected = frame(0x81, format!("4{text}").as_bytes());
    for attachment in attachments {
        builder.binary(attachment);
        expected.extend(frame(0x82, attachment));
    }
    let encoded = builder.finish();
    assert_eq!(encoded.websocket(), &expected);
    encoded
}

fn binary(data: Vec<u8>) -> Encoded {
    let encoded = Encoded::binary(&data);
    assert_eq!(encoded.websocket(), &frame(0x82, &data));
    // And the length is understood by our own reader of it: the form for polling has it all.
    assert_eq!(encoded.polling().len(), 1 + data.len().div_ceil(3) * 4);
    encoded
}

/// RFC 6455, section 5.2: the shortest form of the length, in 7, 16 or 64 bits.
fn frame(first: u8, data: &[u8]) -> Vec<u8> {
    let len = match data.len() {
        len if len < 126 => vec![len as u8],
        len if len < 1 << 16 => [&[126], &(len as u16).to_be_bytes()[..]].concat(),
        len => [&[127], &(len as u64).to_be_bytes()[..]].concat(),
    };
    [&[first], &len[..], data].concat()
}

/// What each message that waits counts beside its bytes, as documented.
const MESSAGE_BYTES: usize = 128;
