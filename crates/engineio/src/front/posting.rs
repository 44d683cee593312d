//! Taking posts.

use std::sync::Arc;

use bytes::Bytes;
use engineio_proto::{RequestError, jsonp};
use http::{Response, StatusCode};
use http_body::Body as HttpBody;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::config::EngineConfig;
use crate::http::{Body, BodyError, BodyLimits, BodyReader, close_connection, no_store, respond, respond_empty};
use crate::session::link::{Link, NoSession, PostAnswer, SessionRequest};

/// A post that the session was told of.
///
/// It is dropped before its end when its connection closes: hyper forgets a request, begun or not, as soon as it sees the
/// end of the connection. A client that closes behind its last byte has said all, and waits for nothing: what came whole
/// is handled. Of any other post the session hears that the client went away.
pub(crate) struct Posting<B: HttpBody> {
    /// Gone once the session was told what became of the post.
    link: Option<Arc<Link>>,
    is_jsonp: bool,
    body: BodyReader<B>,
    /// Where the session says whether the body may be read, until it has said so.
    answer: Option<oneshot::Receiver<PostAnswer>>,
}

impl<B: HttpBody> Posting<B> {
    /// Asks the session to take a post.
    pub(crate) fn begin(link: Arc<Link>, is_jsonp: bool, body: B, config: &EngineConfig) -> Result<Self, RequestError> {
        let (sender, answer) = oneshot::channel();
        let bytes_max = link.post(sender).map_err(|NoSession| RequestError::SessionUnknown)?;
        let limits = BodyLimits { bytes_max, stall_max: config.body_stall_max, timeout: config.body_timeout };
        Ok(Self { link: Some(link), is_jsonp, body: BodyReader::new(body, limits), answer: Some(answer) })
    }

    /// Reads the body, hands it to the session, and answers when that has handled it.
    pub(crate) async fn answer(mut self) -> Result<Response<Body>, RequestError> {
        let Some(answer) = &mut self.answer else { return Ok(ok()) };
        let answer = answer.await;
        self.answer = None;
        let ended = match answer.map_err(|_| RequestError::SessionUnknown)? {
            PostAnswer::ReadBody { ended } => ended,
            PostAnswer::Refused => {
                self.link = None;
                return Ok(respond_empty(StatusCode::BAD_REQUEST));
            }
        };
        let body = tokio::select! {
            body = self.body.read() => body,
            _ = ended => Err(BodyError::Aborted),
        };
        match body {
            Ok(body) => {
                if let Some(handled) = self.link.take().and_then(|link| deliver(&link, body, self.is_jsonp)) {
                    // An error: the session is gone, after or before it saw the packets. The reference says ok, too.
                    let _ = handled.await;
                }
                Ok(ok())
            }
            Err(BodyError::TooLarge) => {
                if let Some(link) = self.link.take() {
                    let _ = link.request(SessionRequest::PostRefused);
                }
                Ok(close_connection(respond_empty(StatusCode::PAYLOAD_TOO_LARGE)))
            }
            Err(BodyError::TooSlow) => Ok(close_connection(respond_empty(StatusCode::REQUEST_TIMEOUT))),
            Err(BodyError::Aborted) => Ok(close_connection(respond_empty(StatusCode::BAD_REQUEST))),
        }
    }
}

impl<B: HttpBody> Drop for Posting<B> {
    fn drop(&mut self) {
        let Some(link) = self.link.take() else { return };
        let Some(body) = self.body.read_now() else {
            // Also if the session has not yet answered: it will see that nobody waits for that.
            if self.answer.is_none() {
                let _ = link.request(SessionRequest::PostAborted);
            }
            return;
        };
        let is_jsonp = self.is_jsonp;
        match (self.answer.take(), Handle::try_current()) {
            (None, _) => {
                deliver(&link, body, is_jsonp);
            }
            (Some(answer), Ok(runtime)) => {
                runtime.spawn(async move {
                    if let Ok(PostAnswer::ReadBody { .. }) = answer.await {
                        deliver(&link, body, is_jsonp);
                    }
                });
            }
            // The runtime is going, and the session with it.
            (Some(_), Err(_)) => {}
        }
    }
}

/// Hands a body to the session, and gives what tells when it is handled.
fn deliver(link: &Link, body: Bytes, is_jsonp: bool) -> Option<oneshot::Receiver<()>> {
    let body = if is_jsonp { jsonp::decode(&body) } else { Some(body) };
    let Some(body) = body else {
        // A form without a payload delivers nothing, as in the reference.
        let _ = link.request(SessionRequest::PostRefused);
        return None;
    };
    let (sender, handled) = oneshot::channel();
    link.request(SessionRequest::PostBody(body, sender)).ok()?;
    Some(handled)
}

/// The answer to a post. As HTML, because some browsers offer plain text for download.
fn ok() -> Response<Body> {
    no_store(respond(StatusCode::OK, "text/html", "ok"))
}
