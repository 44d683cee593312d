//! Which pages may use the engine: the `Origin` of a request, and the name it was sent to.

use std::net::IpAddr;

use http::header::{HOST, ORIGIN, USER_AGENT};
use http::{HeaderMap, HeaderValue};

use super::cors::CorsConfig;
use super::cors_origins::{CorsOrigins, is_listed};

/// Which pages may use the engine.
///
/// CORS alone lets any page open a WebSocket, and hear and say what its visitor could: browsers ask nobody before they
/// open one, they only say which page wants it. So each request that names its `Origin` must come from a page of
/// [`CorsConfig`]'s list or, without a list, from one of the host that the request was sent to. A request without an
/// `Origin` is from no browser, or from a page of the same origin. Some programs name the host that they connect to as
/// their origin: those pass beside a list, too.
///
/// That is asked of polls, posts and upgrades too, not only when a session opens: a script element opens one by JSONP and
/// names no origin, but what it then posts does.
///
/// Against a name that its owner has rebound to the address of the server (the page's own host and the one that it asks
/// are the same then) helps a list, or, where only this machine reaches the server, `loopback_ports`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OriginConfig {
    /// Whether requests are refused. If not, as in the reference, it is only said to browsers what pages may read.
    pub is_enforced: bool,
    /// The ports on which only this machine reaches the server. Who asks for one of them by a name that anybody could
    /// have registered was led here by whoever did; with a list, that name's origin must be on it.
    pub loopback_ports: Vec<u16>,
}

impl Default for OriginConfig {
    fn default() -> Self {
        Self { is_enforced: true, loopback_ports: Vec::new() }
    }
}

impl OriginConfig {
    /// Whether the page that sent a request, if one did, may. `is_proxied`: whether it comes from a proxy that is trusted.
    pub(crate) fn admits(&self, cors: Option<&CorsConfig>, headers: &HeaderMap, is_proxied: bool) -> bool {
        let listed = match cors.map(|cors| &cors.origins) {
            _ if !self.is_enforced => return true,
            Some(CorsOrigins::Any) => return true,
            Some(CorsOrigins::List(origins)) => Some(&origins[..]),
            None => None,
        };
        let mut origins = headers.get_all(ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (Some(origin), None) => match listed {
                Some(listed) => {
                    is_listed(listed, origin.as_bytes())
                        || (is_from_a_program(origin, headers) && self.is_own(origin, headers, is_proxied))
                }
                None => self.is_own(origin, headers, is_proxied),
            },
            (None, _) => self.is_named_well(listed.unwrap_or_default(), headers),
            (Some(_), Some(_)) => false,
        }
    }

    /// Whether a request asks for the server by a name of this machine's, where only this machine can ask: for programs that
    /// answer more than an engine. It looks at nothing but `Host` and `loopback_ports`.
    pub fn is_named_by_its_own(&self, headers: &HeaderMap) -> bool {
        self.is_named_well(&[], headers)
    }

    /// Whether the page is of the host that it asked for.
    fn is_own(&self, origin: &HeaderValue, headers: &HeaderMap, is_proxied: bool) -> bool {
        let Some((scheme, page)) = origin.to_str().ok().and_then(|origin| origin.split_once("://")) else {
            return false; // `null`
        };
        let Some(port) = default_port(scheme) else {
            return false; // An extension, a file: they have no host that could be asked.
        };
        let forwarded = if is_proxied { forwarded_host(headers) } else { None };
        if forwarded.is_none() && !self.is_named_well(&[], headers) {
            return false;
        }
        let asked = forwarded.or_else(|| headers.get(HOST)?.to_str().ok());
        match (Authority::parse(page, port), asked.and_then(|asked| Authority::parse(asked, port))) {
            (Some(page), Some(asked)) => page == asked,
            _ => false,
        }
    }

    /// Whether the server was asked for by a name that is this machine's, where only this machine can ask.
    ///
    /// A page of `http://evil.example:3000` whose owner then lets the name mean 127.0.0.1 is of the same origin as the
    /// server, and its first request names none. Behind a proxy the port is another.
    fn is_named_well(&self, listed: &[String], headers: &HeaderMap) -> bool {
        if self.loopback_ports.is_empty() {
            return true;
        }
        let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else {
            return true; // No browser leaves it out.
        };
        let Some(asked) = Authority::parse(host, 80) else {
            return false;
        };
        !self.loopback_ports.contains(&asked.port)
            || asked.is_nobody_else_s()
            || is_listed(listed, format!("http://{host}").as_bytes())
    }
}

/// The host that a proxy was asked for. Where several proxies each said one, the first is the page's.
fn forwarded_host(headers: &HeaderMap) -> Option<&str> {
    headers.get(X_FORWARDED_HOST)?.to_str().ok()?.split(',').next().map(str::trim)
}

/// Whether no browser sends this: Python's `websocket-client` names an origin and no `User-Agent`, which browsers never
/// leave out; Swift's Starscream names the URL itself, of which no page is.
fn is_from_a_program(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let is_socket_s = [&b"ws"[..], b"wss"].iter().any(|scheme| {
        let (start, rest) = origin.as_bytes().split_at_checked(scheme.len()).unwrap_or_default();
        start.eq_ignore_ascii_case(scheme) && rest.starts_with(b"://")
    });
    is_socket_s || !headers.contains_key(USER_AGENT)
}

/// A host, and the port that is meant.
#[derive(Debug)]
struct Authority<'a> {
    host: &'a str,
    port: u16,
}

impl PartialEq for Authority<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.host.eq_ignore_ascii_case(other.host) && self.port == other.port
    }
}

impl<'a> Authority<'a> {
    fn parse(text: &'a str, default_port: u16) -> Option<Self> {
        let (host, port) = match text.rsplit_once(':') {
            // The last colon of `[::1]` is inside.
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (text, default_port),
        };
        let is_host = !host.is_empty() && !host.contains(['/', '@', '?', '#', ' ']);
        is_host.then_some(Self { host, port })
    }

    /// Whether it is an address or a name that nobody can register.
    fn is_nobody_else_s(&self) -> bool {
        let bare = self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(self.host);
        if bare.parse::<IpAddr>().is_ok() {
            return true;
        }
        let name = self.host.strip_suffix('.').unwrap_or(self.host);
        match name.rsplit_once('.') {
            None => true,
            // RFC 6761, and ICANN for `internal`: containers call the machine they run on `host.docker.internal`.
            Some((_, last)) => ["localhost", "internal", "test"].iter().any(|known| last.eq_ignore_ascii_case(known)),
        }
    }
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        _ if ["http", "ws"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) => Some(80),
        _ if ["https", "wss"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) => Some(443),
        _ => None,
    }
}

const X_FORWARDED_HOST: &str = "x-forwarded-host";

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        let mut headers = HeaderMap::new();
        for (name, value) in pairs.iter().map(pair) {
            headers.append(name, value);
        }
        headers
    }

    fn admits(config: &OriginConfig, origins: Option<&[&str]>, pairs: &[(&'static str, &str)]) -> bool {
        let cors = origins.map(|origins| CorsConfig {
            origins: match origins {
                ["*"] => CorsOrigins::Any,
                _ => CorsOrigins::List(origins.iter().map(|&origin| origin.to_owned()).collect()),
            },
            credentials: false,
        });
        config.admits(cors.as_ref(), &headers(pairs), false)
    }

    #[test]
    fn without_a_list_a_page_of_the_same_host_may() {
        for (origin, host, may) in [
            ("http://a.example", "a.example", true),
            ("http://a.example:80", "a.example", true),
            ("http://a.example", "a.example:80", true),
            ("https://a.example", "a.example", true),
            ("https://a.example:443", "A.Example", true),
            ("https://a.example", "a.example:443", true),
            ("http://localhost:5173", "localhost:5173", true),
            ("http://[::1]:3000", "[::1]:3000", true),
            ("http://[::1]", "[::1]", true),
            // Behind a proxy that ends TLS the server does not know the scheme, but the ports must be the same.
            ("https://a.example", "a.example:80", false),
            ("http://a.example:8080", "a.example", false),
            ("http://a.example", "a.example:8080", false),
            ("http://b.example", "a.example", false),
            ("http://a.example.evil.example", "a.example", false),
            ("http://evil.example/a.example", "evil.example/a.example", false),
            ("http://user@a.example", "user@a.example", false),
            ("http://", "", false),
            ("null", "a.example", false),
            ("null", "null", false),
            ("file://", "a.example", false),
            ("chrome-extension://abcdef", "abcdef", false),
            ("a.example", "a.example", false),
            ("http://a.example:x", "a.example:x", false),
        ] {
            let config = OriginConfig::default();
            assert_eq!(admits(&config, None, &[("origin", origin), ("host", host)]), may, "{origin} at {host}");
        }
    }

    #[test]
    fn a_list_decides_alone_and_without_case() {
        let config = OriginConfig::default();
        let list = ["http://a.example", "safari-web-extension://E3449EA7", "file://", "null"];
        for (origin, may) in [
            ("http://a.example", true),
            ("HTTP://A.example", true),
            ("safari-web-extension://e3449ea7", true),
            ("file://", true),
            ("null", true),
            ("http://own.example", false),
            ("https://a.example", false),
            ("", false),
        ] {
            let request = [("origin", origin), ("host", "own.example"), ("user-agent", "Mozilla/5.0")];
            assert_eq!(admits(&config, Some(&list), &request), may, "{origin}");
        }
        assert!(admits(&config, Some(&["*"]), &[("origin", "http://b.example"), ("host", "own.example")]));
    }

    #[test]
    fn a_program_that_names_the_host_it_asks_passes_beside_a_list() {
        let config = OriginConfig::default();
        let list = Some(&["http://a.example"][..]);
        for (origin, user_agent, may) in [
            ("http://own.example:3000", None, true),
            ("ws://own.example:3000", Some("Mozilla/5.0"), true),
            ("WSS://own.example:3000", Some("Mozilla/5.0"), true),
            ("http://own.example:3000", Some("Mozilla/5.0"), false),
            ("http://b.example", None, false),
            ("ws://b.example", None, false),
            ("w", None, false),
        ] {
            let mut request = vec![("origin", origin), ("host", "own.example:3000")];
            request.extend(user_agent.map(|agent| ("user-agent", agent)));
            assert_eq!(admits(&config, list, &request), may, "{origin} {user_agent:?}");
        }
    }

    #[test]
    fn no_origin_passes_and_two_do_not() {
        let config = OriginConfig::default();
        for list in [None, Some(&["http://a.example"][..])] {
            assert!(admits(&config, list, &[("host", "own.example")]));
            let twice = [("origin", "http://a.example"), ("origin", "http://a.example"), ("host", "a.example")];
            assert!(!admits(&config, list, &twice));
        }
    }

    #[test]
    fn what_is_not_enforced_refuses_nobody() {
        let config = OriginConfig { is_enforced: false, ..OriginConfig::default() };
        assert!(admits(&config, None, &[("origin", "http://b.example"), ("host", "a.example")]));
        assert!(admits(&config, Some(&["http://a.example"]), &[("origin", "null")]));
    }

    #[test]
    fn only_a_trusted_proxy_says_which_host_was_asked_for() {
        let request =
            [("origin", "https://a.example"), ("host", "10.0.0.1:3000"), ("x-forwarded-host", "a.example, b")];
        for is_proxied in [false, true] {
            assert_eq!(OriginConfig::default().admits(None, &headers(&request), is_proxied), is_proxied);
        }
    }

    #[test]
    fn a_name_that_was_rebound_to_this_machine_is_refused() {
        let config = OriginConfig { loopback_ports: vec![3000], ..OriginConfig::default() };
        for (host, may) in [
            ("localhost:3000", true),
            ("app.LOCALHOST:3000", true),
            ("localhost.:3000", true),
            ("127.0.0.1:3000", true),
            ("[::1]:3000", true),
            ("machine:3000", true),
            ("host.docker.internal:3000", true),
            ("shop.test:3000", true),
            ("evil.example:3000", false),
            ("evil.example.:3000", false),
            ("localhost.evil.example:3000", false),
            ("127.0.0.1.evil.example:3000", false),
            ("evil.example:x", false),
            // Behind a proxy.
            ("app.example.com", true),
        ] {
            let origin = format!("http://{host}");
            assert_eq!(admits(&config, None, &[("host", host)]), may, "{host} alone");
            assert_eq!(config.is_named_by_its_own(&headers(&[("host", host)])), may, "{host}");
            assert_eq!(admits(&config, None, &[("host", host), ("origin", &origin)]), may, "{host} by its own page");
        }
        let listed = Some(&["http://relay.example.com:3000"][..]);
        assert!(admits(&config, listed, &[("host", "relay.example.com:3000")]));
        assert!(!admits(&config, listed, &[("host", "evil.example:3000")]));
    }
}
