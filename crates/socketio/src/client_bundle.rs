//! The client bundle, served beside the server as the reference does.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use bytes::Bytes;
use engineio::Body;
use engineio::compression::{Encoding, compress, negotiate};
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

/// The files of npm's `socket.io-client/dist` that a page may ask for, under the server's path:
/// `/socket.io/socket.io.js`, `/socket.io/socket.io.esm.min.js` and their like.
///
/// They are all in memory: half a megabyte, and no request touches the disk. Give it to
/// [`ServerBuilder::client_bundle`](crate::ServerBuilder::client_bundle) or, later,
/// [`Server::set_client_bundle`](crate::Server::set_client_bundle).
pub struct ClientBundle {
    files: HashMap<String, File>,
}

/// Why a client bundle could not be read: which file or folder, and what is wrong with it.
#[derive(Debug)]
pub struct BundleError {
    path: PathBuf,
    source: io::Error,
}

struct File {
    content: Bytes,
    /// Made when first asked for.
    gzip: OnceLock<Option<Bytes>>,
    etag: HeaderValue,
    content_type: &'static str,
}

impl ClientBundle {
    /// Reads all there are. Other files in the folder are left alone.
    ///
    /// # Errors
    /// [`BundleError`] if the folder, or a file in it that would be served, cannot be read.
    pub fn read(folder: &Path) -> Result<Self, BundleError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| BundleError { path, source }
        };
        let mut files = HashMap::new();
        for entry in fs::read_dir(folder).map_err(failed(folder))? {
            let entry = entry.map_err(failed(folder))?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if is_served(&name) {
                let path = entry.path();
                let file = fs::read(&path).and_then(|content| File::new(&name, content)).map_err(failed(&path))?;
                files.insert(name, file);
            }
        }
        Ok(Self { files })
    }

    /// How many files are served.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is nothing to serve: the folder is another one than was meant.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The answer to a request for a file of this name, if it is there.
    pub(crate) fn answer(&self, method: &Method, name: &str, request: &HeaderMap) -> Option<Response<Body>> {
        let is_read = matches!(*method, Method::GET | Method::HEAD);
        self.files.get(name).filter(|_| is_read).map(|file| file.answer(request))
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
        // Kept, but asked about each time: the bundle changes when the program is upgraded.
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

impl fmt::Debug for ClientBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.files.keys()).finish()
    }
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read the client bundle: {}: {}", self.path.display(), self.source)
    }
}

impl std::error::Error for BundleError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
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

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let folder = std::env::temp_dir().join(format!("fanfare-bundle-{}", std::process::id()));
        // A folder cannot be read as a file, not even by root.
        fs::create_dir_all(folder.join("socket.io.js")).unwrap();
        let error = ClientBundle::read(&folder).unwrap_err().to_string();
        fs::remove_dir_all(&folder).unwrap();
        assert!(error.contains("/socket.io.js: "), "{error}");
        let error = ClientBundle::read(&folder).unwrap_err().to_string();
        assert!(error.contains(&folder.display().to_string()), "{error}");
    }
}
