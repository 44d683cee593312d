//! The HTTP around sessions: bodies, headers, compression, and who may.

mod body;
pub mod compression;
mod compressor;
mod cookie;
mod cors;
mod origin;
mod trusted_proxies;
mod upgrade;

pub(crate) use body::{BodyError, BodyLimits, BodyReader};
pub(crate) use compressor::Compressor;
pub use cookie::{CookieConfig, SameSite};
pub(crate) use cors::CorsDecision;
pub use cors::{CorsConfig, CorsOrigins};
pub use origin::OriginConfig;
pub use trusted_proxies::{AddressBlock, InvalidAddressBlock, TrustedProxies};
pub(crate) use upgrade::{WebSocketRequest, is_upgrade};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

/// The body of the engine's answers: always whole, so that its length is known.
pub type Body = Full<Bytes>;

/// An answer with a body.
pub(crate) fn respond(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// An answer without one.
pub(crate) fn respond_empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

/// Asks for the connection to be closed behind the answer.
pub(crate) fn close_connection<B>(mut response: Response<B>) -> Response<B> {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Asks everyone on the way not to keep the answer.
pub(crate) fn no_store(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
