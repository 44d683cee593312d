//! The opening handshake of a WebSocket (RFC 6455, section 4.2).

use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use tungstenite::handshake::derive_accept_key;

use super::{Body, respond_empty};

/// Whether the request asks to leave HTTP. Only such a one is held to the rules below. An empty `Upgrade` is what a proxy
/// leaves that sets the header for every request, whether or not there was one.
pub(crate) fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.get(UPGRADE).is_some_and(|upgrade| !upgrade.is_empty())
        && headers.get_all(CONNECTION).iter().any(|value| {
            value
                .as_bytes()
                .split(|&byte| byte == b',')
                .any(|token| token.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
        })
}

/// A request that may become a WebSocket.
#[derive(Debug)]
pub(crate) struct WebSocketRequest {
    accept: HeaderValue,
    protocol: Option<HeaderValue>,
}

/// What is wrong with a request for a WebSocket; the message is the reference's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UpgradeError {
    Method,
    Upgrade,
    Key,
    Version,
}

impl UpgradeError {
    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::Method => "Invalid HTTP method",
            Self::Upgrade => "Invalid Upgrade header",
            Self::Key => "Missing or invalid Sec-WebSocket-Key header",
            Self::Version => "Missing or invalid Sec-WebSocket-Version header",
        }
    }
}

impl WebSocketRequest {
    /// Checks a request in the order of the reference's WebSocket library.
    pub(crate) fn parse(method: &Method, headers: &HeaderMap) -> Result<Self, UpgradeError> {
        if method != Method::GET {
            return Err(UpgradeError::Method);
        }
        if !headers.get(UPGRADE).is_some_and(|upgrade| upgrade.as_bytes().eq_ignore_ascii_case(b"websocket")) {
            return Err(UpgradeError::Upgrade);
        }
        let key = headers.get(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).filter(|key| is_key(key));
        let key = key.ok_or(UpgradeError::Key)?;
        if !headers.get(SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13" || version == "8") {
            return Err(UpgradeError::Version);
        }
        let accept = HeaderValue::try_from(derive_accept_key(key)).map_err(|_| UpgradeError::Key)?;
        Ok(Self { accept, protocol: headers.get(SEC_WEBSOCKET_PROTOCOL).and_then(first_protocol) })
    }

    /// The 101.
    pub(crate) fn response(self) -> Response<Body> {
        let mut response = respond_empty(StatusCode::SWITCHING_PROTOCOLS);
        let headers = response.headers_mut();
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, self.accept);
        if let Some(protocol) = self.protocol {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        response
    }
}

/// 16 bytes in base64.
fn is_key(key: &[u8]) -> bool {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.len() == 24 && key.ends_with(b"==") && key[..22].iter().all(is_base64)
}

/// The client's first wish, as the reference grants it. What is no token is no wish.
fn first_protocol(header: &HeaderValue) -> Option<HeaderValue> {
    let first = header.as_bytes().split(|&byte| byte == b',').next()?.trim_ascii();
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    if first.is_empty() || !first.iter().all(is_token) {
        return None;
    }
    HeaderValue::from_bytes(first).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 4] = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
    ];

    fn headers(changed: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in GOOD.into_iter().chain(changed.iter().copied()) {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn the_key_is_answered_as_the_rfc_s_example() {
        let headers = headers(&[("sec-websocket-protocol", "chat, superchat")]);
        assert!(is_upgrade(&headers));
        let response = WebSocketRequest::parse(&Method::GET, &headers).unwrap().response();
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
        assert_eq!(response.headers()[SEC_WEBSOCKET_ACCEPT], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(response.headers()[SEC_WEBSOCKET_PROTOCOL], "chat");
    }

    #[test]
    fn an_empty_upgrade_asks_for_none() {
        assert!(!is_upgrade(&headers(&[("upgrade", "")])));
        assert!(!is_upgrade(&headers(&[("connection", "keep-alive")])));
        assert!(is_upgrade(&headers(&[("upgrade", "h2c")])));
    }

    #[test]
    fn each_wrong_header_has_its_error() {
        for (name, value, error) in [
            ("upgrade", "h2c", UpgradeError::Upgrade),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=", UpgradeError::Key),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZ***", UpgradeError::Key),
            ("sec-websocket-version", "12", UpgradeError::Version),
            ("sec-websocket-version", "", UpgradeError::Version),
        ] {
            let refused = WebSocketRequest::parse(&Method::GET, &headers(&[(name, value)]));
            assert_eq!(refused.map(|_| ()), Err(error), "{name}: {value}");
        }
        assert_eq!(WebSocketRequest::parse(&Method::POST, &headers(&[])).map(|_| ()), Err(UpgradeError::Method));
    }

    #[test]
    fn a_hundred_kilobytes_of_commas_are_no_protocol() {
        let mut headers = headers(&[]);
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::try_from(", ".repeat(50_000)).unwrap());
        let response = WebSocketRequest::parse(&Method::GET, &headers).unwrap().response();
        assert_eq!(response.headers().get(SEC_WEBSOCKET_PROTOCOL), None);
    }
}
