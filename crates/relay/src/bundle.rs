//! The client bundle, served beside the relay as the reference server does.

use std::collections::HashMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::Path;
use std::sync::OnceLock;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use socketio::Body;
use socketio::engineio::compression::{Encoding, compress, negotiate};

/// The files of npm's `socket.io-client/dist` that a page may ask for.
pub(crate) struct Bundle {
    files: HashMap<String, File>,
}

struct File {
    content: Bytes,
    /// Made when first asked for.
    gzip: OnceLock<Option<Bytes>>,
    etag: HeaderValue,
    content_type: &'static str,
}

impl Bundle {
    /// Reads all there are into memory: half a megabyte, and no request touches the disk.
    ///
    /// # Errors
    /// If the folder, or a file in it, cannot be read.
    pub(crate) fn read(folder: &Path) -> io::Result<Self> {
        let mut files = HashMap::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if is_served(&name) {
                files.insert(name.clone(), File::new(&name, fs::read(entry.path())?)?);
            }
        }
        Ok(Self { files })
    }

    /// The answer to a request for a file of this name, if it is there.
    pub(crate) fn answer(&self, name: &str, request: &HeaderMap) -> Option<Response<Body>> {
        self.files.get(name).map(|file| file.answer(request))
    }
}

impl File {
    fn new(name: &str, content: Vec<u8>) -> io::Result<Self> {
        let mut hasher = DefaultHasher::new();
        content.hash(&mut hasher);
        let etag = format!("\"{:016x}\"", hasher.finish());
        Ok(Self {
            content: content.into(),
            gzip: OnceLock::new(),
            etag: HeaderValue::try_from(etag).map_err(io::Error::other)?,
            content_type: if name.ends_with(".map") {
                "application/json; charset=utf-8"
            } else {
                "application/javascript; charset=utf-8"
            },
        })
    }

    fn answer(&self, request: &HeaderMap) -> Response<Body> {
        let mut response = Response::new(Body::default());
        let headers = response.headers_mut();
        headers.insert(ETAG, self.etag.clone());
        // Kept, but asked about each time: the bundle changes when the relay is upgraded.
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

/// The names the reference serves: `socket.io`, perhaps `.msgpack` or `.esm`, perhaps `.min`, `.js`, perhaps `.map`.
fn is_served(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("socket.io") else {
        return false;
    };
    let rest = rest.strip_prefix(".msgpack").or(rest.strip_prefix(".esm")).unwrap_or(rest);
    let rest = rest.strip_prefix(".min").unwrap_or(rest);
    rest == ".js" || rest == ".js.map"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> File {
        File::new("socket.io.js", b"const io = 1;".repeat(100)).unwrap()
    }

    fn asked(name: http::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::try_from(value).unwrap())])
    }

    #[test]
    fn only_the_bundle_s_own_files_are_served() {
        for name in [
            "socket.io.js",
            "socket.io.min.js",
            "socket.io.esm.min.js",
            "socket.io.msgpack.min.js",
            "socket.io.js.map",
            "socket.io.esm.min.js.map",
        ] {
            assert!(is_served(name), "{name}");
        }
        for name in
            ["broadcastchannel.js", "socket.io.js.map.bak", "socket.io.min.esm.js", "xsocket.io.js", "socket.io"]
        {
            assert!(!is_served(name), "{name}");
        }
    }

    #[test]
    fn a_client_that_has_it_gets_304() {
        let file = file();
        let etag = file.etag.to_str().unwrap().to_owned();
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
