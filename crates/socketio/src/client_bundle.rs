//! The client bundle, served beside the server as the reference does.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use engineio::Body;
use http::{HeaderMap, Method, Response};

use crate::static_file::StaticFile;

/// The files of npm's `socket.io-client/dist` that a page may ask for, under the server's path:
/// `/socket.io/socket.io.js`, `/socket.io/socket.io.esm.min.js` and their like.
///
/// They are all in memory: half a megabyte, and no request touches the disk. Give it to
/// [`ServerBuilder::client_bundle`](crate::ServerBuilder::client_bundle) or, later,
/// [`Server::set_client_bundle`](crate::Server::set_client_bundle).
pub struct ClientBundle {
    files: HashMap<String, StaticFile>,
}

/// Why a client bundle could not be read: which file or folder, and what is wrong with it.
#[derive(Debug)]
pub struct BundleError {
    path: PathBuf,
    source: io::Error,
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
                let content = fs::read(&path).map_err(failed(&path))?;
                let content_type = match name.ends_with(".map") {
                    true => "application/json; charset=utf-8",
                    false => "application/javascript; charset=utf-8",
                };
                files.insert(name, StaticFile::new(content, content_type));
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
