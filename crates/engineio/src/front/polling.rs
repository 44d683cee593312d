//! Answering polls.

use engineio_proto::{Answer, AnswerWatch, JsonpIndex, RequestError, jsonp};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use crate::config::EngineConfig;
use crate::http::compression::{Encoding, negotiate};
use crate::http::{Body, hang_up_response, no_store, respond_empty};
use crate::session::link::{PollAnswer, Polled};
use crate::shared::Shared;

/// A poll, and how it is to be answered. It waits for most of a client's life: small, and moved a few times.
pub(crate) struct PollRequest {
    pub(crate) polled: Polled,
    pub(crate) manner: Manner,
}

/// How a poll is to be answered.
pub(crate) struct Manner {
    pub(crate) jsonp: Option<JsonpIndex>,
    /// What the client accepts, should it come to that.
    pub(crate) coding: Option<Coding>,
    /// Of a session's first answer.
    pub(crate) first: Option<Box<First>>,
}

/// How an answer may be compressed, and from how many bytes on it is. Small, for it waits with its poll.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coding {
    encoding: Encoding,
    threshold_bytes: u32,
}

impl Coding {
    /// What the client accepts, unless nothing is compressed.
    pub(crate) fn negotiate(headers: &HeaderMap, config: &EngineConfig) -> Option<Self> {
        let threshold = config.compression_threshold_bytes?;
        let encoding = negotiate(headers)?;
        Some(Self { encoding, threshold_bytes: u32::try_from(threshold).unwrap_or(u32::MAX) })
    }

    fn is_for(&self, len: usize) -> bool {
        usize::try_from(self.threshold_bytes).is_ok_and(|threshold| len >= threshold)
    }
}

/// What a session's first answer says beside the others.
pub(crate) struct First {
    pub(crate) cookie: Option<HeaderValue>,
    pub(crate) headers: Option<Box<HeaderMap>>,
}

impl Shared {
    pub(crate) async fn answer_poll(&self, poll: PollRequest) -> Result<Response<Body>, RequestError> {
        let PollRequest { polled, manner } = poll;
        let answer = match polled {
            Polled::Answered(answer) => *answer,
            Polled::Waits(waiting) => match waiting.answer().await {
                Some(PollAnswer::Payload(answer)) => answer,
                Some(PollAnswer::Refused) => return Ok(respond_empty(StatusCode::BAD_REQUEST)),
                Some(PollAnswer::HangUp) => return Ok(hang_up_response()),
                None => return Err(RequestError::SessionUnknown),
            },
        };
        match self.as_it_is(answer, manner) {
            Ok(response) => Ok(response),
            Err(rest) => Ok(Box::pin(self.rewritten(rest)).await),
        }
    }

    /// The answer, or back with it if that takes more than writing it down.
    fn as_it_is(&self, mut answer: Answer, mut manner: Manner) -> Result<Response<Body>, Box<(Answer, Manner)>> {
        manner.coding = manner.coding.filter(|coding| coding.is_for(answer.payload_len()));
        if manner.jsonp.is_some() || manner.coding.is_some() {
            return Err(Box::new((answer, manner)));
        }
        let len = answer.payload_len();
        let watch = watch(&answer, len);
        Ok(manner.first_said(answered(Body::answer(answer), watch)))
    }

    /// The answer as a script, or in another coding, or both.
    async fn rewritten(&self, rest: Box<(Answer, Manner)>) -> Response<Body> {
        let (answer, mut manner) = *rest;
        let encoding = manner.coding.map(|coding| coding.encoding);
        let watch = watch(&answer, WATCHED_FROM_BYTES + 1);
        let mut chunk = answer.into_chunk();
        if let Some(index) = manner.jsonp.take() {
            let script = jsonp::encode(index, &String::from_utf8_lossy(chunk.bytes()));
            chunk = chunk.with_bytes(script);
        }
        let compressed = match encoding {
            Some(encoding) => self.compressor.compress(chunk.bytes(), encoding).await,
            None => None,
        };
        let encoding = encoding.filter(|_| compressed.is_some());
        let chunk = match compressed {
            Some((bytes, loan)) => chunk.with_shared(bytes, loan),
            None => chunk,
        };
        let watch = watch.filter(|_| chunk.bytes().len() > WATCHED_FROM_BYTES);
        let mut response = answered(Body::counted(chunk), watch);
        if let Some(encoding) = encoding {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
        }
        manner.first_said(response)
    }
}

impl Manner {
    /// With what a session's first answer says, if this is it.
    fn first_said(self, mut response: Response<Body>) -> Response<Body> {
        if let Some(First { cookie, headers }) = self.first.map(|first| *first) {
            response.headers_mut().extend(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
            add(headers, response.headers_mut());
        }
        response
    }
}

/// Shorter answers are written before anybody could stop wanting them.
fn watch(answer: &Answer, len: usize) -> Option<AnswerWatch> {
    if len > WATCHED_FROM_BYTES { answer.watch() } else { None }
}

fn answered(body: Body, watch: Option<AnswerWatch>) -> Response<Body> {
    let mut response = Response::new(body);
    if let Some(watch) = watch {
        response.extensions_mut().insert(watch);
    }
    let content_type = HeaderValue::from_static("text/plain; charset=UTF-8");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    no_store(response)
}

/// Adds headers to those an answer has.
pub(crate) fn add(headers: Option<Box<HeaderMap>>, answer: &mut HeaderMap) {
    for (name, value) in headers.iter().flat_map(|headers| headers.iter()) {
        answer.append(name, value.clone());
    }
}

/// What a connection takes anyway.
const WATCHED_FROM_BYTES: usize = 64 * 1024;
