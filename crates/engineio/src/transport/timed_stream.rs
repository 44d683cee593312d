//! A connection that is given up when it cannot be written to for too long.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use crate::transport::stream::Stream;

/// A connection on which a write fails of which less than [`PROGRESS_BYTES_MIN`] leave within [`WRITE_STALL_MAX`].
///
/// hyper bounds the time for a request's head, but not for its answer. A client that polls for megabytes and reads
/// none of them would keep them in memory, and its connection open, long after its session has timed out. A WebSocket
/// takes the connection out: there the outbox and its bounds do the same.
#[derive(Debug)]
pub(crate) struct TimedStream {
    stream: Stream,
    /// Set while something waits to be written.
    stall: Option<Stall>,
}

/// A peer that is slow to take what it asked for.
#[derive(Debug)]
struct Stall {
    until: Pin<Box<Sleep>>,
    /// What it took meanwhile. Whoever takes a byte now and then does not read.
    taken: usize,
}

impl TimedStream {
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream, stall: None }
    }

    pub(crate) fn into_inner(self) -> Stream {
        self.stream
    }

    fn watch(&mut self, written: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(count)) => {
                if let Some(stall) = &mut self.stall {
                    stall.taken += count;
                }
                self.stall.take_if(|stall| stall.taken >= PROGRESS_BYTES_MIN);
                written
            }
            Poll::Ready(Err(_)) => written,
            Poll::Pending => {
                let stall = self.stall.get_or_insert_with(Stall::new);
                stall.until.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl Stall {
    fn new() -> Self {
        Self { until: Box::pin(tokio::time::sleep(WRITE_STALL_MAX)), taken: 0 }
    }
}

impl AsyncRead for TimedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for TimedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let stream = Pin::new(&mut self.stream);
        let mut joined = [0; JOINED_MAX];
        let written = match join(slices, &mut joined) {
            Some(joined) => stream.poll_write(cx, joined),
            None => stream.poll_write_vectored(cx, slices),
        };
        self.watch(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes when all it had is written; TLS holds some of it back.
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Pending => self.watch(Poll::Pending, cx).map_ok(|_| ()),
            flushed => {
                self.stall = None;
                flushed
            }
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Copies slices into one, if they fit. hyper's answers come as head and body; for an ordinary poll to copy both costs
/// less than what `writev` costs more than `write`.
fn join<'a>(slices: &[IoSlice<'_>], buffer: &'a mut [u8; JOINED_MAX]) -> Option<&'a [u8]> {
    let mut len = 0;
    for slice in slices {
        buffer.get_mut(len..len + slice.len())?.copy_from_slice(slice);
        len += slice.len();
    }
    buffer.get(..len)
}

/// A head of some 200 bytes and an event of some 100, with room for more.
const JOINED_MAX: usize = 1024;

/// 140 bytes a second: slower lines than that have been gone for twenty years.
const PROGRESS_BYTES_MIN: usize = 4 * 1024;
/// As long as a request's head may take.
const WRITE_STALL_MAX: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    async fn pair() -> (TimedStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (TimedStream::new(listener.accept().await.unwrap().0.into()), client)
    }

    #[test]
    fn slices_are_joined_if_they_fit() {
        let mut buffer = [0; JOINED_MAX];
        let slices = |lens: &[usize]| lens.iter().map(|len| vec![b'x'; *len]).collect::<Vec<_>>();
        for (lens, is_joined) in [
            (&[][..], true),
            (&[3, 0, 2], true),
            (&[JOINED_MAX - 1, 1], true),
            (&[JOINED_MAX, 1], false),
            (&[JOINED_MAX + 1, 0], false),
        ] {
            let data = slices(lens);
            let slices: Vec<_> = data.iter().map(|slice| IoSlice::new(slice)).collect();
            let joined = join(&slices, &mut buffer);
            assert_eq!(joined.map(<[u8]>::to_vec), is_joined.then(|| data.concat()), "{lens:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_nobody_reads_is_given_up() {
        let (mut server, _client) = pair().await;
        let started = tokio::time::Instant::now();
        let error = server.write_all(&vec![0; 64 << 20]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(started.elapsed() >= WRITE_STALL_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_goes_on_is_not() {
        let (mut server, _client) = pair().await;
        for _ in 0..10 {
            let waiting = poll_fn(|cx| Poll::Ready(server.watch(Poll::Pending, cx))).await;
            assert!(waiting.is_pending());
            tokio::time::advance(WRITE_STALL_MAX - Duration::from_millis(1)).await;
            let waiting = poll_fn(|cx| Poll::Ready(server.watch(Poll::Pending, cx))).await;
            assert!(waiting.is_pending());
            let written = poll_fn(|cx| server.watch(Poll::Ready(Ok(PROGRESS_BYTES_MIN)), cx)).await;
            assert_eq!(written.unwrap(), PROGRESS_BYTES_MIN);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_byte_now_and_then_is_no_progress() {
        let (mut server, _client) = pair().await;
        let started = tokio::time::Instant::now();
        let error = loop {
            let waiting = poll_fn(|cx| Poll::Ready(server.watch(Poll::Pending, cx))).await;
            if let Poll::Ready(outcome) = waiting {
                break outcome.unwrap_err();
            }
            tokio::time::advance(WRITE_STALL_MAX / 2).await;
            poll_fn(|cx| server.watch(Poll::Ready(Ok(1)), cx)).await.unwrap();
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(started.elapsed() < WRITE_STALL_MAX * 2);
    }
}
