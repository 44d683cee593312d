//! Accepting connections.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use http::{Request, Response};
use http_body::Body as HttpBody;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::application::PeerAddr;
use crate::overload::Overload;
use crate::tasks::{Running, Tasks};
use crate::timed_stream::TimedStream;

/// Serves HTTP/1.1 on `listener` until `stop` is ready, then finishes the requests under way.
///
/// Each request carries the client's address as [`PeerAddr`]. Connections that became WebSockets are not waited
/// for: they belong to their sessions.
pub async fn serve<S, F, B>(listener: TcpListener, service: S, stop: impl Future<Output = ()>)
where
    S: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: std::error::Error + Send + Sync,
{
    let connections = Tasks::default();
    // Nothing is ever sent: that the sender is gone tells the connections to finish.
    let (serving, stopping) = watch::channel(());
    let mut stop = pin!(stop);
    let mut overload = Overload::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, address)) => {
                let running = connections.begin();
                tokio::spawn(serve_connection(stream, address, service.clone(), stopping.clone(), running));
            }
            Err(error) => overload.handle(&listener, &error).await,
        }
    }
    drop(listener);
    drop(serving);
    connections.idle().await;
}

async fn serve_connection<S, F, B>(
    stream: TcpStream,
    address: SocketAddr,
    service: S,
    mut stopping: watch::Receiver<()>,
    running: Running,
) where
    S: Fn(Request<Incoming>) -> F + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: std::error::Error + Send + Sync,
{
    // Small packets that are not to wait for each other. A socket that refuses is already dead.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(PeerAddr(address));
        let response = service(request);
        async move { Ok::<_, Infallible>(response.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(TimedStream::new(stream)), service)
        .with_upgrades();
    // Behind a pointer: an async block has a place of its own for each value on its way.
    let mut connection = Box::pin(connection);
    let finished = tokio::select! {
        finished = connection.as_mut() => finished,
        _ = stopping.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = finished {
        tracing::debug!(%address, %error, "connection failed");
    }
    drop(running);
}

/// For a request's head, and between two requests. A poll that waits is not between requests.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// What Node allows for all headers together is 16 KB; some proxies add long cookies.
const HEAD_BYTES_MAX: usize = 64 * 1024;
