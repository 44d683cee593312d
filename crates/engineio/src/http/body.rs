//! Reading a request's body under limits.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http_body::Body;
use tokio::time::timeout_at;

use crate::session::clock;

/// Why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It is, or says it is, larger than allowed.
    TooLarge,
    /// It did not arrive in time.
    TooSlow,
    /// The client went away.
    Aborted,
}

/// What a body may cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimits {
    pub(crate) bytes_max: usize,
    /// How long nothing may come.
    pub(crate) stall_max: Duration,
    /// How long it may take altogether.
    pub(crate) timeout: Duration,
}

/// Reads a body whole, never holding more than its limit.
///
/// Ask by [`read`](Self::read); if that was given up, [`read_now`](Self::read_now) tells whether all had come.
pub(crate) struct BodyReader<B> {
    body: Pin<Box<B>>,
    limits: BodyLimits,
    /// Mostly there is one piece, which is not copied.
    first: Bytes,
    whole: BytesMut,
    /// Set with the end or an error: behind an error a body says that it ends, too.
    is_over: bool,
}

impl<B: Body> BodyReader<B> {
    pub(crate) fn new(body: B, limits: BodyLimits) -> Self {
        Self { body: Box::pin(body), limits, first: Bytes::new(), whole: BytesMut::new(), is_over: false }
    }

    /// The whole body.
    pub(crate) async fn read(&mut self) -> Result<Bytes, BodyError> {
        if self.body.size_hint().lower() > self.limits.bytes_max as u64 {
            return Err(BodyError::TooLarge);
        }
        let end = clock::after(clock::now(), self.limits.timeout);
        loop {
            let patience = end.min(clock::after(clock::now(), self.limits.stall_max));
            match timeout_at(patience.into(), poll_fn(|cx| self.poll_piece(cx))).await {
                Ok(Ok(Some(whole))) => return Ok(whole),
                Ok(Ok(None)) => {}
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(BodyError::TooSlow),
            }
        }
    }

    /// The whole body, if what is missing is already there.
    pub(crate) fn read_now(&mut self) -> Option<Bytes> {
        let mut cx = Context::from_waker(Waker::noop());
        while !self.is_over {
            match self.poll_piece(&mut cx) {
                Poll::Ready(Ok(Some(whole))) => return Some(whole),
                Poll::Ready(Ok(None)) => {}
                Poll::Ready(Err(_)) | Poll::Pending => break,
            }
        }
        None
    }

    /// Takes one more piece; with the end comes everything.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
        let piece = self.poll_next(cx);
        self.is_over = matches!(piece, Poll::Ready(Ok(Some(_)) | Err(_)));
        piece
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
        let Some(frame) = std::task::ready!(self.body.as_mut().poll_frame(cx)) else {
            let whole = std::mem::take(&mut self.whole);
            let whole = if whole.is_empty() { std::mem::take(&mut self.first) } else { whole.freeze() };
            return Poll::Ready(Ok(Some(whole)));
        };
        let Ok(mut data) = frame.map_err(|_| BodyError::Aborted)?.into_data() else {
            return Poll::Ready(Ok(None));
        };
        if self.first.len() + self.whole.len() + data.remaining() > self.limits.bytes_max {
            return Poll::Ready(Err(BodyError::TooLarge));
        }
        if self.first.is_empty() && self.whole.is_empty() {
            self.first = data.copy_to_bytes(data.remaining());
        } else {
            self.whole.put(std::mem::take(&mut self.first));
            self.whole.put(data);
        }
        Poll::Ready(Ok(None))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::Future;

    use http_body::Frame;
    use http_body_util::Full;
    use tokio::time::Instant;

    use super::*;

    const LIMITS: BodyLimits =
        BodyLimits { bytes_max: 10, stall_max: Duration::from_secs(20), timeout: Duration::from_secs(300) };

    /// Also says how long that took.
    fn read_for<B: Body>(body: B) -> (Result<Bytes, BodyError>, Duration) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let started = Instant::now();
            (BodyReader::new(body, LIMITS).read().await, started.elapsed())
        })
    }

    fn read<B: Body>(body: B) -> Result<Bytes, BodyError> {
        read_for(body).0
    }

    /// A body whose length is not known beforehand.
    struct Pieces(Vec<&'static [u8]>);

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            let piece = (!self.0.is_empty()).then(|| self.0.remove(0));
            Poll::Ready(piece.map(|piece| Ok(Frame::data(Bytes::from_static(piece)))))
        }
    }

    #[test]
    fn pieces_are_joined_in_order() {
        assert_eq!(read(Pieces(vec![b"ab", b"", b"cde", b"fghij"])), Ok(Bytes::from("abcdefghij")));
        assert_eq!(read(Pieces(vec![])), Ok(Bytes::new()));
        assert_eq!(read(Full::new(Bytes::from("0123456789"))), Ok(Bytes::from("0123456789")));
    }

    #[test]
    fn one_byte_more_is_too_large_whether_announced_or_not() {
        assert_eq!(read(Full::new(Bytes::from("0123456789x"))), Err(BodyError::TooLarge));
        assert_eq!(read(Pieces(vec![b"01234567", b"89x"])), Err(BodyError::TooLarge));
        assert_eq!(read(Pieces(vec![b"0"; 11])), Err(BodyError::TooLarge));
    }

    #[test]
    fn a_body_that_stalls_is_given_up() {
        let (outcome, took) = read_for(Dripping { pieces: 3, pause: Duration::from_secs(21), sleep: None });
        assert_eq!((outcome, took.as_secs()), (Err(BodyError::TooSlow), 20));
    }

    #[test]
    fn a_body_that_comes_slowly_but_steadily_is_read() {
        let (outcome, took) = read_for(Dripping { pieces: 10, pause: Duration::from_secs(19), sleep: None });
        assert_eq!((outcome, took.as_secs()), (Ok(Bytes::from("xxxxxxxxxx")), 190));
    }

    #[test]
    fn a_body_that_drips_for_ever_is_given_up() {
        let (outcome, took) = read_for(Dripping { pieces: 1000, pause: Duration::from_secs(1), sleep: None });
        assert_eq!((outcome, took.as_secs()), (Err(BodyError::TooLarge), 11));
        let (outcome, took) = read_for(Dripping { pieces: usize::MAX, pause: Duration::from_secs(19), sleep: None });
        assert_eq!((outcome, took.as_secs()), (Err(BodyError::TooLarge), 11 * 19));
        let (outcome, took) =
            read_for(Empty(Dripping { pieces: usize::MAX, pause: Duration::from_secs(19), sleep: None }));
        assert_eq!((outcome, took.as_secs()), (Err(BodyError::TooSlow), 300));
    }

    #[test]
    fn what_has_come_is_there_at_once() {
        let read_now = |pieces| BodyReader::new(Pieces(pieces), LIMITS).read_now();
        assert_eq!(read_now(vec![b"ab", b"c"]), Some(Bytes::from("abc")));
        assert_eq!(read_now(vec![b"0123456789", b"x"]), None);
        let mut reader = BodyReader::new(Broken(true), LIMITS);
        assert_eq!((reader.read_now(), reader.read_now()), (None, None));
        let dripping = Dripping { pieces: 1, pause: Duration::ZERO, sleep: None };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _guard = runtime.enter();
        assert_eq!(BodyReader::new(dripping, LIMITS).read_now(), None);
    }

    /// An error, and then the end.
    struct Broken(bool);

    impl Body for Broken {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
            let is_first = std::mem::take(&mut self.0);
            Poll::Ready(is_first.then(|| Err(std::io::ErrorKind::UnexpectedEof.into())))
        }
    }

    /// One byte after each pause.
    struct Dripping {
        pieces: usize,
        pause: Duration,
        sleep: Option<Pin<Box<tokio::time::Sleep>>>,
    }

    impl Body for Dripping {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            if self.pieces == 0 {
                return Poll::Ready(None);
            }
            let pause = self.pause;
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(pause)));
            std::task::ready!(sleep.as_mut().poll(cx));
            self.sleep = None;
            self.pieces -= 1;
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x")))))
        }
    }

    /// The same without the bytes.
    struct Empty(Dripping);

    impl Body for Empty {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            let frame = std::task::ready!(Pin::new(&mut self.0).poll_frame(cx));
            Poll::Ready(frame.map(|_| Ok(Frame::data(Bytes::new()))))
        }
    }
}
