//! Answering polls.

use engineio_proto::{Chunk, JsonpIndex, RequestError, jsonp};
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use crate::http::compression::Encoding;
use crate::http::{Body, hang_up_response, no_store, respond_empty};
use crate::session::link::{PollAnswer, Polled};
use crate::shared::Shared;

/// A poll, and how it is to be answered.
pub(crate) struct PollRequest {
    pub(crate) polled: Polled,
    pub(crate) jsonp: Option<JsonpIndex>,
    /// What the client accepts, should it come to that.
    pub(crate) encoding: Option<Encoding>,
    /// Of a session's first answer.
    pub(crate) cookie: Option<HeaderValue>,
    /// Also of a session's first answer. Behind a pointer: there are none on all others.
    pub(crate) headers: Option<Box<HeaderMap>>,
}

impl Shared {
    pub(crate) async fn answer_poll(&self, poll: PollRequest) -> Result<Response<Body>, RequestError> {
        let PollRequest { polled, jsonp, encoding, cookie, headers } = poll;
        let mut answer = match polled {
            Polled::Answered(answer) => answer,
            Polled::Waits(waiting) => match waiting.answer().await {
                Some(PollAnswer::Payload(answer)) => answer,
                Some(PollAnswer::Refused) => return Ok(respond_empty(StatusCode::BAD_REQUEST)),
                Some(PollAnswer::HangUp) => return Ok(hang_up_response()),
                None => return Err(RequestError::SessionUnknown),
            },
        };
        let threshold = self.config.compression_threshold_bytes;
        let is_worth_it = |len: usize| threshold.is_some_and(|threshold| len >= threshold);
        let encoding = encoding.filter(|_| is_worth_it(answer.payload_len()));
        // Shorter ones are written before anybody could stop wanting them.
        let watch = if answer.payload_len() > WATCHED_FROM_BYTES { answer.watch() } else { None };
        let (body, encoding) = match (jsonp, encoding) {
            (None, None) => (Body::answer(answer), None),
            (jsonp, encoding) => self.rewritten(answer.into_chunk(), jsonp, encoding).await,
        };
        let mut response = Response::new(body);
        if let Some(watch) = watch {
            response.extensions_mut().insert(watch);
        }
        let content_type = HeaderValue::from_static("text/plain; charset=UTF-8");
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        let mut response = no_store(response);
        if let Some(encoding) = encoding {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
        }
        if let Some(cookie) = cookie {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        add(headers, response.headers_mut());
        Ok(response)
    }

    /// The answer as a script, or in another coding, or both.
    async fn rewritten(
        &self,
        mut answer: Chunk,
        jsonp: Option<JsonpIndex>,
        encoding: Option<Encoding>,
    ) -> (Body, Option<Encoding>) {
        if let Some(index) = jsonp {
            let script = jsonp::encode(index, &String::from_utf8_lossy(answer.bytes()));
            answer = answer.with_bytes(script);
        }
        let compressed = match encoding {
            Some(encoding) => Box::pin(self.compressor.compress(answer.bytes(), encoding)).await,
            None => None,
        };
        match compressed {
            Some(bytes) => (Body::counted(answer.with_bytes(bytes)), encoding),
            None => (Body::counted(answer), None),
        }
    }
}

/// Adds headers to those an answer has.
pub(crate) fn add(headers: Option<Box<HeaderMap>>, answer: &mut HeaderMap) {
    for (name, value) in headers.iter().flat_map(|headers| headers.iter()) {
        answer.append(name, value.clone());
    }
}

/// What a connection takes anyway.
const WATCHED_FROM_BYTES: usize = 64 * 1024;
