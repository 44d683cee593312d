//! The HTTP around sessions: bodies, headers, compression.

mod body;
pub mod compression;
mod cookie;
mod cors;
mod upgrade;

pub(crate) use body::{BodyError, read_body};
pub use cookie::{CookieConfig, SameSite};
pub(crate) use cors::CorsDecision;
pub use cors::{CorsConfig, CorsOrigins};
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
pub(crate) fn close_connection(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
