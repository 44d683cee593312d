use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

/// A WebSocket of a client.
pub type Ws<S = TcpStream> = WebSocketStream<S>;

/// A WebSocket over a TCP connection of its own.
pub async fn connect(address: SocketAddr, target: &str) -> Ws {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    connect_over(stream, target).await
}

/// With a receive buffer of the smallest size: its owner stalls the server soon.
pub async fn connect_slow(address: SocketAddr, target: &str) -> Ws {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(2048).unwrap();
    connect_over(socket.connect(address).await.unwrap(), target).await
}

/// A WebSocket over a stream that is connected.
pub async fn connect_over<S: AsyncRead + AsyncWrite + Unpin>(stream: S, target: &str) -> Ws<S> {
    let connected = client_async(format!("ws://test{target}"), stream);
    crate::within(connected).await.expect("the server takes WebSockets").0
}

/// The request by which a WebSocket is asked for, as bytes.
pub fn upgrade_request(target: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nhost: test\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// The next frame; `None` once the connection has ended, however it did.
pub async fn next<S: AsyncRead + AsyncWrite + Unpin>(ws: &mut Ws<S>) -> Option<Message> {
    crate::within(ws.next()).await.and_then(Result::ok)
}

/// The next frame, which is text.
pub async fn text<S: AsyncRead + AsyncWrite + Unpin>(ws: &mut Ws<S>) -> String {
    match next(ws).await {
        Some(Message::Text(text)) => text.as_str().to_owned(),
        other => panic!("no text but {other:?}"),
    }
}

/// Sends a message, which the kernel takes.
pub async fn send<S: AsyncRead + AsyncWrite + Unpin>(ws: &mut Ws<S>, message: impl Into<Message>) {
    crate::within(ws.send(message.into())).await.unwrap();
}

/// What still comes, byte by byte, until the connection ends.
pub async fn bytes_until_end(ws: Ws) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A reset is an end, too.
    let _ = crate::within(ws.into_inner().read_to_end(&mut bytes)).await;
    bytes
}

/// Whether nothing but the connection's end comes.
pub async fn is_ended<S: AsyncRead + AsyncWrite + Unpin>(ws: &mut Ws<S>) -> bool {
    matches!(next(ws).await, None | Some(Message::Close(_)))
}
