//! Counting the requests that were refused.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use engineio_proto::RequestError;
use http::header::{HOST, HeaderName, ORIGIN};
use http::{HeaderMap, Response, StatusCode};

use crate::log_limit::LogLimit;

/// How many requests were refused, by why. Sessions that ended are counted by those who own them.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    counts: Mutex<BTreeMap<&'static str, u64>>,
    strangers: LogLimit,
    old_proxies: LogLimit,
    forgotten_peers: LogLimit,
}

/// In an answer's extensions: why it is a refusal, where its status does not say.
#[derive(Clone, Copy)]
pub(crate) struct Cause(pub(crate) &'static str);

impl Refusals {
    /// Counts an answer if it is a refusal, and says so in the log: at debug, since anybody can make us refuse.
    pub(crate) fn note<B>(&self, answer: &Result<Response<B>, RequestError>, address: Option<IpAddr>) {
        let label = match answer {
            Ok(response) => match response.extensions().get::<Cause>() {
                Some(Cause(label)) => label,
                None => match label_of(response.status()) {
                    Some(label) => label,
                    None => return,
                },
            },
            Err(error) => error.label(),
        };
        debug_assert!(REFUSALS.contains(&label), "{label} is not on the list");
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner).entry(label).or_default() += 1;
        let why = answer.as_ref().err().map(RequestError::message);
        tracing::debug!(address = address.map(tracing::field::display), code = label, why, "request refused");
    }

    /// Tells the log of a page that may not: whoever wrote the page, or runs the server, looks for the reason there.
    pub(crate) fn note_stranger(&self, address: Option<IpAddr>, headers: &HeaderMap) {
        let Some(left_out) = self.strangers.pass() else { return };
        let (origin, host) = (shown(headers, ORIGIN), shown(headers, HOST));
        tracing::warn!(
            address = address.map(tracing::field::display),
            origin,
            host,
            left_out,
            "request refused: cors.origins does not have this page's origin, nor is it of this host"
        );
    }

    /// Tells the log that clients ask for WebSockets and cannot get them: those that have another way take it, and nobody
    /// would notice.
    pub(crate) fn note_old_proxy(&self) {
        let Some(left_out) = self.old_proxies.pass() else { return };
        tracing::warn!(
            left_out,
            "request refused: an upgrade to WebSocket by HTTP/1.0, as a proxy sends it (nginx: proxy_http_version 1.1)"
        );
    }

    /// Tells the log that the engine is mounted where nobody says who its clients are: a mistake of the program's, that it
    /// would find when limits hold for all clients together.
    pub(crate) fn note_forgotten_peer(&self) {
        let Some(left_out) = self.forgotten_peers.pass() else { return };
        tracing::error!(
            left_out,
            "handshake answered 500: the request has no PeerAddr, and no other extension is known to have the address"
        );
    }

    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Every cause there is.
pub(crate) const REFUSALS: [&str; 13] = [
    // Those of `RequestError`.
    "transport_unknown",
    "session_unknown",
    "bad_handshake_method",
    "bad_request",
    "forbidden",
    "foreign_origin",
    "unsupported_version",
    // Those of answers.
    "full",
    "too_many",
    "unavailable",
    "too_large",
    "body_timeout",
    "method_not_allowed",
];

/// A header as a log may show it: in printable ASCII, and not for long.
fn shown(headers: &HeaderMap, name: HeaderName) -> String {
    let value = headers.get(name).map_or(&[][..], |value| value.as_bytes());
    value.get(..SHOWN_MAX_BYTES).unwrap_or(value).escape_ascii().to_string()
}

const SHOWN_MAX_BYTES: usize = 256;

/// What the engine means by a status; the codes 0 to 5 have names of their own.
fn label_of(status: StatusCode) -> Option<&'static str> {
    Some(match status {
        StatusCode::SERVICE_UNAVAILABLE => "full",
        StatusCode::PAYLOAD_TOO_LARGE => "too_large",
        StatusCode::REQUEST_TIMEOUT => "body_timeout",
        StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
        // Somebody else's path.
        StatusCode::NOT_FOUND => return None,
        status if status.is_client_error() => "bad_request",
        _ => return None,
    })
}
