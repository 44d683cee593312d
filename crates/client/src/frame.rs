//! What is handed to a WebSocket.

use bytes::Bytes;
use socketio_codec::PacketRef;

/// One frame to be sent, in the order in which they are given out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Frame {
    /// A text message: an Engine.IO packet.
    Text(String),
    /// A binary message: an attachment.
    Binary(Bytes),
    /// A ping of the WebSocket itself.
    Ping(Bytes),
    /// The WebSocket's close.
    Close,
}

impl Frame {
    /// A Socket.IO packet as an Engine.IO message, type 4.
    pub(crate) fn message(packet: &PacketRef<'_>) -> Self {
        let mut text = Vec::with_capacity(packet.encoded_len() + 1);
        text.push(b'4');
        packet.encode_into(&mut text);
        Self::Text(String::from_utf8(text).expect("every part of a packet is UTF-8"))
    }

    /// The bytes that it keeps waiting.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(bytes) | Self::Ping(bytes) => bytes.len(),
            Self::Close => 0,
        }
    }
}
