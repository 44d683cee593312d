//! Answering polls.

use engineio_proto::{RequestError, jsonp};
use http::{HeaderValue, Response, StatusCode, header};

use crate::engine::Shared;
use crate::http::{Body, no_store, respond, respond_empty};
use crate::link::PollAnswer;
use crate::route::WaitingPoll;

impl Shared {
    pub(crate) async fn answer_poll(&self, poll: WaitingPoll) -> Result<Response<Body>, RequestError> {
        let WaitingPoll { receiver, jsonp, encoding, cookie } = poll;
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
            Some(encoding) => Box::pin(self.compressor.compress(&payload, encoding)).await,
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
        Ok(response)
    }
}
