//! A file that is served from memory.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::OnceLock;

use bytes::Bytes;
use engineio::Body;
use engineio::compression::{Encoding, compress, negotiate};
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

/// A file in memory, as browsers ask for it: known again by its `ETag`, compressed for those who accept it.
pub struct StaticFile {
    content: Bytes,
    /// Made when first asked for.
    gzip: OnceLock<Option<Bytes>>,
    etag: String,
    content_type: &'static str,
}

impl StaticFile {
    /// A file with this content, of this type (`text/css; charset=utf-8`).
    pub fn new(content: Vec<u8>, content_type: &'static str) -> Self {
        let mut hasher = DefaultHasher::new();
        content.hash(&mut hasher);
        let etag = format!("\"{:016x}\"", hasher.finish());
        Self { content: content.into(), gzip: OnceLock::new(), etag, content_type }
    }

    /// The answer to a request (GET or HEAD) with these headers: 304 to who has it.
    pub fn answer(&self, request: &HeaderMap) -> Response<Body> {
        let mut response = Response::new(Body::default());
        let headers = response.headers_mut();
        if let Ok(etag) = HeaderValue::try_from(&self.etag) {
            headers.insert(ETAG, etag);
        }
        // Kept, but asked about each time: it changes when the program is upgraded.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=0"));
        if self.is_known_to(request) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
        let gzip = (negotiate(request) == Some(Encoding::Gzip)).then(|| self.gzip()).flatten();
        if gzip.is_some() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(Encoding::Gzip.name()));
        }
        *response.body_mut() = Body::from(gzip.unwrap_or_else(|| self.content.clone()));
        response
    }

    fn gzip(&self) -> Option<Bytes> {
        self.gzip.get_or_init(|| compress(&self.content, Encoding::Gzip)).clone()
    }

    /// Whether the client has this version (RFC 9110, section 13.1.2: a weak comparison).
    fn is_known_to(&self, request: &HeaderMap) -> bool {
        let known = request.get(IF_NONE_MATCH).and_then(|known| known.to_str().ok()).unwrap_or_default();
        known.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == self.etag)
    }
}

impl fmt::Debug for StaticFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticFile").field("content_type", &self.content_type).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> StaticFile {
        StaticFile::new(b"const io = 1;".repeat(100), "application/javascript; charset=utf-8")
    }

    fn asked(name: http::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::try_from(value).unwrap())])
    }

    #[test]
    fn a_client_that_has_it_gets_304() {
        let file = file();
        let etag = file.etag.clone();
        for known in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".into()] {
            assert_eq!(file.answer(&asked(IF_NONE_MATCH, &known)).status(), StatusCode::NOT_MODIFIED, "{known}");
        }
        let response = file.answer(&asked(IF_NONE_MATCH, "\"other\""));
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/javascript; charset=utf-8");
    }

    #[test]
    fn it_is_compressed_for_those_who_accept_it() {
        let file = file();
        let response = file.answer(&asked(http::header::ACCEPT_ENCODING, "gzip, br"));
        assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
        assert!(file.answer(&HeaderMap::new()).headers().get(CONTENT_ENCODING).is_none());
    }
}
