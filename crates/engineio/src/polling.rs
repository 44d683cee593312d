//! Answering polls and posts.

use std::sync::Arc;

use bytes::Bytes;
use engineio_proto::{RequestError, jsonp};
use http::{HeaderValue, Response, StatusCode, header};
use http_body::Body as HttpBody;
use tokio::sync::oneshot;

use crate::engine::Shared;
use crate::http::compression::{Encoding, compress};
use crate::http::{Body, BodyError, close_connection, read_body, respond, respond_empty};
use crate::link::{Link, PollAnswer, PostAnswer, Request as Wanted};
use crate::route::{WaitingPoll, add};

impl Shared {
    pub(crate) async fn answer_poll(&self, poll: WaitingPoll) -> Result<Response<Body>, RequestError> {
        let WaitingPoll { receiver, jsonp, encoding, cookie, headers } = poll;
        let payload = match receiver.await {
            Ok(PollAnswer::Payload(payload)) => payload,
            Ok(PollAnswer::Refused) => return Ok(respond_empty(StatusCode::BAD_REQUEST)),
            Err(_) => return Err(RequestError::SessionUnknown),
        };
        let payload = match jsonp {
            Some(index) => jsonp::encode(index, &String::from_utf8_lossy(&payload)),
            None => payload,
        };
        let threshold = self.config.compression_threshold_bytes;
        let encoding = encoding.filter(|_| threshold.is_some_and(|threshold| payload.len() >= threshold));
        let compressed = match encoding {
            Some(encoding) => Box::pin(compressed(&payload, encoding)).await,
            None => None,
        };
        let encoding = encoding.filter(|_| compressed.is_some());
        let body = compressed.unwrap_or(payload);
        let mut response = no_store(respond(StatusCode::OK, "text/plain; charset=UTF-8", body));
        if let Some(encoding) = encoding {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
        }
        if let Some(cookie) = cookie {
            response.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        add(headers, response.headers_mut());
        Ok(response)
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
