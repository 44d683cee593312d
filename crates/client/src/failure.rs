//! Why there is no connection.

use std::fmt;

/// Why an attempt to connect failed, or a connection was lost. Texts that the server chose are as it sent them: who
/// prints one to a terminal escapes it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// No address for the name, or nobody listens there.
    Unreachable(String),
    /// No TLS with this server, or not with this certificate.
    Tls(String),
    /// The server answered by HTTP, and not with a WebSocket.
    Http {
        /// The answer's status.
        status: u16,
        /// What its body says, or where it redirects to.
        message: String,
    },
    /// The server said nothing within the time that opening a connection may take.
    TimedOut,
    /// The server was silent for longer than its pings allow.
    PingTimeout,
    /// The server closed the connection.
    Closed {
        /// The WebSocket's status code, if there was one.
        code: Option<u16>,
        /// And its reason.
        reason: String,
    },
    /// The connection broke.
    Broken(String),
    /// The server sent what is no packet.
    Malformed(String),
    /// The server cannot be talked to by this client: not now, and not later.
    Unsupported(Unsupported),
}

/// What a server has to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsupported {
    /// It offers HTTP long-polling only, and this client speaks WebSocket only.
    PollingOnly,
    /// It speaks Socket.IO before version 3.
    OldProtocol,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) | Self::Broken(why) => f.write_str(why),
            Self::Tls(why) => write!(f, "no tls: {why}"),
            Self::Http { status, message } if message.is_empty() => write!(f, "http status {status}"),
            Self::Http { status, message } => write!(f, "http status {status}: {message}"),
            Self::TimedOut => f.write_str("no answer in time"),
            Self::PingTimeout => f.write_str("ping timeout: the server is silent"),
            Self::Closed { code, reason } => {
                f.write_str("closed by the server")?;
                if let Some(code) = code {
                    write!(f, " with {code}")?;
                }
                if reason.is_empty() { Ok(()) } else { write!(f, ": {reason}") }
            }
            Self::Malformed(why) => write!(f, "the server sent what is no packet: {why}"),
            Self::Unsupported(what) => what.fmt(f),
        }
    }
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PollingOnly => "the server offers no websocket, and http long-polling is not spoken here",
            Self::OldProtocol => "the server speaks an older socket.io (version 2), which is not spoken here",
        })
    }
}

impl std::error::Error for Failure {}
