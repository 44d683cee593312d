//! From an address to a WebSocket: TCP, TLS if need be, and the upgrade.

use std::sync::Arc;

use http::header::{HeaderMap, HeaderValue, LOCATION, USER_AGENT};
use http::{Request, Response};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::failure::{Failure, Unsupported};
use crate::server::Server;

/// A connection, encrypted or not.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// An open WebSocket.
pub(crate) type WebSocket = WebSocketStream<Box<dyn Io>>;

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
    pub(crate) async fn dial(self: Arc<Self>) -> Result<WebSocket, Failure> {
        let Server { host, port, .. } = &self.server;
        let unreachable = |error: std::io::Error| Failure::Unreachable(error.to_string());
        let tcp = TcpStream::connect((host.as_str(), *port)).await.map_err(unreachable)?;
        // Events are small, and wait for nothing.
        tcp.set_nodelay(true).map_err(unreachable)?;
        let io: Box<dyn Io> = match &self.tls {
            Some(tls) => {
                let failed = |why: String| Failure::Tls(why);
                let name = ServerName::try_from(host.clone()).map_err(|error| failed(error.to_string()))?;
                let connector = TlsConnector::from(Arc::clone(tls));
                Box::new(connector.connect(name, tcp).await.map_err(|error| failed(error.to_string()))?)
            }
            None => Box::new(tcp),
        };
        let config = WebSocketConfig::default()
            .max_message_size(Some(self.message_bytes_max))
            .max_frame_size(Some(self.message_bytes_max));
        match client_async_with_config(self.request()?, io, Some(config)).await {
            Ok((websocket, _)) => Ok(websocket),
            Err(Error::Http(response)) => Err(refused(&response)),
            Err(error) => Err(Failure::Broken(error.to_string())),
        }
    }

    fn request(&self) -> Result<Request<()>, Failure> {
        let mut request =
            self.server.uri().into_client_request().map_err(|error| Failure::Broken(error.to_string()))?;
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(AGENT));
        for name in self.headers.keys() {
            request.headers_mut().remove(name);
        }
        for (name, value) in &self.headers {
            request.headers_mut().append(name.clone(), value.clone());
        }
        Ok(request)
    }
}

/// The system's certificates, or those of `SSL_CERT_FILE`; `None` if there are none.
pub(crate) fn tls() -> Option<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder().with_root_certificates(roots.clone()).with_no_client_auth();
    (!roots.is_empty()).then(|| Arc::new(config))
}

/// What an answer means that is no WebSocket.
fn refused(response: &Response<Option<Vec<u8>>>) -> Failure {
    /// How Engine.IO servers say it.
    #[derive(Deserialize)]
    struct Refusal {
        message: String,
    }
    let status = response.status();
    let body = response.body().as_deref().unwrap_or_default();
    if status.is_redirection()
        && let Some(location) = response.headers().get(LOCATION)
    {
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

const LINE_MAX: usize = 200;

const AGENT: &str = concat!("fanfare-client/", env!("CARGO_PKG_VERSION"));

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Failure {
        let response = Response::builder().status(status).header(LOCATION, "https://b/");
        refused(&response.body(Some(body.as_bytes().to_vec())).unwrap())
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
