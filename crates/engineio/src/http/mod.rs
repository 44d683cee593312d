//! The HTTP around sessions: bodies, headers, compression, and who may.

mod body;
pub mod compression;
mod compressor;
mod cookie;
mod cors;
mod cors_origins;
mod forwarded;
mod origin;
mod response_body;
mod trusted_proxies;
mod upgrade;

pub(crate) use body::{BodyError, BodyLimits, BodyReader};
pub(crate) use compressor::Compressor;
pub use cookie::{CookieConfig, SameSite};
pub use cors::CorsConfig;
pub(crate) use cors::CorsDecision;
pub use cors_origins::CorsOrigins;
pub(crate) use forwarded::client_address;
pub use origin::OriginConfig;
pub use response_body::{Body, HungUp};
pub use trusted_proxies::{AddressBlock, InvalidAddressBlock, TrustedProxies, TrustedProxy};
pub(crate) use upgrade::{WebSocketRequest, is_upgrade};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

/// An answer with a body.
pub(crate) fn respond(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// An answer without one.
pub(crate) fn respond_empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = status;
    response
}

/// Asks for the connection to be closed behind the answer.
pub(crate) fn close_connection<B>(mut response: Response<B>) -> Response<B> {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// No answer: the connection just ends. Our own listener sees the mark and closes it without a word; under another server
/// the body breaks off.
pub(crate) fn hang_up_response() -> Response<Body> {
    let mut response = Response::new(Body::broken());
    response.extensions_mut().insert(HungUp);
    response
}

/// Asks everyone on the way not to keep the answer.
pub(crate) fn no_store(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
