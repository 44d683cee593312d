//! What may lie under a WebSocket beside a bare TCP socket.

use std::fmt::Debug;

use tokio::io::{AsyncRead, AsyncWrite};

/// Any byte stream that is not a bare TCP socket: TLS, or whatever a program wraps its connections in.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Debug {}

impl<T: AsyncRead + AsyncWrite + Send + Debug> Stream for T {}
