//! From a request to a session.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use engineio_proto::{
    CloseReason, Delivery, Encoded, JsonpIndex, Recipient, Request as Asked, RequestError, RequestHead, Sid, Transport,
    has_version, jsonp, open_packet,
};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::Body as HttpBody;
use hyper::upgrade::OnUpgrade;
use rand::RngExt;
use tokio::sync::oneshot;

use crate::application::{Application, Handshake, PeerAddr};
use crate::config::EngineConfig;
use crate::driver::{Driver, Start};
use crate::farewell::hang_up;
use crate::http::compression::{Encoding, compress, negotiate};
use crate::http::{
    Body, BodyError, CorsDecision, WebSocketRequest, close_connection, is_upgrade, read_body, respond, respond_empty,
};
use crate::link::{Link, PollAnswer, PostAnswer, Request as Wanted};
use crate::registry::{Entry, Registry};
use crate::stream;
use crate::tasks::Tasks;
use crate::websocket::WebSocket;

/// An Engine.IO server: answers HTTP requests, and runs a task for each session.
///
/// It is cheap to clone. [`Engine::call`] is the whole service: mount it in any hyper server, or use
/// [`serve`](crate::serve). It must be called within a tokio runtime.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

/// What requests and sessions share.
pub(crate) struct Shared {
    pub(crate) config: EngineConfig,
    pub(crate) registry: Registry,
    /// One for all sessions, framed once.
    pub(crate) ping: Encoded,
    pub(crate) probe_pong: Encoded,
    application: Box<dyn Application>,
    tasks: Tasks,
    is_closing: AtomicBool,
}

impl Engine {
    /// An engine that tells `application` about its sessions.
    pub fn new(config: EngineConfig, application: impl Application) -> Self {
        Self {
            shared: Arc::new(Shared {
                config,
                registry: Registry::default(),
                ping: Encoded::packet("2"),
                probe_pong: Encoded::packet("3probe"),
                application: Box::new(application),
                tasks: Tasks::default(),
                is_closing: AtomicBool::new(false),
            }),
        }
    }

    /// Whether a request with this path is the engine's.
    pub fn owns(&self, path: &str) -> bool {
        path.starts_with(&self.shared.config.path)
    }

    /// Answers one request. A path that is not the engine's gets a 404.
    ///
    /// The request is understood, and its session opened or told, by the call itself; the future is only for the
    /// answer.
    pub fn call<B: HttpBody>(&self, request: Request<B>) -> impl Future<Output = Response<Body>> + use<B> {
        let shared = Arc::clone(&self.shared);
        // A poll waits for most of a client's life: neither its headers, with hyper's read buffer behind them, nor
        // anything else of the request shall wait with it.
        let (step, tail) = shared.begin(request);
        async move {
            let answer = match step {
                Ok(Step::Done(response)) => Ok(response),
                Ok(Step::Poll(poll)) => shared.answer_poll(poll).await,
                Ok(Step::Post { link, is_jsonp, body }) => Box::pin(shared.post(link, is_jsonp, body)).await,
                Err(error) => Err(error),
            };
            shared.finish(answer, tail)
        }
    }

    /// The sessions open now.
    pub fn session_count(&self) -> usize {
        self.shared.registry.len()
    }

    /// Closes every session so that its client reconnects, here or elsewhere, and opens no more.
    pub fn close(&self) {
        self.shared.is_closing.store(true, Ordering::SeqCst);
        self.shared.registry.close_all(CloseReason::Shutdown);
    }

    /// Waits until every session's task has ended.
    pub async fn drained(&self) {
        self.shared.tasks.idle().await;
    }
}

impl Shared {
    /// Reads a request's head, and does all that needs no waiting.
    fn begin<B>(self: &Arc<Self>, request: Request<B>) -> (Result<Step<B>, RequestError>, Tail) {
        let (mut parts, body) = request.into_parts();
        let cors = self.config.cors.as_ref();
        let tail = Tail { is_upgrade: is_upgrade(&parts.headers), cors: cors.map(|cors| cors.decide(&parts.headers)) };
        if !parts.uri.path().starts_with(&self.config.path) {
            return (Ok(Step::Done(respond_empty(StatusCode::NOT_FOUND))), Tail { cors: None, ..tail });
        }
        if let Some(preflight) = cors.and_then(|cors| cors.preflight(&parts.method, &parts.headers)) {
            return (Ok(Step::Done(preflight)), Tail { cors: None, ..tail });
        }
        (self.route(&mut parts, body), tail)
    }

    /// Turns what came of a request into its answer.
    fn finish(&self, answer: Result<Response<Body>, RequestError>, tail: Tail) -> Response<Body> {
        let mut response = answer.unwrap_or_else(|error| {
            tracing::debug!(code = error.code(), message = error.message(), "request refused");
            refuse(&error, tail.is_upgrade)
        });
        if let (Some(cors), Some(decision)) = (&self.config.cors, tail.cors) {
            cors.write(decision, response.headers_mut());
        }
        response
    }

    /// Decides on a request, and does what can be done at once.
    fn route<B>(self: &Arc<Self>, parts: &mut Parts, body: B) -> Result<Step<B>, RequestError> {
        let query = parts.uri.query().unwrap_or_default();
        let is_upgrade = is_upgrade(&parts.headers);
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
                .accept_websocket(parts, move |websocket, _| {
                    hang_up(websocket);
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
            tracing::warn!("session refused: too many, or shutting down");
            return Ok(Step::Done(close_connection(respond_empty(StatusCode::SERVICE_UNAVAILABLE))));
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

    async fn answer_poll(&self, poll: WaitingPoll) -> Result<Response<Body>, RequestError> {
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
        Ok(response)
    }

    async fn post<B: HttpBody>(
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

    fn upgrade(self: &Arc<Self>, link: Arc<Link>, parts: &mut Parts) -> Result<Response<Body>, RequestError> {
        if !self.config.allow_upgrades {
            return Err(RequestError::BadRequest);
        }
        self.accept_websocket(parts, move |websocket, _| {
            if let Err(Wanted::Candidate(websocket)) = link.request(Wanted::Candidate(Box::new(websocket))) {
                hang_up(*websocket);
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

    /// A little less than a tenth of the time a client gives us, so that the first pings of a crowd that came at
    /// once spread out.
    pub(crate) fn jitter(&self) -> Duration {
        let session = &self.config.session;
        let most = session.ping_interval.min(session.ping_timeout) / 10;
        most.mul_f32(rand::rng().random_range(0.0..1.0))
    }

    /// Opens a session and starts its task.
    fn open(self: &Arc<Self>, handshake: Handshake, start: Start, upgrades: &[Transport]) -> Sid {
        let sid = Sid::from_random(rand::rng().random());
        let link = Arc::new(Link::new(self.config.outbox_bytes_max));
        link.queue(&open_packet(&sid, upgrades, &self.config.session), Delivery::Reliable);
        let address = handshake.address;
        let handshake = self.keep(handshake);
        // Before the session is entered anywhere: should the application panic, nothing is left of it.
        let connection = self.application.open(handshake, Arc::clone(&link));
        let transport = match start {
            Start::Poll(_) => Transport::Polling,
            Start::WebSocket(_) => Transport::WebSocket,
        };
        self.registry.insert(sid, Arc::clone(&link), transport);
        if self.is_closing.load(Ordering::SeqCst) {
            // It slipped in behind `close_all`.
            link.close(CloseReason::Shutdown);
        }
        let driver = Box::new(Driver::new(Arc::clone(self), sid, address, link, connection, start));
        tokio::spawn(driver.run(self.tasks.begin()));
        sid
    }

    /// The handshake in memory of its own: as it came, it would keep hyper's whole read buffer.
    fn keep(&self, handshake: Handshake) -> Handshake {
        let Handshake { address, headers, uri, time } = handshake;
        let uri = uri.to_string().parse().unwrap_or(uri);
        Handshake { address, headers: self.config.headers_kept.pick(&headers), uri, time }
    }

    fn is_full(&self) -> bool {
        self.is_closing.load(Ordering::SeqCst) || self.registry.len() >= self.config.sessions_max
    }
}

/// How a request goes on once its head is understood.
enum Step<B> {
    Done(Response<Body>),
    Poll(WaitingPoll),
    Post { link: Arc<Link>, is_jsonp: bool, body: B },
}

/// What the end of an answer must know of its request.
#[derive(Clone, Copy)]
struct Tail {
    is_upgrade: bool,
    cors: Option<CorsDecision>,
}

/// A poll that the session will answer, and how.
struct WaitingPoll {
    receiver: oneshot::Receiver<PollAnswer>,
    jsonp: Option<JsonpIndex>,
    /// What the client accepts, should it come to that.
    encoding: Option<Encoding>,
    /// Of a session's first answer.
    cookie: Option<HeaderValue>,
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

fn refuse(error: &RequestError, is_upgrade: bool) -> Response<Body> {
    if is_upgrade {
        // A browser shows none of it; the reference answers like this, whatever the code.
        return close_connection(respond(StatusCode::BAD_REQUEST, "text/html", error.message().to_owned()));
    }
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    respond(status, "application/json", error.to_json())
}

/// The reference answers 500, as if it were its own fault.
fn method_not_allowed() -> Response<Body> {
    let mut response = respond_empty(StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
    response
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("config", &self.shared.config).finish_non_exhaustive()
    }
}
