//! The files of the Admin UI, which the relay serves beside what clients ask for.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use http::header::{LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use socketio::{Body, StaticFile};

/// Where the page is.
pub(crate) const PAGE_PATH: &str = "/admin";

/// The files, all in memory: no request touches the disk.
#[derive(Debug)]
pub(crate) struct Page {
    /// By their paths below the page's: `/js/app.js`.
    files: HashMap<String, StaticFile>,
}

impl Page {
    /// Reads all there are in the folder and those in it, but for maps of sources, and what is hidden.
    ///
    /// # Errors
    /// Why they cannot be read, or are too many.
    pub(crate) fn read(folder: &Path) -> Result<Self, String> {
        let mut page = Self { files: HashMap::new() };
        let mut bytes_left = BYTES_MAX;
        page.read_folder(folder, "", FOLDERS_DEEP_MAX, &mut bytes_left)?;
        Ok(page)
    }

    fn read_folder(&mut self, folder: &Path, at: &str, deep: usize, bytes_left: &mut u64) -> Result<(), String> {
        let failed =
            |path: &Path, why: &dyn std::fmt::Display| format!("cannot read the Admin UI: {}: {why}", path.display());
        for entry in fs::read_dir(folder).map_err(|error| failed(folder, &error))? {
            let entry = entry.map_err(|error| failed(folder, &error))?;
            let (path, Ok(name)) = (entry.path(), entry.file_name().into_string()) else { continue };
            if name.starts_with('.') {
                continue;
            }
            let metadata = fs::metadata(&path).map_err(|error| failed(&path, &error))?;
            let at = format!("{at}/{name}");
            if metadata.is_dir() {
                match deep.checked_sub(1) {
                    Some(deep) => self.read_folder(&path, &at, deep, bytes_left)?,
                    None => return Err(failed(&path, &"deeper than the Admin UI's folders are")),
                }
            } else if let Some(content_type) = content_type(&name) {
                *bytes_left = bytes_left
                    .checked_sub(metadata.len())
                    .ok_or_else(|| failed(&path, &"more than 32 MiB, which the Admin UI is not"))?;
                let content = fs::read(&path).map_err(|error| failed(&path, &error))?;
                self.files.insert(at, StaticFile::new(content, content_type));
            }
        }
        Ok(())
    }

    /// The answer to a request, if it is for a file that is there.
    pub(crate) fn answer(&self, method: &Method, path: &str, headers: &HeaderMap) -> Option<Response<Body>> {
        let below = path.strip_prefix(PAGE_PATH).filter(|_| matches!(*method, Method::GET | Method::HEAD))?;
        let mut response = match below {
            "" => self.files.contains_key(INDEX).then(to_folder)?,
            "/" => self.files.get(INDEX)?.answer(headers),
            file => self.files.get(file)?.answer(headers),
        };
        let headers = response.headers_mut();
        // A page of others that shows this one could have its visitor press buttons here.
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        Some(response)
    }
}

/// So that what the page names is found: its names are relative. So is this one, for those who come through a proxy.
fn to_folder() -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    response.headers_mut().insert(LOCATION, HeaderValue::from_static("admin/"));
    response
}

/// `None` for what is not served.
fn content_type(name: &str) -> Option<&'static str> {
    Some(match name.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        _ => return None,
    })
}

const INDEX: &str = "/index.html";

const FOLDERS_DEEP_MAX: usize = 3;

/// The page has 1.3 MB without its maps.
const BYTES_MAX: u64 = 32 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_page_s_own_files_are_served_and_only_read() {
        let folder = std::env::temp_dir().join(format!("fanfare-page-{}", std::process::id()));
        fs::create_dir_all(folder.join("js")).unwrap();
        for file in ["index.html", "js/app.js", "js/app.js.map", ".secret.html", "readme.txt"] {
            fs::write(folder.join(file), file).unwrap();
        }
        let page = Page::read(&folder);
        fs::remove_dir_all(&folder).unwrap();
        let page = page.unwrap();
        let asked = |method, path| page.answer(&method, path, &HeaderMap::new());
        let status = |path| asked(Method::GET, path).map(|response| response.status().as_u16());
        assert_eq!([status("/admin/"), status("/admin/js/app.js"), status("/admin/index.html")], [Some(200); 3]);
        for path in [
            "/",
            "/adminx",
            "/admin/js/app.js.map",
            "/admin/.secret.html",
            "/admin/readme.txt",
            "/admin/../x",
            "/admin/js",
        ] {
            assert_eq!(status(path), None, "{path}");
        }
        assert!(asked(Method::POST, "/admin/").is_none());
        let redirect = asked(Method::GET, "/admin").unwrap();
        assert_eq!(
            (redirect.status().as_u16(), &redirect.headers()[LOCATION]),
            (307, &HeaderValue::from_static("admin/"))
        );
        assert_eq!(asked(Method::HEAD, "/admin/").unwrap().headers()[X_FRAME_OPTIONS], "DENY");
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = Page::read(Path::new("/nowhere/at/all")).unwrap_err();
        assert!(error.starts_with("cannot read the Admin UI: /nowhere/at/all: "), "{error}");
    }
}
