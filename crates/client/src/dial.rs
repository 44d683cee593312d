//! From an address to a WebSocket: TCP, TLS if need be, and the upgrade.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    CONNECTION, HOST, HeaderMap, HeaderValue, LOCATION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION,
    UPGRADE, USER_AGENT,
};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::upgrade::{self, Upgraded};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::failure::{Failure, Unsupported};
use crate::server::Server;

/// An open WebSocket.
pub(crate) type WebSocket = WebSocketStream<TokioIo<Upgraded>>;

/// What every attempt needs.
#[derive(Debug)]
pub(crate) struct Dialer {
    pub(crate) server: Server,
    pub(crate) headers: HeaderMap,
    pub(crate) message_bytes_max: usize,
    /// The certificates are read once, and only if they are needed.
    pub(crate) tls: Option<Arc<ClientConfig>>,
}

impl Dialer {
    /// Connects. How long it may take is the machine's to say.
    pub(crate) async fn dial(self: Arc<Self>) -> Result<Box<WebSocket>, Failure> {
        let Server { host, port, .. } = &self.server;
        let unreachable = |error: std::io::Error| Failure::Unreachable(error.to_string());
        let tcp = TcpStream::connect((host.as_str(), *port)).await.map_err(unreachable)?;
        // Events are small, and wait for nothing.
        tcp.set_nodelay(true).map_err(unreachable)?;
        let Some(tls) = &self.tls else {
            return self.upgrade(tcp).await;
        };
        let name = ServerName::try_from(host.clone()).map_err(|error| Failure::Tls(error.to_string()))?;
        let connected = TlsConnector::from(Arc::clone(tls)).connect(name, tcp).await;
        self.upgrade(connected.map_err(|error| Failure::Tls(error.to_string()))?).await
    }

    /// Asks for a WebSocket. HTTP is hyper's: tungstenite's own handshake forgets what else the server answers.
    async fn upgrade(
        &self,
        io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) -> Result<Box<WebSocket>, Failure> {
        let (mut sender, connection) = http1::handshake(TokioIo::new(io)).await.map_err(broken)?;
        let key = generate_key();
        let exchange = async {
            let response = sender.send_request(self.request(&key)).await.map_err(broken)?;
            if response.status() != StatusCode::SWITCHING_PROTOCOLS {
                return Err(refused(response).await);
            }
            if !accepts(&response, &key) {
                return Err(Failure::Broken("the server answers an upgrade that is no websocket's".to_owned()));
            }
            upgrade::on(response).await.map_err(broken)
        };
        let (mut exchange, connection) = (pin!(exchange), pin!(connection.with_upgrades()));
        let upgraded = tokio::select! {
            upgraded = &mut exchange => upgraded?,
            // It has handed the connection over, or says why not.
            _ = connection => exchange.await?,
        };
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .max_message_size(Some(self.message_bytes_max))
            .max_frame_size(Some(self.message_bytes_max));
        Ok(Box::new(WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Client, Some(config)).await))
    }

    /// The opening handshake of RFC 6455, section 4.1.
    fn request(&self, key: &str) -> Request<Empty<Bytes>> {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = self.server.target();
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.extend(self.headers.clone());
        headers.insert(HOST, self.server.authority());
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::try_from(key).expect("base64 is plain"));
        request
    }
}

/// Whether a server has understood what was asked (the same section).
fn accepts<B>(response: &Response<B>, key: &str) -> bool {
    let is = |name, value: &str| {
        let found = response.headers().get(name).and_then(|found| found.to_str().ok());
        found.is_some_and(|found| found.split(',').any(|word| word.trim().eq_ignore_ascii_case(value)))
    };
    let accept = response.headers().get(SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes);
    is(UPGRADE, "websocket")
        && is(CONNECTION, "upgrade")
        && accept == Some(derive_accept_key(key.as_bytes()).as_bytes())
}

fn broken(error: hyper::Error) -> Failure {
    // The first alone says "connection error".
    let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
    Failure::Broken(format!("{error}{}", source.unwrap_or_default()))
}

/// The system's certificates, or those of `SSL_CERT_FILE`; `None` if there are none.
pub(crate) fn tls() -> Option<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return None;
    }
    // Named, since a program may have others too.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
    Some(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// What an answer means that is no WebSocket.
async fn refused(response: Response<Incoming>) -> Failure {
    let (head, mut body) = response.into_parts();
    let mut text = Vec::new();
    while text.len() < BODY_BYTES_MAX
        && let Some(Ok(frame)) = body.frame().await
    {
        text.extend_from_slice(&frame.into_data().unwrap_or_default());
    }
    meaning(head.status, head.headers.get(LOCATION), &text)
}

fn meaning(status: StatusCode, location: Option<&HeaderValue>, body: &[u8]) -> Failure {
    /// How Engine.IO servers say it.
    #[derive(Deserialize)]
    struct Refusal {
        message: String,
    }
    if let Some(location) = location.filter(|_| status.is_redirection()) {
        let to = String::from_utf8_lossy(location.as_bytes());
        return Failure::Http { status: status.as_u16(), message: format!("the server redirects to {to}") };
    }
    let message = match serde_json::from_slice::<Refusal>(body) {
        Ok(refusal) => refusal.message,
        Err(_) => first_line(body),
    };
    // The reference says so where its `transports` are without WebSocket; and the server for Python.
    match message.trim_matches('"') {
        "Transport unknown" | "Invalid transport" => Failure::Unsupported(Unsupported::PollingOnly),
        "Unsupported protocol version" => Failure::Unsupported(Unsupported::OldProtocol),
        _ => Failure::Http { status: status.as_u16(), message },
    }
}

/// A page is not a message.
fn first_line(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().next().unwrap_or_default().trim();
    if line.starts_with('<') { String::new() } else { line.chars().take(LINE_MAX).collect() }
}

/// At most a hundred times as much is read before others have their turn, such as a signal: with frames of two bytes that counts.
const READ_BYTES: usize = 16 * 1024;

const LINE_MAX: usize = 200;

/// Enough for a message.
const BODY_BYTES_MAX: usize = 4096;

const AGENT: &str = concat!("fanfare-client/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Failure {
        let location = HeaderValue::from_static("https://b/");
        meaning(StatusCode::from_u16(status).unwrap(), Some(&location), body.as_bytes())
    }

    #[test]
    fn only_the_answer_to_its_own_question_is_taken() {
        // RFC 6455, section 1.3.
        let key = "dGhlIHNhbXBsZSBub25jZQ==";
        let answer = |upgrade: &str, connection: &str, accept: &str| {
            let answer = Response::builder().header(UPGRADE, upgrade).header(CONNECTION, connection);
            answer.header(SEC_WEBSOCKET_ACCEPT, accept).body(()).unwrap()
        };
        let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        assert!(accepts(&answer("WebSocket", "keep-alive, Upgrade", accept), key));
        assert!(!accepts(&answer("h2c", "Upgrade", accept), key));
        assert!(!accepts(&answer("websocket", "close", accept), key));
        assert!(!accepts(&answer("websocket", "Upgrade", "another"), key));
        assert!(!accepts(&Response::new(()), key));
    }

    #[test]
    fn an_answer_by_http_says_what_it_means() {
        let http = |status, message: &str| Failure::Http { status, message: message.to_owned() };
        for (status, body, means) in [
            (400, r#"{"code":0,"message":"Transport unknown"}"#, Failure::Unsupported(Unsupported::PollingOnly)),
            (400, "\"Invalid transport\"", Failure::Unsupported(Unsupported::PollingOnly)),
            (
                400,
                r#"{"code":5,"message":"Unsupported protocol version"}"#,
                Failure::Unsupported(Unsupported::OldProtocol),
            ),
            (403, r#"{"code":4,"message":"no"}"#, http(403, "no")),
            (503, "draining\nmore", http(503, "draining")),
            (404, "<!doctype html>\n", http(404, "")),
            (200, "", http(200, "")),
            (301, "gone", http(301, "the server redirects to https://b/")),
        ] {
            assert_eq!(answer(status, body), means);
        }
    }
}
