//! A question to a running relay by HTTP, for the commands that have one: a `GET`, and its whole answer.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use http::Uri;
use http::uri::PathAndQuery;

/// What is asked, where.
pub(crate) struct Question {
    url: Uri,
    /// With which it is shown that one may ask.
    authorization: Option<String>,
}

/// A status, and what was said.
pub(crate) type Answer = (u16, String);

impl Question {
    /// A question at `url`, at `path` unless it has a path.
    ///
    /// # Errors
    /// It is no such URL.
    pub(crate) fn new(url: &str, path: &'static str) -> Result<Self, String> {
        let wrong = || format!("expected a URL such as http://127.0.0.1:3000{path}, found {url:?}");
        let mut parts = url.parse::<Uri>().map_err(|_| wrong())?.into_parts();
        if parts.scheme.as_ref().is_none_or(|scheme| scheme.as_str() != "http") || parts.authority.is_none() {
            return Err(wrong());
        }
        if parts.path_and_query.as_ref().is_none_or(|path| path == "/") {
            parts.path_and_query = Some(PathAndQuery::from_static(path));
        }
        Ok(Self { url: Uri::from_parts(parts).map_err(|_| wrong())?, authorization: None })
    }

    /// Shows this with it.
    pub(crate) fn authorized(self, authorization: Option<String>) -> Self {
        Self { authorization, ..self }
    }

    /// Asks, on a thread of its own: neither looking up a name nor reading slowly takes longer, then.
    ///
    /// # Errors
    /// Why there is no answer, with the URL.
    pub(crate) fn ask(self) -> Result<Answer, String> {
        let (answer, is_answered) = mpsc::channel();
        let at = self.url.to_string();
        let asking = thread::Builder::new().name("question".into()).spawn(move || answer.send(self.asked()));
        asking.map_err(|error| error.to_string())?;
        match is_answered.recv_timeout(WAIT_MAX) {
            Ok(answer) => answer.map_err(|error| format!("{at}: {error}")),
            Err(_) => Err(format!("{at}: no answer within {} s", WAIT_MAX.as_secs())),
        }
    }

    fn asked(&self) -> io::Result<Answer> {
        let url = &self.url;
        let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
        let mut stream = TcpStream::connect((host, url.port_u16().unwrap_or(80)))?;
        stream.write_all(self.request().as_bytes())?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
        understood(&String::from_utf8_lossy(&answer)).ok_or_else(|| io::Error::other("that is no answer in HTTP"))
    }

    fn request(&self) -> String {
        let authority = self.url.authority().map_or("", |authority| authority.as_str());
        let path = self.url.path_and_query().map_or("/", |path| path.as_str());
        let authorization = self.authorization.as_ref().map(|shown| format!("authorization: {shown}\r\n"));
        let authorization = authorization.unwrap_or_default();
        format!("GET {path} HTTP/1.1\r\nhost: {authority}\r\n{authorization}connection: close\r\n\r\n")
    }
}

/// Where it was asked.
impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.url.fmt(f)
    }
}

/// The first line of what was said, as it can be printed.
pub(crate) fn first_line(said: &str) -> String {
    said.lines().next().unwrap_or_default().escape_debug().to_string()
}

fn understood(answer: &str) -> Option<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
    Some((status, body.to_owned()))
}

const WAIT_MAX: Duration = Duration::from_secs(2);

/// Enough for whatever a relay can be told; and less than a machine has, whoever answers.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_completed_or_refused() {
        for (url, asked) in [
            ("http://localhost:3000", "http://localhost:3000/healthz"),
            ("http://localhost:3000/", "http://localhost:3000/healthz"),
            ("http://[::1]:9300/readyz?x", "http://[::1]:9300/readyz?x"),
        ] {
            assert_eq!(Question::new(url, "/healthz").unwrap().to_string(), asked);
        }
        for url in ["https://localhost:3000", "localhost:3000", "/healthz", ""] {
            assert!(Question::new(url, "/healthz").is_err_and(|error| error.starts_with("expected a URL")), "{url}");
        }
    }

    #[test]
    fn an_answer_is_its_status_and_what_was_said() {
        let answer = "HTTP/1.1 503 Service Unavailable\r\nx: y\r\n\r\ndraining\x1b\nmore";
        let (status, said) = understood(answer).unwrap();
        assert_eq!((status, first_line(&said)), (503, "draining\\u{1b}".to_owned()));
        for other in ["", "HTTP/1.1 200 OK", "SSH-2.0-x\r\n\r\n", "HTTP/1.1 20\r\n\r\n"] {
            assert_eq!(understood(other), None, "{other}");
        }
    }
}
