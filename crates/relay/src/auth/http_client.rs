//! HTTP to those who are asked: bounded in time and bytes.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, HOST, LOCATION, USER_AGENT};
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;

/// A pool of connections that are kept for the next request.
#[derive(Debug, Clone)]
pub(crate) struct HttpClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// What one exchange may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) time: Duration,
    pub(crate) body_bytes_max: usize,
}

impl HttpClient {
    /// For these addresses: the certificates of the system are read if one of them needs any.
    pub(crate) fn new<'a>(mut urls: impl Iterator<Item = &'a Uri>) -> Self {
        let roots = if urls.any(is_https) { system_roots() } else { RootCertStore::empty() };
        let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        Self { client }
    }

    /// Sends a request, and reads the answer to its end, whatever its status.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>, bounds: Bounds) -> Result<Response<Bytes>, Failure> {
        timeout(bounds.time, self.exchange(request, bounds.body_bytes_max)).await.unwrap_or(Err(Failure::TimedOut))
    }

    /// Reads a document, by way of redirects that stay with its host.
    pub(crate) async fn get(&self, url: &Uri, bounds: Bounds) -> Result<Bytes, Failure> {
        timeout(bounds.time, self.follow(url, bounds.body_bytes_max)).await.unwrap_or(Err(Failure::TimedOut))
    }

    async fn follow(&self, url: &Uri, body_bytes_max: usize) -> Result<Bytes, Failure> {
        let mut at = url.clone();
        for _ in 0..=REDIRECTS_MAX {
            let mut request = Request::new(Full::default());
            *request.uri_mut() = at.clone();
            request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
            let response = self.exchange(request, body_bytes_max).await?;
            match response.status() {
                StatusCode::OK => return Ok(response.into_body()),
                status if status.is_redirection() => {
                    at = redirected(&at, response.headers().get(LOCATION)).ok_or(Failure::Redirect)?;
                }
                status => return Err(Failure::Status(status)),
            }
        }
        Err(Failure::Redirect)
    }

    async fn exchange(
        &self,
        mut request: Request<Full<Bytes>>,
        body_bytes_max: usize,
    ) -> Result<Response<Bytes>, Failure> {
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(AGENT));
        debug_assert!(!request.headers().contains_key(HOST), "it is the address's");
        let response = self.client.request(request).await.map_err(|error| Failure::Broken(reason(&error)))?;
        let (head, body) = response.into_parts();
        let body = match Limited::new(body, body_bytes_max).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return Err(Failure::TooLong),
            Err(error) => return Err(Failure::Broken(reason(&*error))),
        };
        Ok(Response::from_parts(head, body))
    }
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    TimedOut,
    /// No connection, or one that broke.
    Broken(String),
    Status(StatusCode),
    /// The body is over its bound.
    TooLong,
    /// To another host, or too often.
    Redirect,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("no answer in time"),
            Self::Broken(why) => f.write_str(why),
            Self::Status(status) => write!(f, "status {}", status.as_u16()),
            Self::TooLong => f.write_str("the answer is too long"),
            Self::Redirect => f.write_str("redirected to another host, or too often"),
        }
    }
}

/// An error and what is behind it: the first alone says "client error (Connect)".
fn reason(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Where a redirect leads, if it stays where it is.
fn redirected(from: &Uri, location: Option<&HeaderValue>) -> Option<Uri> {
    let location = location?.to_str().ok()?;
    let to: Uri = if location.starts_with('/') && !location.starts_with("//") {
        format!("{}://{}{location}", from.scheme_str()?, from.authority()?).parse().ok()?
    } else {
        location.parse().ok()?
    };
    let place = |uri: &Uri| Some((uri.scheme()?.clone(), uri.authority()?.clone()));
    (place(&to)? == place(from)?).then_some(to)
}

/// An address as a log may have it: a query may have a secret.
pub(super) fn without_query(url: &Uri) -> String {
    let text = url.to_string();
    text.split_once('?').map_or(text.clone(), |(address, _)| address.to_owned())
}

pub(crate) fn is_https(url: &Uri) -> bool {
    url.scheme_str() == Some("https")
}

/// Whether nobody between here and there could listen.
pub(crate) fn is_loopback(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// Where none are, nobody can be asked, and each attempt says so.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let errors = found.errors;
        tracing::error!(?errors, "no root certificates: install ca-certificates, or name a file by SSL_CERT_FILE");
    }
    roots
}

/// What servers keep: most a minute or more.
const IDLE: Duration = Duration::from_secs(30);

const REDIRECTS_MAX: usize = 3;

const AGENT: &str = concat!("fanfare/", env!("CARGO_PKG_VERSION"));
