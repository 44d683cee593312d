//! Answering polls and posts.

use std::sync::Arc;

use bytes::Bytes;
use engineio_proto::{Chunk, JsonpIndex, RequestError, jsonp};
use http::{HeaderValue, Response, StatusCode, header};
use http_body::Body as HttpBody;
use tokio::sync::oneshot;

use crate::engine::Shared;
use crate::http::compression::{Encoding, compress};
use crate::http::{Body, BodyError, close_connection, hang_up_response, read_body, respond, respond_empty};
use crate::link::{Link, PollAnswer, Polled, PostAnswer, Request as Wanted};
use crate::route::{Poll, add};

impl Shared {
    pub(crate) async fn answer_poll(&self, poll: Poll) -> Result<Response<Body>, RequestError> {
        let Poll { polled, jsonp, encoding, cookie, headers } = poll;
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
            Some(encoding) => Box::pin(compressed(answer.bytes(), encoding)).await,
            None => None,
        };
        match compressed {
            Some(bytes) => (Body::counted(answer.with_bytes(bytes)), encoding),
            None => (Body::counted(answer), None),
        }
    }

    pub(crate) async fn post<B: HttpBody>(
        &self,
        link: Arc<Link>,
        is_jsonp: bool,
        body: B,
    ) -> Result<Response<Body>, RequestError> {
        let (sender, receiver) = oneshot::channel();
        link.request(Wanted::Post(sender)).map_err(|_| RequestError::SessionUnknown)?;
        // From here on: the client may go away while the session's answer is on its way to us.
        let mut reading = Reading { link: Some(link) };
        let ended = match receiver.await.map_err(|_| RequestError::SessionUnknown)? {
            PostAnswer::ReadBody { ended } => ended,
            PostAnswer::Refused => {
                reading.link = None;
                return Ok(respond_empty(StatusCode::BAD_REQUEST));
            }
        };
        let config = &self.config;
        let body = read_body(body, config.session.max_payload_bytes, config.body_timeout);
        let body = tokio::select! {
            body = body => body,
            _ = ended => Err(BodyError::Aborted),
        };
        match body {
            Ok(body) => Ok(reading.finish(body, is_jsonp).await),
            Err(BodyError::TooLarge) => {
                reading.refuse();
                Ok(close_connection(respond_empty(StatusCode::PAYLOAD_TOO_LARGE)))
            }
            Err(BodyError::TooSlow) => Ok(close_connection(respond_empty(StatusCode::REQUEST_TIMEOUT))),
            Err(BodyError::Aborted) => Ok(close_connection(respond_empty(StatusCode::BAD_REQUEST))),
        }
    }
}

/// A post whose body is being read. Dropped before its end, it tells the session that the client went away.
struct Reading {
    link: Option<Arc<Link>>,
}

impl Reading {
    async fn finish(mut self, body: Bytes, is_jsonp: bool) -> Response<Body> {
        let body = if is_jsonp { jsonp::decode(&body) } else { Some(body) };
        let Some(body) = body else {
            // A form without a payload delivers nothing, as in the reference.
            self.refuse();
            return ok();
        };
        let Some(link) = self.link.take() else {
            return ok();
        };
        let (sender, receiver) = oneshot::channel();
        if link.request(Wanted::PostBody(body, sender)).is_ok() {
            // An error: the session is gone, after or before it saw the packets. The reference says ok, too.
            let _ = receiver.await;
        }
        ok()
    }

    fn refuse(mut self) {
        if let Some(link) = self.link.take() {
            let _ = link.request(Wanted::PostRefused);
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if let Some(link) = self.link.take() {
            let _ = link.request(Wanted::PostAborted);
        }
    }
}

/// `payload` in another coding. A large one takes a thread of its own: a client that lets 16 MiB pile up before it
/// polls would otherwise keep all others waiting for half a second.
async fn compressed(payload: &Bytes, encoding: Encoding) -> Option<Bytes> {
    if payload.len() <= COMPRESSED_HERE_MAX_BYTES {
        return compress(payload, encoding);
    }
    let payload = payload.clone();
    tokio::task::spawn_blocking(move || compress(&payload, encoding)).await.ok()?
}

/// What a connection takes anyway.
const WATCHED_FROM_BYTES: usize = 64 * 1024;
/// A millisecond or two of work.
const COMPRESSED_HERE_MAX_BYTES: usize = 64 * 1024;

/// The answer to a post. As HTML, because some browsers offer plain text for download.
fn ok() -> Response<Body> {
    no_store(respond(StatusCode::OK, "text/html", "ok"))
}

fn no_store(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
