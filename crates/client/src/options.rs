//! What a client is to do.

use std::fmt;
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use socketio_codec::{Json, Namespace};

use crate::machine::MachineConfig;
use crate::reconnect::Reconnect;
use crate::server::{Server, UrlError};

/// Which server, which namespace, and with what.
#[derive(Debug, Clone)]
pub struct Options {
    pub(crate) server: Server,
    pub(crate) headers: HeaderMap,
    pub(crate) machine: MachineConfig,
}

impl Options {
    /// For a server: `http`, `https`, `ws` or `wss`. As with the official client the URL's path is the namespace, and its
    /// query goes with the handshake.
    ///
    /// # Errors
    /// What is wrong with the URL.
    pub fn new(url: &str) -> Result<Self, UrlError> {
        let (server, namespace) = Server::parse(url)?;
        let machine = MachineConfig { namespace, ..MachineConfig::default() };
        Ok(Self { server, headers: HeaderMap::new(), machine })
    }

    /// Another namespace than the URL's.
    #[must_use]
    pub fn namespace(mut self, namespace: Namespace) -> Self {
        self.machine.namespace = namespace;
        self
    }

    /// What to show for it: what the official client calls `auth`.
    ///
    /// # Errors
    /// If it is no JSON object: servers close the connection upon anything else.
    pub fn auth(mut self, auth: Json) -> Result<Self, NotAnObject> {
        if !auth.is_object() {
            return Err(NotAnObject);
        }
        self.machine.auth = Some(auth);
        Ok(self)
    }

    /// A header of the handshake; may be repeated.
    ///
    /// # Errors
    /// If it is none, or one of those that make it a WebSocket's handshake.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, HeaderError> {
        let name = HeaderName::try_from(name).map_err(|_| HeaderError::Name)?;
        let own = ["connection", "content-length", "host", "transfer-encoding", "upgrade"];
        if own.contains(&name.as_str()) || name.as_str().starts_with("sec-websocket-") {
            return Err(HeaderError::Own);
        }
        let mut value = HeaderValue::try_from(value).map_err(|_| HeaderError::Value)?;
        // Not for a log: it may be a token.
        value.set_sensitive(true);
        self.headers.append(name, value);
        Ok(self)
    }

    /// Where on the server Socket.IO is, if not at `/socket.io/`.
    ///
    /// # Errors
    /// If it is no path.
    pub fn path(mut self, path: &str) -> Result<Self, UrlError> {
        self.server = self.server.with_path(path)?;
        Ok(self)
    }

    /// When to try again.
    #[must_use]
    pub fn reconnect(mut self, reconnect: Reconnect) -> Self {
        self.machine.reconnect = reconnect;
        self
    }

    /// How long [`Client::close`](crate::Client::close) waits for the server to have read everything: 5 s unless said.
    #[must_use]
    pub fn close_timeout(mut self, timeout: Duration) -> Self {
        self.machine.close_timeout = timeout;
        self
    }

    /// The namespace that will be joined.
    pub fn joins(&self) -> &Namespace {
        &self.machine.namespace
    }
}

/// The `auth` of a CONNECT has to be an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnObject;

/// What is wrong with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderError {
    /// No header can have this name.
    Name,
    /// No header can have this value.
    Value,
    /// The client sends it itself.
    Own,
}

impl fmt::Display for NotAnObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a JSON object")
    }
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "expected a header such as 'authorization: Bearer …'",
            Self::Value => "expected a header's value without line ends and other controls",
            Self::Own => "this header is the client's own",
        })
    }
}

impl std::error::Error for NotAnObject {}
impl std::error::Error for HeaderError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_in_what_debug_writes() {
        let auth = Json::from_text(r#"{"token":"secret"}"#.into()).unwrap();
        let options = Options::new("http://a").unwrap().auth(auth).unwrap().header("authorization", "secret").unwrap();
        let written = format!("{options:?}");
        assert!(!written.contains("secret"), "{written}");
    }
}
