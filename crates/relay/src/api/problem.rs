//! What is wrong with a request, for a program and for whoever reads its log (RFC 9457).

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoResponses, ToSchema};

use super::config::Deed;

/// Why something was not done. Nothing of it was, then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    status: StatusCode,
    pub(crate) code: &'static str,
    detail: String,
    field: Option<String>,
    retry_after_s: Option<u16>,
}

/// `application/problem+json`
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Said<'a> {
    /// `about:blank`: what there is to know is the code.
    r#type: &'static str,
    /// The status in words.
    title: &'static str,
    status: u16,
    /// A constant word for a program.
    code: &'static str,
    /// Words for whoever reads.
    detail: &'a str,
    /// Where in the request it is, such as `items[3].event`; of the query and the path by the name of the parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

/// That an answer is a problem, for who counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refused(pub(crate) &'static str);

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), field: None, retry_after_s: None }
    }

    /// It is in this field.
    pub(crate) fn in_field(self, field: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..self }
    }

    pub(crate) fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::invalid_request(detail).in_field(field)
    }

    pub(crate) fn invalid_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", detail)
    }

    pub(crate) fn unauthorized() -> Self {
        let detail = "expected the header `Authorization: Bearer KEY` with a key of this relay";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    /// The key is not for that.
    pub(crate) fn may_not(deed: Deed) -> Self {
        let detail = format!("this key may not {}: its `may` does not name it", deed.word());
        Self::new(StatusCode::FORBIDDEN, "key_scope", detail)
    }

    /// The key is for others.
    pub(crate) fn out_of_scope(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "key_scope", detail).in_field(field)
    }

    pub(crate) fn unknown_namespace(field: impl Into<String>, name: &str) -> Self {
        let detail = format!("there is no namespace {name:?}");
        Self::new(StatusCode::NOT_FOUND, "unknown_namespace", detail).in_field(field)
    }

    pub(crate) fn unknown_socket() -> Self {
        Self::new(StatusCode::NOT_FOUND, "unknown_socket", "nobody with this id is connected").in_field("id")
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path")
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path has other methods")
    }

    pub(crate) fn other_request() -> Self {
        let detail = "this key came before with another request: its answer would be of that one";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail).in_field("Idempotency-Key")
    }

    pub(crate) fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "the body did not come in time")
    }

    pub(crate) fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
    }

    pub(crate) fn congested(detail: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "congested", detail);
        Self { retry_after_s: Some(1), ..problem }
    }

    pub(crate) fn draining() -> Self {
        let detail = "this relay is sending its clients elsewhere: ask one that stays";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "draining", detail);
        Self { retry_after_s: Some(5), ..problem }
    }

    /// It means the whole cluster, of which this node cannot be one now.
    pub(crate) fn cluster_unavailable(detail: impl Into<String>) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "cluster_unavailable", detail);
        Self { retry_after_s: Some(2), ..problem }
    }

    pub(crate) fn failed() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "failed", "this relay has failed, and ends")
    }

    /// A fault of ours. Whether it was done is not known.
    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the relay is at fault")
    }

    pub(crate) fn said(&self) -> Said<'_> {
        Said {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            code: self.code,
            detail: &self.detail,
            field: self.field.as_deref(),
        }
    }
}

/// Every code, so that the first is seen to come.
pub(crate) const CODES: [&str; 15] = [
    "cluster_unavailable",
    "congested",
    "draining",
    "failed",
    "idempotency_key_reused",
    "internal",
    "invalid",
    "key_scope",
    "method_not_allowed",
    "not_found",
    "too_large",
    "too_slow",
    "unauthorized",
    "unknown_namespace",
    "unknown_socket",
];

/// Whatever is asked for, this may be the answer.
impl IntoResponses for Problem {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let response = ResponseBuilder::new().description("Why it was not done").content(MEDIA_TYPE, content);
        BTreeMap::from([("default".to_owned(), response.build().into())])
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut text = serde_json::to_string(&self.said()).unwrap_or_default();
        text.push('\n');
        let mut response = (self.status, [(header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        match self.status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            // What is left of the body is not read.
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response.extensions_mut().insert(Refused(self.code));
        response
    }
}

const MEDIA_TYPE: &str = "application/problem+json";
