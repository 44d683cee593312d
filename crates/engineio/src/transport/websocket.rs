//! Reading a WebSocket, and the few bytes written beside the outbox.

use std::io::{self, IoSlice, Read, Write};
use std::mem;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use engineio_proto::{CloseReason, Encoded, Utf8};
use tokio::io::ReadBuf;
use tungstenite::error::CapacityError;
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message};

use crate::transport::frame_boundary::FrameBoundary;
use crate::transport::halves::{ReadHalf, WriteHalf};
use crate::transport::stream::{OtherStream, Stream};

/// The reading side of an accepted WebSocket.
///
/// tungstenite reads and checks frames; it never writes. What it has to say by itself (pongs, the answer to a
/// close) is collected in `replies`, and its owner puts them where they cannot fall into the middle of another
/// frame. It is driven through its context instead of `tokio-tungstenite`'s stream, which adds two wakers and a
/// lock for each direction and would still have to be kept from writing.
#[derive(Debug)]
pub(crate) struct WebSocket {
    context: WebSocketContext,
    boundary: FrameBoundary,
    /// tungstenite has asked for more bytes than there are: it holds no whole frame.
    is_drained: bool,
    /// Whether its buffer was once made to fit again.
    was_refitted: bool,
    io: Io,
    replies: Vec<u8>,
    /// Bytes that came since somebody asked.
    received: usize,
}

#[derive(Debug)]
enum Io {
    /// `write` is gone once the [`Link`](crate::Link) has it.
    Socket {
        read: ReadHalf,
        write: Option<WriteHalf>,
    },
    Other(OtherStream),
}

/// What came in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    Text(Utf8),
    Binary(Bytes),
    /// A ping or pong of the WebSocket itself. There may be replies.
    Control,
    /// The end, with the code to close with if the peer is to be told one.
    End {
        reason: CloseReason,
        code: Option<u16>,
    },
}

impl WebSocket {
    pub(crate) fn over(stream: Stream, read_ahead: &[u8], max_payload_bytes: usize) -> Self {
        let io = match stream {
            Stream::Tcp(stream) => {
                let (read, write) = stream.into_split();
                Io::Socket { read: ReadHalf::Tcp(read), write: Some(WriteHalf::Tcp(write)) }
            }
            #[cfg(unix)]
            Stream::Unix(stream) => {
                let (read, write) = stream.into_split();
                Io::Socket { read: ReadHalf::Unix(read), write: Some(WriteHalf::Unix(write)) }
            }
            Stream::Other(stream) => Io::Other(stream),
        };
        Self::new(io, read_ahead, max_payload_bytes)
    }

    fn new(io: Io, read_ahead: &[u8], max_payload_bytes: usize) -> Self {
        let config = WebSocketConfig::default()
            // Allocated at once and zeroed on each read: the default of 128 KiB is what an idle client would cost.
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(max_payload_bytes))
            .max_frame_size(Some(max_payload_bytes));
        let context = WebSocketContext::from_partially_read(read_ahead.to_vec(), Role::Server, Some(config));
        let mut boundary = FrameBoundary::default();
        boundary.advance(read_ahead);
        Self {
            context,
            boundary,
            is_drained: false,
            was_refitted: false,
            io,
            replies: Vec::new(),
            received: read_ahead.len(),
        }
    }

    /// Gives back what long messages made the read buffer grow to. To be called now and then.
    pub(crate) fn shrink(&mut self) {
        if self.is_stretched() || self.context.get_config().read_buffer_size > READ_BUFFER_BYTES {
            self.resize(READ_BUFFER_BYTES);
        }
    }

    /// Reads on with another buffer, if nothing is in the present one: tungstenite neither lets its buffer be changed
    /// nor says what is in it, and keeps it as large as the longest message ever was.
    fn resize(&mut self, read_buffer_bytes: usize) {
        if self.boundary.is_empty() && self.context.can_read() {
            let config = self.context.get_config().read_buffer_size(read_buffer_bytes);
            self.context = WebSocketContext::new(Role::Server, Some(config));
            self.boundary = FrameBoundary::default();
        }
    }

    /// The next frame. After [`Frame::End`] it must not be called again.
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Frame> {
        // Behind every message a task looks for another, and when it wakes for something else it looks too. To ask
        // tungstenite is to have it clear its buffer, ask the socket, and make an error of the answer.
        let needs_more = self.is_drained || self.boundary.is_empty();
        if needs_more && self.io.poll_read_ready(cx).is_pending() {
            self.fit();
            return Poll::Pending;
        }
        let Self { context, boundary, is_drained, io, replies, received, .. } = self;
        let mut pipe = Pipe { io, boundary, cx, replies, received };
        let read = context.read(&mut pipe);
        *is_drained = matches!(&read, Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock);
        if read.is_ok() {
            pipe.boundary.take();
        }
        match read {
            Ok(Message::Text(text)) => Poll::Ready(Frame::Text(Utf8::from_checked(text.into()))),
            Ok(Message::Binary(data)) => Poll::Ready(Frame::Binary(data)),
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {
                // Writes the pong into `replies`; that cannot fail.
                let _ = context.flush(&mut pipe);
                Poll::Ready(Frame::Control)
            }
            Ok(Message::Close(_)) => {
                let _ = context.flush(&mut pipe);
                Poll::Ready(Frame::End { reason: CloseReason::TransportClose, code: None })
            }
            Err(_) if *is_drained => {
                self.fit();
                Poll::Pending
            }
            Err(error) => Poll::Ready(end_of(&error)),
        }
    }

    /// Whether tungstenite made the small buffer larger for some message, and it is not time for the large one.
    fn is_stretched(&self) -> bool {
        let longest = self.boundary.longest();
        // It makes room for a frame's payload behind what it has read of it.
        longest <= GROW_FROM_BYTES && longest * 2 + HEADER_BYTES_MAX > READ_BUFFER_BYTES as u64
    }

    /// Takes a larger buffer for a client that sends long messages, if nothing is in the present one. The small one back,
    /// once: for many the first message, with a token, is the longest by far, and all they ever send.
    fn fit(&mut self) {
        if self.is_stretched() && !mem::replace(&mut self.was_refitted, true) {
            self.resize(READ_BUFFER_BYTES);
        } else if self.boundary.longest() > GROW_FROM_BYTES
            && self.context.get_config().read_buffer_size == READ_BUFFER_BYTES
        {
            self.resize(GROWN_READ_BUFFER_BYTES);
        }
    }

    /// How many bytes came since the last time it was asked.
    pub(crate) fn take_received(&mut self) -> usize {
        mem::take(&mut self.received)
    }

    /// What the WebSocket has to answer by itself, as whole frames.
    pub(crate) fn take_replies(&mut self) -> Option<Encoded> {
        let replies = mem::take(&mut self.replies);
        (!replies.is_empty()).then(|| Encoded::control(replies.into()))
    }

    /// Adds whole frames of our own to the replies: the answer to a probe, before there is an outbox to use.
    pub(crate) fn reply(&mut self, encoded: &Encoded) {
        self.replies.extend_from_slice(encoded.websocket());
    }

    pub(crate) fn has_replies(&self) -> bool {
        !self.replies.is_empty()
    }

    /// Writes the replies itself: for a candidate, whose owner has no other writer.
    pub(crate) fn poll_write_replies(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.replies.is_empty() {
            let written = ready!(self.io.poll_write(cx, &[IoSlice::new(&self.replies)]))?;
            self.replies.drain(..written);
        }
        self.poll_flush(cx)
    }

    /// Writes for a stream that nobody else can write to.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.io.poll_write(cx, slices)
    }

    /// Pushes on what the stream itself holds back (TLS).
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Socket { .. } => Poll::Ready(Ok(())),
            Io::Other(OtherStream(stream)) => stream.as_mut().poll_flush(cx),
        }
    }

    /// Whether only this object can write to the stream.
    pub(crate) fn is_indirect(&self) -> bool {
        matches!(self.io, Io::Other(_))
    }

    /// The writing half of a bare socket, once; `None` for any other stream.
    pub(crate) fn take_write_half(&mut self) -> Option<WriteHalf> {
        match &mut self.io {
            Io::Socket { write, .. } => write.take(),
            Io::Other(_) => None,
        }
    }

    /// Gives the writing half back, for the last bytes.
    pub(crate) fn put_write_half(&mut self, half: WriteHalf) {
        if let Io::Socket { write, .. } = &mut self.io {
            *write = Some(half);
        }
    }

    /// Drops the connection, and what the kernel still holds for it.
    pub(crate) fn cut_off(self) {
        match self.io {
            Io::Socket { write: Some(half), .. } => half.cut_off(),
            Io::Socket { write: None, .. } => {}
            Io::Other(OtherStream(stream)) => stream.cut_off(),
        }
    }

    /// Says that nothing more will be written.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Socket { write: Some(half), .. } => half.poll_shutdown(cx),
            Io::Socket { write: None, .. } => Poll::Ready(Ok(())),
            Io::Other(OtherStream(stream)) => stream.as_mut().poll_shutdown(cx),
        }
    }

    /// Reads and drops bytes, whatever they are, until the peer's end.
    pub(crate) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut scratch = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut scratch);
            ready!(self.io.poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

/// A close frame with `code`, or without one, as the reference sends it (RFC 6455, section 5.5.1).
pub(crate) fn close_frame(code: Option<u16>) -> Encoded {
    Encoded::control(match code {
        None => Bytes::from_static(&[0x88, 0]),
        Some(code) => {
            let [high, low] = code.to_be_bytes();
            vec![0x88, 2, high, low].into()
        }
    })
}

/// Which end of the session an error of the WebSocket is.
fn end_of(error: &Error) -> Frame {
    let (reason, code) = match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => (CloseReason::TooLarge, Some(1009)),
        Error::Utf8(_) => (CloseReason::TransportError, Some(1007)),
        Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)
        | Error::ConnectionClosed
        | Error::AlreadyClosed => (CloseReason::TransportClose, None),
        Error::Protocol(_) => (CloseReason::TransportError, Some(1002)),
        _ => (CloseReason::TransportError, None),
    };
    Frame::End { reason, code }
}

impl Io {
    /// Whether it makes sense to read. Of a stream that does not say, it always does.
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Socket { read, .. } => read.poll_read_ready(cx),
            Self::Other(_) => Poll::Ready(()),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Socket { read, .. } => read.poll_read(cx, buffer),
            Self::Other(OtherStream(stream)) => stream.as_mut().poll_read(cx, buffer),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self {
            Self::Socket { write: Some(half), .. } => half.poll_write_vectored(cx, slices),
            // The link writes; asking here is a mistake that must not hang a task.
            Self::Socket { write: None, .. } => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
            Self::Other(OtherStream(stream)) => stream.as_mut().poll_write_vectored(cx, slices),
        }
    }
}

/// The blocking-style stream that tungstenite wants: it reads from the socket and writes into `replies`.
struct Pipe<'a, 'b, 'c> {
    io: &'a mut Io,
    boundary: &'a mut FrameBoundary,
    cx: &'b mut Context<'c>,
    replies: &'a mut Vec<u8>,
    received: &'a mut usize,
}

impl Read for Pipe<'_, '_, '_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(bytes);
        match self.io.poll_read(self.cx, &mut buffer) {
            Poll::Ready(Ok(())) => {
                self.boundary.advance(buffer.filled());
                *self.received += buffer.filled().len();
                Ok(buffer.filled().len())
            }
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Pipe<'_, '_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.replies.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What an idle client costs. Small messages, which is most, need no more. With the word that allocators put in front, 512.
const READ_BUFFER_BYTES: usize = 504;
/// Of a frame from a client.
const HEADER_BYTES_MAX: u64 = 14;
/// For a client that sends long messages: a read for each 512 bytes would cost it a microsecond a kilobyte.
const GROWN_READ_BUFFER_BYTES: usize = 16 * 1024;
/// A message that takes more than a few reads of the small buffer.
const GROW_FROM_BYTES: u64 = 4 * 1024;

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use tokio::io::AsyncWriteExt;

    use super::*;

    fn text_frame(text: &str) -> Vec<u8> {
        let mut frame = vec![0x81, 0x80 | 127];
        frame.extend((text.len() as u64).to_be_bytes());
        frame.extend([0; 4]);
        frame.extend(text.as_bytes());
        frame
    }

    /// With the fragments of a message, a pong among them, and frames of every size of header.
    fn stream(longest: usize) -> (Vec<u8>, usize) {
        let frame = |first: u8, len: usize| {
            let mut frame = vec![first, 0x80 | 127];
            match len {
                0..126 => frame[1] = 0x80 | len as u8,
                126..0x1_0000 => {
                    frame[1] = 0x80 | 126;
                    frame.extend((len as u16).to_be_bytes());
                }
                _ => frame.extend((len as u64).to_be_bytes()),
            }
            frame.extend([0; 4]);
            frame.resize(frame.len() + len, b'x');
            frame
        };
        let frames = [
            frame(0x81, 1),
            frame(0x81, 0),
            frame(0x01, 3),
            frame(0x8a, 5),
            frame(0x00, 0),
            frame(0x80, 600),
            frame(0x82, 300),
            frame(0x89, 0),
            frame(0x81, longest),
            frame(0x02, 0),
            frame(0x80, 0),
        ];
        (frames.concat(), 8)
    }

    /// What is in tungstenite and not asked for would wait until the client sends something more.
    #[tokio::test]
    async fn everything_that_came_is_handed_on_however_it_comes() {
        for (step, longest) in
            [(1, 1_000), (2, 1_000), (7, 1_000), (100, 70_000), (512, 70_000), (513, 70_000), (100_000, 70_000)]
        {
            let (bytes, messages) = stream(longest);
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut peer = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (accepted, _) = listener.accept().await.unwrap();
            let read_ahead = step.min(20);
            let mut websocket = WebSocket::over(accepted.into(), &bytes[..read_ahead], 1 << 20);
            let rest = bytes[read_ahead..].to_vec();
            let writing = tokio::spawn(async move {
                for piece in rest.chunks(step) {
                    peer.write_all(piece).await.unwrap();
                    tokio::task::yield_now().await;
                }
                peer
            });
            for number in 0..messages {
                let frame = next(&mut websocket).await;
                assert!(!matches!(frame, Frame::End { .. }), "message {number} in steps of {step}: {frame:?}");
            }
            let peer = writing.await.unwrap();
            assert!(is_idle(&mut websocket).await, "in steps of {step}");
            drop(peer);
            assert!(matches!(next(&mut websocket).await, Frame::End { .. }), "in steps of {step}");
        }
    }

    /// Whatever is wrong is seen at once, not when the client sends the next byte.
    #[tokio::test]
    async fn a_mistake_behind_a_message_in_the_same_read_ends_it_at_once() {
        let mistakes: [&[u8]; 5] = [
            // Reserved bits; a fragmented ping; a fragment of nothing, one of many and the last; a frame without a mask.
            &[0xf1, 0x80, 0, 0, 0, 0],
            &[0x09, 0x80, 0, 0, 0, 0],
            &[0x00, 0x80, 0, 0, 0, 0],
            &[0x80, 0x80, 0, 0, 0, 0],
            &[0x81, 0x01, b'x'],
        ];
        for mistake in mistakes {
            for is_read_ahead in [false, true] {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                let mut peer = tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
                let (accepted, _) = listener.accept().await.unwrap();
                let bytes = [&text_frame("hello")[..], mistake].concat();
                let read_ahead = if is_read_ahead { &bytes[..] } else { &[] };
                let mut websocket = WebSocket::over(accepted.into(), read_ahead, 1 << 20);
                if !is_read_ahead {
                    peer.write_all(&bytes).await.unwrap();
                }
                assert_eq!(next(&mut websocket).await, Frame::Text("hello".into()));
                let end = next(&mut websocket).await;
                assert!(matches!(end, Frame::End { .. }), "{mistake:02x?}, read ahead: {is_read_ahead}: {end:?}");
            }
        }
    }

    async fn next(websocket: &mut WebSocket) -> Frame {
        let next = poll_fn(|cx| websocket.poll_frame(cx));
        tokio::time::timeout(Duration::from_secs(5), next).await.expect("a frame was sent")
    }

    async fn is_idle(websocket: &mut WebSocket) -> bool {
        poll_fn(|cx| Poll::Ready(websocket.poll_frame(cx).is_pending())).await
    }

    #[tokio::test]
    async fn frames_that_came_together_survive_a_shrink_in_between() {
        let (mut peer, stream) = tokio::io::duplex(1 << 20);
        let mut websocket = WebSocket::over(Stream::other(stream), &[], 1 << 20);
        let long = "x".repeat(100_000);
        for round in 0..3 {
            peer.write_all(&text_frame(&long)).await.unwrap();
            assert_eq!(next(&mut websocket).await, Frame::Text(long.clone().into()));
            assert!(is_idle(&mut websocket).await);
            let small: Vec<String> = (0..50).map(|n| format!("{round}.{n}")).collect();
            let together: Vec<u8> = small.iter().flat_map(|text| text_frame(text)).collect();
            peer.write_all(&together).await.unwrap();
            for text in &small {
                assert_eq!(next(&mut websocket).await, Frame::Text(text.clone().into()));
                websocket.shrink();
            }
        }
    }

    #[tokio::test]
    async fn the_buffer_grows_for_long_messages_and_shrinks_when_told() {
        let (mut peer, stream) = tokio::io::duplex(1 << 20);
        let mut websocket = WebSocket::over(Stream::other(stream), &[], 1 << 20);
        let size = |websocket: &WebSocket| websocket.context.get_config().read_buffer_size;
        peer.write_all(&text_frame(&"x".repeat(100_000))).await.unwrap();
        next(&mut websocket).await;
        websocket.shrink();
        assert_eq!(size(&websocket), READ_BUFFER_BYTES);
        assert!(is_idle(&mut websocket).await);
        assert_eq!(size(&websocket), GROWN_READ_BUFFER_BYTES);
        websocket.shrink();
        assert_eq!(size(&websocket), READ_BUFFER_BYTES);

        // The first by itself, the others when told.
        for is_given_back in [true, false] {
            peer.write_all(&text_frame(&"x".repeat(600))).await.unwrap();
            next(&mut websocket).await;
            assert!(is_idle(&mut websocket).await);
            assert_eq!(websocket.boundary.longest() == 0, is_given_back);
        }
        websocket.shrink();
        assert_eq!(websocket.boundary.longest(), 0);
    }
}
