//! Where a client has its token.

use std::fmt;

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName};
use policy::Query;
use serde_json::{Map, Value};

/// A place where a token may be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum TokenSource {
    /// By this path in the `auth` of a CONNECT.
    Auth(Box<[Box<str>]>),
    /// In this header of the handshake; in `authorization`, behind `Bearer`.
    Header(HeaderName),
    /// The cookie of this name.
    Cookie(Box<str>),
    /// The parameter of this name in the handshake's query, where logs of proxies have it too.
    Query(Box<str>),
}

impl TokenSource {
    /// Takes a source as the configuration has it.
    ///
    /// # Errors
    /// What was expected.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if let Some(path) = text.strip_prefix("auth.") {
            let path: Box<[Box<str>]> = path.split('.').map(Into::into).collect();
            return if path.iter().any(|key| key.is_empty()) { Err(EXPECTED) } else { Ok(Self::Auth(path)) };
        }
        match text.split_once(':') {
            Some(("header", name)) => HeaderName::try_from(name).map(Self::Header).map_err(|_| EXPECTED),
            Some(("cookie", name)) if !name.is_empty() => Ok(Self::Cookie(name.into())),
            Some(("query", name)) if !name.is_empty() => Ok(Self::Query(name.into())),
            _ => Err(EXPECTED),
        }
    }

    /// The token that is there; an empty one is none, since clients send that before they have one.
    pub(crate) fn find(&self, auth: Option<&Map<String, Value>>, headers: &HeaderMap, query: &str) -> Option<Found> {
        let text = |text: &str| (!text.is_empty()).then(|| Found::Token(text.to_owned()));
        match self {
            Self::Auth(path) => {
                let (first, rest) = path.split_first()?;
                let value = rest.iter().try_fold(auth?.get(&**first)?, |value, key| value.get(&**key))?;
                match value {
                    Value::Null => None,
                    Value::String(token) => text(token),
                    _ => Some(Found::NoText),
                }
            }
            Self::Header(name) if name == AUTHORIZATION => {
                let (scheme, token) = headers.get(name)?.to_str().ok()?.split_once(' ')?;
                if scheme.eq_ignore_ascii_case("bearer") { text(token.trim()) } else { None }
            }
            Self::Header(name) => text(headers.get(name)?.to_str().ok()?.trim()),
            Self::Cookie(name) => {
                let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
                let mut cookies = lines.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.split_once('='));
                let (_, token) = cookies.find(|(key, _)| key.trim() == &**name)?;
                text(token.trim().trim_matches('"'))
            }
            Self::Query(name) => {
                let (_, token) = Query::pairs(query).rev().find(|(key, _)| *key == **name)?;
                text(&token)
            }
        }
    }

    /// The path in a client's `auth` that it is at.
    pub(crate) fn auth_path(&self) -> Option<&[Box<str>]> {
        match self {
            Self::Auth(path) => Some(path),
            Self::Header(_) | Self::Cookie(_) | Self::Query(_) => None,
        }
    }

    /// The header that it is in.
    pub(crate) fn header(&self) -> Option<&HeaderName> {
        match self {
            Self::Header(name) => Some(name),
            Self::Cookie(_) => Some(&COOKIE),
            Self::Auth(_) | Self::Query(_) => None,
        }
    }
}

/// What is where a token may be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Token(String),
    /// A number, a list, an object: no token at all, and not nothing.
    NoText,
}

/// `auth.token`: where most examples of the reference have it.
impl Default for TokenSource {
    fn default() -> Self {
        Self::Auth(["token".into()].into())
    }
}

impl fmt::Display for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auth(path) => write!(f, "auth.{}", path.join(".")),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Cookie(name) => write!(f, "cookie:{name}"),
            Self::Query(name) => write!(f, "query:{name}"),
        }
    }
}

const EXPECTED: &str = "auth.NAME, header:NAME, cookie:NAME or query:NAME";

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_is_found_where_the_configuration_says() {
        let auth = json!({"token": "a", "user": {"jwt": "b"}, "n": 1, "none": null, "empty": ""});
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_static("bearer  c"));
        headers.insert("x-token", HeaderValue::from_static("d"));
        headers.insert(COOKIE, HeaderValue::from_static("a=1; session=\"e=\"; session2=x"));
        let found = |source: &str| {
            let source = TokenSource::parse(source).unwrap();
            source.find(auth.as_object(), &headers, "EIO=4&access%20token=y&b=f%2Bg&access token=x")
        };
        for (source, token) in [
            ("auth.token", "a"),
            ("auth.user.jwt", "b"),
            ("header:Authorization", "c"),
            ("header:x-token", "d"),
            ("cookie:session", "e="),
            ("query:access token", "x"),
            ("query:b", "f+g"),
        ] {
            assert_eq!(found(source), Some(Found::Token(token.to_owned())), "{source}");
        }
        for source in ["auth.none", "auth.empty", "auth.token.x", "header:y", "cookie:ses", "query:token"] {
            assert_eq!(found(source), None, "{source}");
        }
        assert_eq!(found("auth.n"), Some(Found::NoText));
    }

    #[test]
    fn a_source_is_written_as_it_is_read() {
        for source in ["auth.a.b", "header:authorization", "cookie:sid", "query:t"] {
            assert_eq!(TokenSource::parse(source).unwrap().to_string(), source);
        }
        for source in ["", "auth", "auth.", "auth.a..b", "header:", "header:a b", "cookie:", "token", "body:x"] {
            assert_eq!(TokenSource::parse(source), Err(EXPECTED), "{source}");
        }
    }
}
