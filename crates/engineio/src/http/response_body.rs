//! The body of an answer.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use engineio_proto::{Answer, Chunk};
use http_body::{Body as HttpBody, Frame, SizeHint};

/// The body of the engine's answers. Its length is always known.
///
/// What a poll is answered with counts as waiting for its client until it was written, or the body is dropped: so it is
/// given out in parts, each of which tells when the HTTP server has done with it.
#[derive(Default)]
pub struct Body(Content);

#[derive(Default)]
enum Content {
    #[default]
    Empty,
    /// What is left to give out.
    Whole(Chunk),
    /// With the length of what is left.
    Answer(Answer, usize),
    /// A length that is announced and never comes, so that the connection ends.
    Broken,
}

/// The connection is to end instead of an answer: the server goes away, or the session has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HungUp;

impl Body {
    /// All of it, counted as under way until it was written.
    pub(crate) fn counted(chunk: Chunk) -> Self {
        Self(Content::Whole(chunk))
    }

    pub(crate) fn answer(mut answer: Answer) -> Self {
        let len = answer.payload_len();
        Self(Content::Answer(answer, len))
    }

    pub(crate) fn broken() -> Self {
        Self(Content::Broken)
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        let bytes = bytes.into();
        Self(if bytes.is_empty() { Content::Empty } else { Content::Whole(bytes.into()) })
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = HungUp;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, HungUp>>> {
        let chunk = match &mut self.0 {
            Content::Empty => None,
            Content::Broken => return Poll::Ready(Some(Err(HungUp))),
            Content::Answer(_, 0) => None,
            Content::Answer(answer, left) => match answer.next_chunk() {
                Some(chunk) if !answer.is_aborted() => {
                    *left = left.saturating_sub(chunk.bytes().len());
                    Some(chunk)
                }
                // Its session was given up in the meantime.
                _ => return Poll::Ready(Some(Err(HungUp))),
            },
            Content::Whole(chunk) if chunk.bytes().is_empty() => None,
            Content::Whole(chunk) => Some(chunk.split_to(CHUNK_BYTES_MAX)),
        };
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk.into()))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Content::Empty => true,
            Content::Whole(chunk) => chunk.bytes().is_empty(),
            Content::Answer(_, left) => *left == 0,
            Content::Broken => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match &self.0 {
            Content::Empty => 0,
            Content::Whole(chunk) => chunk.bytes().len() as u64,
            Content::Answer(_, left) => *left as u64,
            Content::Broken => 1,
        })
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("len", &self.size_hint().exact()).finish_non_exhaustive()
    }
}

impl fmt::Display for HungUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is to end")
    }
}

impl std::error::Error for HungUp {}

/// As the parts of an answer that is not compressed.
const CHUNK_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use engineio_proto::Encoded;
    use http_body_util::BodyExt;

    use super::*;

    fn collected(body: Body) -> Result<Bytes, HungUp> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(body.collect()).map(|body| body.to_bytes())
    }

    #[test]
    fn its_length_is_known_and_right() {
        let long = "x".repeat(3 * CHUNK_BYTES_MAX + 1);
        for (body, expected) in [
            (Body::default(), String::new()),
            (Body::from(""), String::new()),
            (Body::from("ok"), "ok".to_owned()),
            (Body::from(long.clone()), long.clone()),
            (Body::answer(Answer::of(Encoded::text(&long))), format!("4{long}")),
            (Body::counted(Answer::of(Encoded::text("a")).into_chunk()), "4a".to_owned()),
        ] {
            assert_eq!(body.size_hint().exact(), Some(expected.len() as u64));
            assert_eq!(body.is_end_stream(), expected.is_empty());
            assert!(collected(body).unwrap() == expected);
        }
        assert_eq!(collected(Body::broken()), Err(HungUp));
    }
}
