//! Which server.

use std::fmt;

use http::Uri;
use http::header::HeaderValue;
use http::uri::PathAndQuery;
use socketio_codec::Namespace;

/// A server's address, as its WebSocket is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) is_secure: bool,
    /// Without the brackets of an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// As it stands in `Host`.
    authority: String,
    /// What the URL has behind its `?`.
    query: Option<String>,
    /// Begins and ends with `/`.
    path: String,
}

/// What is wrong with an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// Not a URL at all, or one without a host.
    NotAUrl,
    /// Another scheme than `http`, `https`, `ws` and `wss`.
    Scheme,
    /// A user name or a password in it.
    User,
    /// Its path is no name of a namespace.
    Namespace,
    /// The path of the server is not one: begins with `/`.
    Path,
}

impl Server {
    /// Reads a URL as the official client does: its path is the namespace.
    pub(crate) fn parse(url: &str) -> Result<(Self, Namespace), UrlError> {
        let uri: Uri = url.parse().map_err(|_| UrlError::NotAUrl)?;
        let scheme = uri.scheme().ok_or(UrlError::NotAUrl)?;
        let is_secure = match scheme.as_str() {
            "http" | "ws" => false,
            "https" | "wss" => true,
            _ => return Err(UrlError::Scheme),
        };
        let authority = uri.authority().ok_or(UrlError::NotAUrl)?.as_str();
        if authority.contains('@') {
            return Err(UrlError::User);
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(UrlError::NotAUrl)?;
        let port = match (uri.port(), authority.rsplit_once(':')) {
            (Some(port), _) => port.as_u16(),
            // A colon with nothing, or with no port, behind it.
            (None, Some((before, _))) if !before.is_empty() && !authority.ends_with(']') => {
                return Err(UrlError::NotAUrl);
            }
            (None, _) if is_secure => 443,
            (None, _) => 80,
        };
        let namespace = match uri.path() {
            "" | "/" => Namespace::ROOT,
            path => Namespace::try_from(path).map_err(|_| UrlError::Namespace)?,
        };
        let server = Self {
            is_secure,
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port,
            authority: authority.to_owned(),
            query: uri.query().filter(|query| !query.is_empty()).map(str::to_owned),
            path: DEFAULT_PATH.to_owned(),
        };
        Ok((server, namespace))
    }

    /// Where on the server: the official `path`.
    pub(crate) fn with_path(mut self, path: &str) -> Result<Self, UrlError> {
        self.path = if path.ends_with('/') { path.to_owned() } else { format!("{path}/") };
        let is_path = path.starts_with('/') && !path.contains(['?', '#']) && self.path_and_query().is_ok();
        if is_path { Ok(self) } else { Err(UrlError::Path) }
    }

    /// What is asked of the server.
    pub(crate) fn target(&self) -> Uri {
        self.path_and_query().expect("the query was of a URI, and the path was tried").into()
    }

    /// What `Host` says.
    pub(crate) fn authority(&self) -> HeaderValue {
        HeaderValue::try_from(&self.authority).expect("what a URI has is plain")
    }

    fn path_and_query(&self) -> Result<PathAndQuery, http::uri::InvalidUri> {
        let own = self.query.as_ref().map(|query| format!("&{query}")).unwrap_or_default();
        format!("{}?EIO=4&transport=websocket{own}", self.path).parse()
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAUrl => "expected a URL such as http://localhost:3000",
            Self::Scheme => "expected a URL that begins with http://, https://, ws:// or wss://",
            Self::User => "expected a URL without a user: send a header",
            Self::Namespace => "expected a namespace, or nothing, as the path of the URL",
            Self::Path => "expected a path such as /socket.io/",
        })
    }
}

impl std::error::Error for UrlError {}

const DEFAULT_PATH: &str = "/socket.io/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_server_and_a_namespace() {
        for (url, is_secure, host, port, authority, namespace, own) in [
            ("http://localhost:3000", false, "localhost", 3000, "localhost:3000", "/", ""),
            ("https://a.example/", true, "a.example", 443, "a.example", "/", ""),
            ("ws://[::1]/chat", false, "::1", 80, "[::1]", "/chat", ""),
            ("wss://a:1/?x=1&y", true, "a", 1, "a:1", "/", "&x=1&y"),
        ] {
            let (server, found) = Server::parse(url).unwrap();
            assert_eq!((server.is_secure, server.host.as_str(), server.port), (is_secure, host, port));
            assert_eq!((server.authority().to_str().unwrap(), found.as_str()), (authority, namespace));
            assert_eq!(server.target().to_string(), format!("/socket.io/?EIO=4&transport=websocket{own}"));
        }
    }

    #[test]
    fn what_is_no_address_says_what_was_expected() {
        for (url, error) in [
            ("", UrlError::NotAUrl),
            ("localhost:3000", UrlError::NotAUrl),
            ("/chat", UrlError::NotAUrl),
            ("http://", UrlError::NotAUrl),
            ("http://a:99999", UrlError::NotAUrl),
            ("http://a:x", UrlError::NotAUrl),
            ("http://a b", UrlError::NotAUrl),
            ("ftp://a", UrlError::Scheme),
            ("http://user:word@a", UrlError::User),
            ("http://a/x,y", UrlError::Namespace),
        ] {
            assert_eq!(Server::parse(url).unwrap_err(), error, "{url}");
        }
    }

    #[test]
    fn a_path_has_a_slash_at_both_ends() {
        let server = Server::parse("http://a").unwrap().0;
        for (path, asked) in [("/x", "/x/"), ("/x/", "/x/"), ("/", "/")] {
            assert_eq!(server.clone().with_path(path).unwrap().target().path(), asked);
        }
        for path in ["", "x", "/x?y", "/x#y", "/a b"] {
            assert_eq!(server.clone().with_path(path).unwrap_err(), UrlError::Path, "{path}");
        }
    }
}
