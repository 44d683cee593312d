//! What a request asks for, and what can be done about it at once.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use engineio_proto::{
    CloseReason, EngineRequest, JsonpIndex, Recipient, RequestError, RequestHead, Transport, has_version,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header};
use http_body::Body as HttpBody;
use hyper::upgrade::OnUpgrade;

use crate::application::Handshake;
use crate::config::EngineConfig;
use crate::front::polling::{Coding, First, Manner, PollRequest, add};
use crate::front::posting::Posting;
use crate::front::refusals::Cause;
use crate::http::{
    Body, CorsDecision, TrustedProxies, WebSocketRequest, client_address, close_connection, hang_up_response,
    is_upgrade, respond, respond_empty,
};
use crate::peer::Peer;
use crate::session::driver::Start;
use crate::session::link::{Link, NoSession, Polled, SessionRequest, WaitingPoll};
use crate::session::number;
use crate::session::open::open;
use crate::session::registry::Entry;
use crate::session::seats::Seat;
use crate::settings::Settings;
use crate::shared::Shared;
use crate::transport::farewell::hang_up;
use crate::transport::upgraded;
use crate::transport::websocket::WebSocket;
use crate::verdict::Verdict;

/// How a request goes on once its head is understood.
pub(crate) enum Step<B: HttpBody> {
    Done(Box<Response<Body>>),
    Poll(PollRequest),
    Post(Box<Posting<B>>),
    Decide(Box<Undecided>),
}

impl<B: HttpBody> Step<B> {
    /// Behind a pointer: it is the largest of the steps, and most of them are polls.
    fn done(response: Response<Body>) -> Self {
        Self::Done(Box::new(response))
    }
}

/// A handshake that the application decides about, with all that is needed once it has.
pub(crate) struct Undecided {
    decision: Verdict,
    handshake: Handshake,
    parts: Parts,
    transport: Transport,
    jsonp: Option<JsonpIndex>,
}

/// What became of a handshake that was decided about.
enum Judged {
    Answered(Response<Body>),
    Polls(PollRequest),
}

impl<B: HttpBody> From<Judged> for Step<B> {
    fn from(judged: Judged) -> Self {
        match judged {
            Judged::Answered(response) => Self::Done(Box::new(response)),
            Judged::Polls(poll) => Self::Poll(poll),
        }
    }
}

/// The client's address, by the word of the proxies that are trusted.
fn address_of(peer: Peer, headers: &HeaderMap, proxies: &TrustedProxies) -> Option<IpAddr> {
    client_address(peer.ip(), headers, proxies)
}

/// What the end of an answer must know of its request.
#[derive(Clone)]
pub(crate) struct Tail {
    /// Those that held when the request came.
    pub(crate) settings: Arc<Settings>,
    is_upgrade: bool,
    cors: Option<CorsDecision>,
    /// Whose request it is, where the log would say so.
    address: Option<IpAddr>,
}

impl Shared {
    /// Reads a request's head, and does all that needs no waiting.
    pub(crate) fn begin<B: HttpBody>(self: &Arc<Self>, request: Request<B>) -> (Result<Step<B>, RequestError>, Tail) {
        let (mut parts, body) = request.into_parts();
        let settings = self.settings.now();
        let decision = settings.config.cors.as_ref().map(|cors| cors.decide(&parts.headers));
        let is_logged = tracing::enabled!(tracing::Level::DEBUG);
        let peer = self.peer_source.peer(&parts.extensions);
        let address = is_logged.then(|| address_of(peer, &parts.headers, &settings.config.trusted_proxies)).flatten();
        let tail = Tail { settings, is_upgrade: is_upgrade(&parts.headers), cors: decision, address };
        let EngineConfig { cors, origin, trusted_proxies, .. } = &*tail.settings.config;
        if !parts.uri.path().starts_with(&self.path) {
            return (Ok(Step::done(respond_empty(StatusCode::NOT_FOUND))), Tail { cors: None, ..tail });
        }
        if let Some(preflight) = cors.as_ref().and_then(|cors| cors.preflight(&parts.method, &parts.headers)) {
            return (Ok(Step::done(preflight)), Tail { cors: None, ..tail });
        }
        let is_proxied = trusted_proxies.contain_peer(peer.ip());
        if !origin.admits(cors.as_ref(), &parts.headers, is_proxied) {
            self.refusals.note_stranger(address_of(peer, &parts.headers, trusted_proxies), &parts.headers);
            return (Err(RequestError::ForeignOrigin), tail);
        }
        (self.route(&mut parts, peer, body, &tail), tail)
    }

    /// Turns what came of a request into its answer.
    pub(crate) fn finish(&self, answer: Result<Response<Body>, RequestError>, tail: Tail) -> Response<Body> {
        if matches!(answer, Err(RequestError::SessionUnknown)) && self.refuses_new() {
            // It is not unknown, it just ended, and its client is to come back.
            return hang_up_response();
        }
        self.refusals.note(&answer, tail.address);
        let mut response = answer.unwrap_or_else(|error| refuse(&error, tail.is_upgrade));
        // Of a refused upgrade a browser shows nothing, whoever may read it; as in the reference.
        let is_read = !tail.is_upgrade || response.status() == StatusCode::SWITCHING_PROTOCOLS;
        if let (Some(cors), Some(decision)) = (&tail.settings.config.cors, tail.cors.filter(|_| is_read)) {
            cors.write(decision, response.headers_mut());
        }
        response
    }

    /// Decides on a request, and does what can be done at once.
    fn route<B: HttpBody>(
        self: &Arc<Self>,
        parts: &mut Parts,
        peer: Peer,
        body: B,
        Tail { settings, is_upgrade, .. }: &Tail,
    ) -> Result<Step<B>, RequestError> {
        let query = parts.uri.query().unwrap_or_default();
        let head = RequestHead { method: parts.method.as_str(), query, is_upgrade: *is_upgrade };
        let mut found = None;
        let asked = EngineRequest::parse(head, &settings.config.transports, |sid| {
            found = self.registry.get(sid);
            found.as_ref().map(|entry| entry.transport)
        })?;
        let link = found.map(|Entry { link, .. }| link).ok_or(RequestError::SessionUnknown);
        match asked {
            EngineRequest::Open { transport, jsonp } => self.open_session(parts, peer, transport, jsonp, settings),
            EngineRequest::Poll { jsonp, .. } => {
                let polled = link?.poll().map_err(|NoSession| RequestError::SessionUnknown)?;
                let coding = Coding::negotiate(&parts.headers, &settings.config);
                Ok(Step::Poll(PollRequest { polled, manner: Manner { jsonp, coding, first: None } }))
            }
            EngineRequest::Post { is_jsonp, .. } => {
                let link = link?;
                if parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/octet-stream") {
                    // The binary payloads of version 3. The reference closes the session too.
                    link.close(CloseReason::ParseError);
                    return Ok(Step::done(respond_empty(StatusCode::BAD_REQUEST)));
                }
                Ok(Step::Post(Box::new(Posting::begin(link, is_jsonp, body, &settings.config)?)))
            }
            EngineRequest::Upgrade { .. } => self.upgrade(link?, parts, settings).map(Step::done),
            EngineRequest::Pointless => {
                let (upgrade, bytes_max) = (parts.extensions.remove(), settings.config.session.max_payload_bytes);
                self.accept_websocket((parts, upgrade), settings, bytes_max, move |websocket, shared, _| {
                    hang_up(websocket, shared, None);
                })
                .map(Step::done)
            }
            EngineRequest::WrongMethod => Ok(Step::done(method_not_allowed())),
        }
    }

    fn open_session<B: HttpBody>(
        self: &Arc<Self>,
        parts: &mut Parts,
        peer: Peer,
        transport: Transport,
        jsonp: Option<JsonpIndex>,
        settings: &Arc<Settings>,
    ) -> Result<Step<B>, RequestError> {
        if peer == Peer::Forgotten {
            self.refusals.note_forgotten_peer();
            return Ok(Step::done(respond(StatusCode::INTERNAL_SERVER_ERROR, "text/html", PEER_FORGOTTEN)));
        }
        if self.refuses_new() {
            // The application is not asked about somebody who is not let in.
            return Ok(Step::done(not_now(StatusCode::SERVICE_UNAVAILABLE, RETRY_AFTER)));
        }
        let handshake = Handshake {
            connection: number::next(),
            peer: peer.address(),
            address: address_of(peer, &parts.headers, &settings.config.trusted_proxies),
            transport,
            headers: Arc::new(parts.headers.clone()),
            uri: Arc::new(parts.uri.clone()),
            extensions: std::mem::take(&mut parts.extensions),
            time: SystemTime::now(),
        };
        // All of them may count for the decision; what is kept of them is a matter of memory.
        match self.application.accept(&handshake) {
            decision @ Verdict::Pending(_) => {
                let parts = std::mem::replace(parts, Request::new(()).into_parts().0);
                Ok(Step::Decide(Box::new(Undecided { decision, handshake, parts, transport, jsonp })))
            }
            verdict => self.judge(verdict, handshake, parts, transport, jsonp, settings).map(Step::from),
        }
    }

    /// Waits for the application's decision, and then for what follows from it.
    pub(crate) async fn decide(
        self: &Arc<Self>,
        undecided: Undecided,
        settings: &Arc<Settings>,
    ) -> Result<Response<Body>, RequestError> {
        let Undecided { decision, handshake, mut parts, transport, jsonp } = undecided;
        let verdict = decision.decided(settings.config.handshake_timeout).await;
        let judged = self.judge(verdict, handshake, &mut parts, transport, jsonp, settings)?;
        drop(parts);
        match judged {
            Judged::Answered(response) => Ok(response),
            Judged::Polls(poll) => self.answer_poll(poll).await,
        }
    }

    /// Opens a session, or does not.
    fn judge(
        self: &Arc<Self>,
        verdict: Verdict,
        mut handshake: Handshake,
        parts: &mut Parts,
        transport: Transport,
        jsonp: Option<JsonpIndex>,
        settings: &Arc<Settings>,
    ) -> Result<Judged, RequestError> {
        let (headers, guard) = match verdict {
            Verdict::Accept { headers, guard } => {
                (Some(headers).filter(|headers| !headers.is_empty()).map(Box::new), guard)
            }
            Verdict::Forbid { message } => return Err(RequestError::Forbidden(message)),
            Verdict::TooMany { retry_after } => {
                return Ok(Judged::Answered(not_now(StatusCode::TOO_MANY_REQUESTS, retry_after)));
            }
            Verdict::Unavailable { retry_after } => {
                return Ok(Judged::Answered(not_now(StatusCode::SERVICE_UNAVAILABLE, retry_after)));
            }
            // Only what is decided gets here.
            Verdict::Pending(_) => return Err(RequestError::BadRequest),
        };
        if !has_version(parts.uri.query().unwrap_or_default()) {
            return Err(RequestError::UnsupportedVersion);
        }
        if self.refuses_new() {
            // While it was decided about.
            return Ok(Judged::Answered(not_now(StatusCode::SERVICE_UNAVAILABLE, RETRY_AFTER)));
        }
        let Some(seat) = self.seats.take() else {
            return Ok(Judged::Answered(full()));
        };
        let seat = seat.with(guard);
        match transport {
            Transport::Polling => {
                let coding = Coding::negotiate(&parts.headers, &settings.config);
                Ok(Judged::Polls(self.open_polling(handshake, (jsonp, coding), headers, seat, settings)))
            }
            Transport::WebSocket => {
                let bytes_max = settings.config.session.max_payload_bytes;
                // All extensions are the handshake's by now.
                let upgrade = handshake.extensions.remove();
                let mut response = self.accept_websocket(
                    (parts, upgrade),
                    settings,
                    bytes_max,
                    move |websocket, shared, settings| {
                        open(shared, handshake, Start::WebSocket(Box::new(websocket)), &[], seat, settings);
                    },
                )?;
                add(headers, response.headers_mut());
                Ok(Judged::Answered(response))
            }
        }
    }

    fn open_polling(
        self: &Arc<Self>,
        handshake: Handshake,
        (jsonp, coding): (Option<JsonpIndex>, Option<Coding>),
        headers: Option<Box<HeaderMap>>,
        seat: Seat,
        settings: &Settings,
    ) -> PollRequest {
        let config = &settings.config;
        let upgrades: &[Transport] = if config.allow_upgrades && config.transports.contains(&Transport::WebSocket) {
            &[Transport::WebSocket]
        } else {
            &[]
        };
        // The request that opens a session is its first poll.
        let (sender, waiting) = WaitingPoll::new();
        let sid = open(self, handshake, Start::Poll(sender), upgrades, seat, settings);
        let cookie = config.cookie.as_ref().and_then(|cookie| cookie.header(&sid));
        let first = (cookie.is_some() || headers.is_some()).then(|| Box::new(First { cookie, headers }));
        PollRequest { polled: Polled::Waits(waiting), manner: Manner { jsonp, coding, first } }
    }

    fn upgrade(
        self: &Arc<Self>,
        link: Arc<Link>,
        parts: &mut Parts,
        settings: &Arc<Settings>,
    ) -> Result<Response<Body>, RequestError> {
        if !settings.config.allow_upgrades {
            return Err(RequestError::BadRequest);
        }
        let (upgrade, bytes_max) = (parts.extensions.remove(), link.payload_bytes_max());
        self.accept_websocket((parts, upgrade), settings, bytes_max, move |websocket, shared, _| {
            if let Err(SessionRequest::Candidate(websocket)) =
                link.request(SessionRequest::Candidate(Box::new(websocket)))
            {
                hang_up(*websocket, shared, None);
            }
        })
    }

    /// Answers 101, and hands the WebSocket, of which no message is longer than `bytes_max`, to `then` once the connection is
    /// ours.
    fn accept_websocket(
        self: &Arc<Self>,
        (parts, upgrade): (&Parts, Option<OnUpgrade>),
        settings: &Arc<Settings>,
        bytes_max: usize,
        then: impl FnOnce(WebSocket, &Arc<Shared>, &Settings) + Send + 'static,
    ) -> Result<Response<Body>, RequestError> {
        let request = match WebSocketRequest::parse(&parts.method, &parts.headers) {
            Ok(request) => request,
            Err(error) => return Ok(close_connection(respond(error.status(), "text/html", error.message()))),
        };
        // Missing when the service runs under something that cannot give its connection away.
        let Some(upgrade) = upgrade else {
            if parts.version == Version::HTTP_10 {
                // hyper does not, for it; the head did not come in one piece, or not by our own listener.
                self.refusals.note_old_proxy();
                return Ok(close_connection(respond(StatusCode::BAD_REQUEST, "text/html", UPGRADE_BY_OLD_HTTP)));
            }
            return Err(RequestError::BadRequest);
        };
        let (shared, settings) = (Arc::clone(self), Arc::clone(settings));
        let running = shared.tasks.begin();
        tokio::spawn(async move {
            let upgraded = tokio::time::timeout(settings.config.session.upgrade_timeout, upgrade).await;
            if let Ok(Ok(upgraded)) = upgraded {
                then(upgraded::websocket(upgraded, bytes_max), &shared, &settings);
            }
            drop(running);
        });
        Ok(request.response())
    }
}

/// A temporary refusal, whatever the transport: clients come back, and so do those in a browser that see no status.
fn not_now(status: StatusCode, retry_after: Duration) -> Response<Body> {
    let mut response = close_connection(respond_empty(status));
    // Whole seconds, and none too few: at least one, or it would ask to come back at once.
    let seconds = retry_after.as_secs().saturating_add(u64::from(retry_after.subsec_nanos() > 0));
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    response.extensions_mut().insert(Cause(match status {
        StatusCode::TOO_MANY_REQUESTS => "too_many",
        _ => "unavailable",
    }));
    response
}

fn refuse(error: &RequestError, is_upgrade: bool) -> Response<Body> {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    if is_upgrade {
        // A browser shows none of it; the reference answers like this, whatever the code.
        let status = if *error == RequestError::ForeignOrigin { status } else { StatusCode::BAD_REQUEST };
        return close_connection(respond(status, "text/html", error.message().to_owned()));
    }
    respond(status, "application/json", error.to_json())
}

/// A client tries again, here or elsewhere.
fn full() -> Response<Body> {
    let mut response = close_connection(respond_empty(StatusCode::SERVICE_UNAVAILABLE));
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER.as_secs()));
    response
}

/// Whoever mounted the server sees it at the first client.
const PEER_FORGOTTEN: &str = "The server was not told its peer's address: see its log";

/// Clients that heed it come back about as fast as those that do not.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Whoever reads it, in a browser's tools or in a log, runs a proxy that can do better.
const UPGRADE_BY_OLD_HTTP: &str = "No WebSocket by HTTP/1.0 (nginx: proxy_http_version 1.1)";

/// The reference answers 500, as if it were its own fault.
fn method_not_allowed() -> Response<Body> {
    let mut response = respond_empty(StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
    response
}
