//! Reading a request's body under a limit.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http_body::Body;

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

/// The whole body, of at most `bytes_max`, never holding more than that.
pub(crate) async fn read_body<B: Body>(body: B, bytes_max: usize, within: Duration) -> Result<Bytes, BodyError> {
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(BodyError::TooLarge);
    }
    match tokio::time::timeout(within, collect(body, bytes_max)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(BodyError::TooSlow),
    }
}

async fn collect<B: Body>(body: B, bytes_max: usize) -> Result<Bytes, BodyError> {
    let mut body = pin!(body);
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let Ok(mut data) = frame.map_err(|_| BodyError::Aborted)?.into_data() else {
            continue;
        };
        if first.len() + whole.len() + data.remaining() > bytes_max {
            return Err(BodyError::TooLarge);
        }
        // Mostly there is one piece, which is not copied.
        if first.is_empty() && whole.is_empty() {
            first = data.copy_to_bytes(data.remaining());
        } else {
            whole.put(std::mem::take(&mut first));
            whole.put(data);
        }
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use http_body::Frame;
    use http_body_util::Full;

    use super::*;

    fn read<B: Body>(body: B) -> Result<Bytes, BodyError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(read_body(body, 10, Duration::from_secs(20)))
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
    fn a_body_that_never_ends_is_given_up() {
        assert_eq!(read(Never), Err(BodyError::TooSlow));
    }

    struct Never;

    impl Body for Never {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }
}
