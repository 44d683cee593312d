//! Several frames in one input, so that the fuzzer's files stay legible.

use bytes::Bytes;

/// One message of a transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    /// Perhaps not UTF-8.
    Text(Bytes),
    Binary(Bytes),
}

/// The pieces between record separators, as in a polling payload. One that begins with `b` is binary: the rest of it,
/// as it is.
pub(crate) fn split(input: &[u8]) -> impl Iterator<Item = Frame> {
    input.split(|byte| *byte == SEPARATOR).map(|piece| match piece {
        [b'b', rest @ ..] => Frame::Binary(Bytes::copy_from_slice(rest)),
        text => Frame::Text(Bytes::copy_from_slice(text)),
    })
}

/// The input that is split into these frames, unless they contain a separator.
pub(crate) fn join(frames: &[Frame]) -> Vec<u8> {
    let pieces = frames.iter().map(|frame| match frame {
        Frame::Text(text) => text.to_vec(),
        Frame::Binary(data) => [b"b", &data[..]].concat(),
    });
    pieces.collect::<Vec<_>>().join(&SEPARATOR)
}

const SEPARATOR: u8 = 0x1e;
