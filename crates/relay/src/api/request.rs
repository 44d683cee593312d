//! The body of a request, and an answer's.

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{StatusCode, header};
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;
use tokio::time::timeout;

use super::problem::Problem;

/// Reads a body of at most so many bytes to its end.
pub(crate) async fn body(body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    let too_large = || Problem::too_large(format!("a body has at most {bytes_max} bytes here"));
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(too_large());
    }
    match timeout(BODY_TIME_MAX, Limited::new(body, bytes_max).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Problem::invalid_request("the body broke off")),
        Err(_) => Err(Problem::too_slow()),
    }
}

/// What was done or found, as JSON.
pub(crate) fn json(said: &impl Serialize) -> Result<Bytes, Problem> {
    let mut text = serde_json::to_vec(said).map_err(|error| {
        tracing::error!(%error, "an answer of the API that cannot be written");
        Problem::internal()
    })?;
    text.push(b'\n');
    Ok(text.into())
}

/// An answer that is there.
pub(crate) fn answer(text: Bytes) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// How long a body may take.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);
