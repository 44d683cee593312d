//! What a client's bytes come on.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

/// A connection's bytes, both ways.
///
/// To a bare socket whoever has something for a client writes directly; to any other stream only its session's task does,
/// which costs a wake-up.
#[derive(Debug)]
#[non_exhaustive]
pub enum Stream {
    /// A TCP connection.
    Tcp(TcpStream),
    /// A connection to a Unix socket.
    #[cfg(unix)]
    Unix(UnixStream),
    /// Anything else.
    Other(OtherStream),
}

impl Stream {
    /// Any other stream.
    pub fn other(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        Self::cut_off_by(stream, |_| ())
    }

    /// Any other stream. `cut_off` is called when it is about to be dropped because its client does not read: it should
    /// see to it that nothing is kept for that client any longer ([`Stream::cut_off`]).
    pub fn cut_off_by<T: AsyncRead + AsyncWrite + Send + Unpin + 'static>(stream: T, cut_off: fn(&T)) -> Self {
        Self::Other(OtherStream(Box::pin(Layered { stream, cut_off })))
    }

    /// Has the kernel forget what it still holds for the peer, when this is dropped: megabytes would otherwise stay for as
    /// long as it retries.
    pub fn cut_off(&self) {
        match self {
            Self::Tcp(stream) => {
                let _ = stream.set_zero_linger();
            }
            // What was sent is the receiver's, who is on this machine.
            #[cfg(unix)]
            Self::Unix(_) => {}
            Self::Other(OtherStream(stream)) => stream.cut_off(),
        }
    }
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

#[cfg(unix)]
impl From<UnixStream> for Stream {
    fn from(stream: UnixStream) -> Self {
        Self::Unix(stream)
    }
}

/// A stream that is no bare socket, such as TLS. Made by [`Stream::other`].
pub struct OtherStream(pub(crate) Pin<Box<dyn AnyStream>>);

impl fmt::Debug for OtherStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtherStream").finish_non_exhaustive()
    }
}

/// What [`OtherStream`] is of.
pub(crate) trait AnyStream: AsyncRead + AsyncWrite + Send {
    /// As [`Stream::cut_off`].
    fn cut_off(&self);
}

/// A stream, and what is to be done before one is dropped whose client does not read.
struct Layered<T> {
    stream: T,
    cut_off: fn(&T),
}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> AnyStream for Layered<T> {
    fn cut_off(&self) {
        (self.cut_off)(&self.stream);
    }
}

/// Hands each call on to the stream within.
macro_rules! hand_on {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Stream::Tcp(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            #[cfg(unix)]
            Stream::Unix(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            Stream::Other(OtherStream(stream)) => {
                let $stream = stream.as_mut();
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        hand_on!(self, stream => stream.poll_read(cx, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        hand_on!(self, stream => stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        hand_on!(self, stream => stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Other(OtherStream(stream)) => stream.is_write_vectored(),
            _ => true,
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        hand_on!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        hand_on!(self, stream => stream.poll_shutdown(cx))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Layered<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Layered<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
