//! Which pages from other origins may use the engine.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_HEADERS, CONTENT_LENGTH, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use super::Body;
use super::cors_origins::{CorsOrigins, is_listed};

/// Cross-origin settings (the Fetch standard, section "CORS protocol").
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CorsConfig {
    /// Who may.
    pub origins: CorsOrigins,
    /// Whether a browser may send cookies along.
    pub credentials: bool,
}

/// Which of the listed origins the request came from, if any.
#[derive(Debug, Clone)]
pub(crate) enum CorsDecision {
    /// None, or all are the same.
    None,
    /// The one with this number, letter by letter.
    Listed(usize),
    /// One that was listed in other letters. A browser wants its own back.
    AsSent(Box<[u8]>),
}

impl CorsConfig {
    /// Pages of these origins may, without cookies.
    pub fn new(origins: CorsOrigins) -> Self {
        Self { origins, credentials: false }
    }

    /// Adds what a browser must see on any answer, errors included.
    pub fn apply(&self, request: &HeaderMap, response: &mut HeaderMap) {
        self.write(self.decide(request), response);
    }

    /// What the answer will say, found out while the request is there. It keeps nothing of the request.
    pub(crate) fn decide(&self, request: &HeaderMap) -> CorsDecision {
        let (CorsOrigins::List(origins), Some(origin)) = (&self.origins, request.get(ORIGIN)) else {
            return CorsDecision::None;
        };
        match origins.iter().position(|listed| listed.as_bytes() == origin.as_bytes()) {
            Some(index) => CorsDecision::Listed(index),
            None if is_listed(origins, origin.as_bytes()) => CorsDecision::AsSent(origin.as_bytes().into()),
            None => CorsDecision::None,
        }
    }

    /// Adds what was decided.
    pub(crate) fn write(&self, decision: CorsDecision, response: &mut HeaderMap) {
        let allowed = match &self.origins {
            CorsOrigins::Any => Some(HeaderValue::from_static("*")),
            CorsOrigins::List(origins) => {
                response.append(VARY, HeaderValue::from_static("Origin"));
                let origin = match &decision {
                    CorsDecision::None => None,
                    CorsDecision::Listed(index) => origins.get(*index).map(String::as_bytes),
                    CorsDecision::AsSent(origin) => Some(&origin[..]),
                };
                origin.and_then(|origin| HeaderValue::from_bytes(origin).ok())
            }
        };
        if let Some(allowed) = allowed {
            response.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        }
        if self.credentials {
            response.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }

    /// The answer to a preflight: 204 with the methods, and the requested headers allowed as asked.
    pub(crate) fn preflight(&self, method: &Method, request: &HeaderMap) -> Option<Response<Body>> {
        if method != Method::OPTIONS {
            return None;
        }
        let mut response = Response::new(Body::default());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        self.apply(request, headers);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET,HEAD,PUT,PATCH,POST,DELETE"));
        headers.append(VARY, HeaderValue::from_static("Access-Control-Request-Headers"));
        if let Some(asked) = request.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        }
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        Some(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(config: &CorsConfig, origin: Option<&'static str>) -> HeaderMap {
        let request = origin.map(|origin| (ORIGIN, HeaderValue::from_static(origin))).into_iter().collect();
        let mut response = HeaderMap::new();
        config.apply(&request, &mut response);
        response
    }

    #[test]
    fn any_origin_is_answered_with_a_star() {
        let config = CorsConfig { origins: CorsOrigins::Any, credentials: false };
        for origin in [None, Some("http://a.example")] {
            let headers = answered(&config, origin);
            assert_eq!(headers.get(ACCESS_CONTROL_ALLOW_ORIGIN).unwrap(), "*");
            assert_eq!(headers.len(), 1);
        }
    }

    #[test]
    fn a_list_answers_the_one_that_matches() {
        let origins = CorsOrigins::List(vec!["http://a.example".into(), "http://b.example:8080".into()]);
        let config = CorsConfig { origins, credentials: true };
        let headers = answered(&config, Some("http://b.example:8080"));
        assert_eq!(headers.get(ACCESS_CONTROL_ALLOW_ORIGIN).unwrap(), "http://b.example:8080");
        assert_eq!(headers.get(ACCESS_CONTROL_ALLOW_CREDENTIALS).unwrap(), "true");
        let headers = answered(&config, Some("http://A.example"));
        assert_eq!(headers.get(ACCESS_CONTROL_ALLOW_ORIGIN).unwrap(), "http://A.example");
        for stranger in [None, Some("http://b.example"), Some("http://c.example"), Some("null")] {
            let headers = answered(&config, stranger);
            assert_eq!(headers.get(ACCESS_CONTROL_ALLOW_ORIGIN), None);
            assert_eq!(headers.get(VARY).unwrap(), "Origin");
        }
    }

    #[test]
    fn a_preflight_gets_its_headers_back() {
        let config = CorsConfig { origins: CorsOrigins::Any, credentials: false };
        let asked = HeaderMap::from_iter([(ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::from_static("x-a,x-b"))]);
        let response = config.preflight(&Method::OPTIONS, &asked).unwrap();
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(response.headers().get(ACCESS_CONTROL_ALLOW_HEADERS).unwrap(), "x-a,x-b");
        assert!(config.preflight(&Method::GET, &asked).is_none());
    }
}
