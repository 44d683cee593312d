//! What a request asks for, and what can be done about it at once.

use std::sync::Arc;
use std::time::SystemTime;

use engineio_proto::{
    CloseReason, JsonpIndex, Recipient, Request as Asked, RequestError, RequestHead, Transport, has_version,
};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use tokio::sync::oneshot;

use crate::application::{Handshake, PeerAddr};
use crate::driver::Start;
use crate::engine::Shared;
use crate::farewell::hang_up;
use crate::http::compression::{Encoding, negotiate};
use crate::http::{Body, CorsDecision, WebSocketRequest, close_connection, is_upgrade, respond, respond_empty};
use crate::link::{Link, PollAnswer, Request as Wanted};
use crate::registry::Entry;
use crate::stream;
use crate::websocket::WebSocket;

/// How a request goes on once its head is understood.
pub(crate) enum Step<B> {
    Done(Response<Body>),
    Poll(WaitingPoll),
    Post { link: Arc<Link>, is_jsonp: bool, body: B },
}

/// What the end of an answer must know of its request.
#[derive(Clone, Copy)]
pub(crate) struct Tail {
    is_upgrade: bool,
    cors: Option<CorsDecision>,
}

/// A poll that the session will answer, and how.
pub(crate) struct WaitingPoll {
    pub(crate) receiver: oneshot::Receiver<PollAnswer>,
    pub(crate) jsonp: Option<JsonpIndex>,
    /// What the client accepts, should it come to that.
    pub(crate) encoding: Option<Encoding>,
    /// Of a session's first answer.
    pub(crate) cookie: Option<HeaderValue>,
}

impl Shared {
    /// Reads a request's head, and does all that needs no waiting.
    pub(crate) fn begin<B>(self: &Arc<Self>, request: Request<B>) -> (Result<Step<B>, RequestError>, Tail) {
        let (mut parts, body) = request.into_parts();
        let cors = self.config.cors.as_ref();
        let tail = Tail { is_upgrade: is_upgrade(&parts.headers), cors: cors.map(|cors| cors.decide(&parts.headers)) };
        if !parts.uri.path().starts_with(&self.config.path) {
            return (Ok(Step::Done(respond_empty(StatusCode::NOT_FOUND))), Tail { cors: None, ..tail });
        }
        if let Some(preflight) = cors.and_then(|cors| cors.preflight(&parts.method, &parts.headers)) {
            return (Ok(Step::Done(preflight)), Tail { cors: None, ..tail });
        }
        (self.route(&mut parts, body, tail.is_upgrade), tail)
    }

    /// Turns what came of a request into its answer.
    pub(crate) fn finish(&self, answer: Result<Response<Body>, RequestError>, tail: Tail) -> Response<Body> {
        self.refusals.note(&answer);
        let mut response = answer.unwrap_or_else(|error| refuse(&error, tail.is_upgrade));
        if let (Some(cors), Some(decision)) = (&self.config.cors, tail.cors) {
            cors.write(decision, response.headers_mut());
        }
        response
    }

    /// Decides on a request, and does what can be done at once.
    fn route<B>(self: &Arc<Self>, parts: &mut Parts, body: B, is_upgrade: bool) -> Result<Step<B>, RequestError> {
        let query = parts.uri.query().unwrap_or_default();
        let head = RequestHead { method: parts.method.as_str(), query, is_upgrade };
        let mut found = None;
        let asked = Asked::parse(head, &self.config.transports, |sid| {
            found = self.registry.get(sid);
            found.as_ref().map(|entry| entry.transport)
        })?;
        let link = found.map(|Entry { link, .. }| link).ok_or(RequestError::SessionUnknown);
        match asked {
            Asked::Open { transport, jsonp } => self.open_session(parts, transport, jsonp),
            Asked::Poll { jsonp, .. } => {
                let (sender, receiver) = oneshot::channel();
                link?.request(Wanted::Poll(sender)).map_err(|_| RequestError::SessionUnknown)?;
                Ok(Step::Poll(WaitingPoll { receiver, jsonp, encoding: negotiate(&parts.headers), cookie: None }))
            }
            Asked::Post { is_jsonp, .. } => {
                let link = link?;
                if parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/octet-stream") {
                    // The binary payloads of version 3. The reference closes the session too.
                    link.close(CloseReason::ParseError);
                    return Ok(Step::Done(respond_empty(StatusCode::BAD_REQUEST)));
                }
                Ok(Step::Post { link, is_jsonp, body })
            }
            Asked::Upgrade { .. } => self.upgrade(link?, parts).map(Step::Done),
            Asked::Pointless => self
                .accept_websocket(parts, move |websocket, shared| {
                    hang_up(websocket, &shared.tasks);
                })
                .map(Step::Done),
            Asked::WrongMethod => Ok(Step::Done(method_not_allowed())),
        }
    }

    fn open_session<B>(
        self: &Arc<Self>,
        parts: &mut Parts,
        transport: Transport,
        jsonp: Option<JsonpIndex>,
    ) -> Result<Step<B>, RequestError> {
        let handshake = Handshake {
            address: parts.extensions.get::<PeerAddr>().map(|peer| peer.0),
            headers: parts.headers.clone(),
            uri: parts.uri.clone(),
            time: SystemTime::now(),
        };
        // All of them may count for the decision; what is kept of them is a matter of memory.
        self.application.accept(&handshake).map_err(RequestError::Forbidden)?;
        if !has_version(parts.uri.query().unwrap_or_default()) {
            return Err(RequestError::UnsupportedVersion);
        }
        if self.is_full() {
            return Ok(Step::Done(full()));
        }
        match transport {
            Transport::Polling => {
                let encoding = negotiate(&parts.headers);
                Ok(Step::Poll(self.open_polling(handshake, jsonp, encoding)))
            }
            Transport::WebSocket => self
                .accept_websocket(parts, move |websocket, shared| {
                    shared.open(handshake, Start::WebSocket(Box::new(websocket)), &[]);
                })
                .map(Step::Done),
        }
    }

    fn open_polling(
        self: &Arc<Self>,
        handshake: Handshake,
        jsonp: Option<JsonpIndex>,
        encoding: Option<Encoding>,
    ) -> WaitingPoll {
        let config = &self.config;
        let upgrades: &[Transport] = if config.allow_upgrades && config.transports.contains(&Transport::WebSocket) {
            &[Transport::WebSocket]
        } else {
            &[]
        };
        // The request that opens a session is its first poll.
        let (sender, receiver) = oneshot::channel();
        let sid = self.open(handshake, Start::Poll(sender), upgrades);
        let cookie = config.cookie.as_ref().and_then(|cookie| cookie.header(&sid));
        WaitingPoll { receiver, jsonp, encoding, cookie }
    }

    fn upgrade(self: &Arc<Self>, link: Arc<Link>, parts: &mut Parts) -> Result<Response<Body>, RequestError> {
        if !self.config.allow_upgrades {
            return Err(RequestError::BadRequest);
        }
        self.accept_websocket(parts, move |websocket, shared| {
            if let Err(Wanted::Candidate(websocket)) = link.request(Wanted::Candidate(Box::new(websocket))) {
                hang_up(*websocket, &shared.tasks);
            }
        })
    }

    /// Answers 101, and hands the WebSocket to `then` once the connection is ours.
    fn accept_websocket(
        self: &Arc<Self>,
        parts: &mut Parts,
        then: impl FnOnce(WebSocket, &Arc<Shared>) + Send + 'static,
    ) -> Result<Response<Body>, RequestError> {
        let request = match WebSocketRequest::parse(&parts.method, &parts.headers) {
            Ok(request) => request,
            Err(error) => return Ok(close_connection(respond(error.status(), "text/html", error.message()))),
        };
        // Missing when the service runs under something that cannot give its connection away.
        let upgrade = parts.extensions.remove::<OnUpgrade>().ok_or(RequestError::BadRequest)?;
        let shared = Arc::clone(self);
        let running = shared.tasks.begin();
        tokio::spawn(async move {
            let config = &shared.config.session;
            let upgraded = tokio::time::timeout(config.upgrade_timeout, upgrade).await;
            if let Ok(Ok(upgraded)) = upgraded {
                then(stream::websocket(upgraded, config.max_payload_bytes), &shared);
            }
            drop(running);
        });
        Ok(request.response())
    }
}

fn refuse(error: &RequestError, is_upgrade: bool) -> Response<Body> {
    if is_upgrade {
        // A browser shows none of it; the reference answers like this, whatever the code.
        return close_connection(respond(StatusCode::BAD_REQUEST, "text/html", error.message().to_owned()));
    }
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    respond(status, "application/json", error.to_json())
}

/// A client tries again, here or elsewhere.
fn full() -> Response<Body> {
    let mut response = close_connection(respond_empty(StatusCode::SERVICE_UNAVAILABLE));
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

/// The reference answers 500, as if it were its own fault.
fn method_not_allowed() -> Response<Body> {
    let mut response = respond_empty(StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
    response
}
