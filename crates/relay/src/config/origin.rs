//! An origin that may connect.

use std::net::Ipv6Addr;

/// `scheme://host[:port]`, in the form in which a browser sends it: without the scheme's own port, and in lower case
/// (some write the ids of their extensions otherwise, so it is compared without case). Or `null`, or `file://`.
///
/// So who writes `https://Example.com:443` gets what they mean.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Origin(Box<str>);

impl Origin {
    /// Takes an origin, or says what was expected.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if [NULL, FILE].contains(&text) {
            return Ok(Self(text.into()));
        }
        let (scheme, rest) = text.split_once("://").ok_or(FORM)?;
        if rest.contains('*') {
            return Err("an origin without `*`, which only stands alone, for any origin");
        }
        if rest.contains(['/', '?', '#', '@']) {
            return Err("an origin without a path or anything else after it, such as https://example.com");
        }
        let (host, port) = match rest.rsplit_once(':') {
            // The last colon of `[::1]` is inside.
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (rest, None),
        };
        let scheme = parse_scheme(scheme).ok_or(FORM)?;
        let host = parse_host(host)?;
        let port = port.map(parse_port).transpose()?.filter(|port| default_port(&scheme) != Some(*port));
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        Ok(Self(format!("{scheme}://{host}{port}").into()))
    }

    /// Of whom it is, if it is no single site's.
    pub(crate) fn is_shared(&self) -> Option<&'static str> {
        match self.as_str() {
            NULL => Some("files, and of any page that does not want to be known: each can make itself one of these"),
            FILE => Some("every file that somebody opens in an application"),
            _ => None,
        }
    }

    /// The origin, as a browser sends it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn parse_scheme(text: &str) -> Option<String> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let is_scheme = text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.bytes().all(is_allowed);
    is_scheme.then(|| text.to_ascii_lowercase())
}

fn parse_host(text: &str) -> Result<String, &'static str> {
    if let Some(address) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().map(|address| format!("[{address}]")).map_err(|_| FORM);
    }
    if !text.is_ascii() {
        return Err("a host in ASCII, as browsers send it (xn--…)");
    }
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_allowed) { Ok(text.to_ascii_lowercase()) } else { Err(FORM) }
}

fn parse_port(text: &str) -> Result<u16, &'static str> {
    // `parse` would take `+80`.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port != 0).ok_or("a port from 1 to 65535 after the host")
}

fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

const FORM: &str = "`*` or an origin, scheme://host[:port], such as https://example.com";

/// What browsers send for a page without an origin of its own: in a sandbox, from a file, after some redirects.
const NULL: &str = "null";

/// What WebViews of some applications send for their own pages.
const FILE: &str = "file://";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_kept_as_a_browser_sends_it() {
        for (written, sent) in [
            ("http://localhost:5173", "http://localhost:5173"),
            ("https://Example.COM", "https://example.com"),
            ("HTTPS://example.com:443", "https://example.com"),
            ("http://example.com:80", "http://example.com"),
            ("http://example.com:443", "http://example.com:443"),
            ("http://[0:0::1]:8080", "http://[::1]:8080"),
            ("http://[::1]", "http://[::1]"),
            ("http://192.168.0.7:3000", "http://192.168.0.7:3000"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("chrome-extension://abcdef", "chrome-extension://abcdef"),
            ("safari-web-extension://E3449EA7-0C51", "safari-web-extension://e3449ea7-0c51"),
            ("moz-extension://4a3c3b6e-d9d5", "moz-extension://4a3c3b6e-d9d5"),
            ("tauri://localhost", "tauri://localhost"),
            ("app://.", "app://."),
            ("null", "null"),
            ("file://", "file://"),
        ] {
            assert_eq!(Origin::parse(written).unwrap().as_str(), sent, "{written}");
        }
    }

    #[test]
    fn what_no_browser_would_send_is_refused() {
        for text in [
            "",
            "Null",
            "file:///",
            "file://x/y",
            "example.com",
            "localhost:5173",
            "https://",
            "https://example.com/",
            "https://example.com/app",
            "https://example.com?x",
            "https://user@example.com",
            "https://*.example.com",
            "https://example.com:",
            "https://example.com:0",
            "https://example.com:+80",
            "https://example.com:65536",
            "https://exa mple.com",
            "https://münchen.example",
            "https://[::1",
            "https://[zz]",
            "1http://example.com",
            "://example.com",
        ] {
            assert!(Origin::parse(text).is_err(), "{text}");
        }
    }
}
