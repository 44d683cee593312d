//! The connection under an upgraded request.

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;

use crate::listener::http_stream::HttpStream;
use crate::transport::stream::Stream;
use crate::transport::websocket::WebSocket;

/// The WebSocket on an upgraded connection; on the bare socket if there is one underneath: from our own listener, from
/// hyper, or from a server that guesses the HTTP version (axum's).
///
/// hyper's read buffer is copied (it holds what the client sent behind its request, mostly nothing) and dropped:
/// kept, it would pin 8 KiB for the life of the session.
pub(crate) fn websocket(upgraded: Upgraded, max_payload_bytes: usize) -> WebSocket {
    let upgraded = match upgraded.downcast::<TokioIo<HttpStream>>() {
        Ok(parts) => {
            let stream = parts.io.into_inner().into_inner().into_inner();
            return WebSocket::over(stream, &parts.read_buf, max_payload_bytes);
        }
        Err(upgraded) => upgraded,
    };
    let upgraded = match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => return WebSocket::over(parts.io.into_inner().into(), &parts.read_buf, max_payload_bytes),
        Err(upgraded) => upgraded,
    };
    match auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded) {
        Ok(parts) => WebSocket::over(parts.io.into_inner().into(), &parts.read_buf, max_payload_bytes),
        Err(upgraded) => WebSocket::over(Stream::other(TokioIo::new(upgraded)), &[], max_payload_bytes),
    }
}
