//! Accepting connections.

use std::future::Future;
use std::io;
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
use crate::http::HungUp;
use crate::tasks::{Running, Tasks};
use crate::timed_stream::TimedStream;
use crate::unwanted::Unwanted;

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
    prepare(&listener);
    let connections = Tasks::default();
    // Nothing is ever sent: that the sender is gone tells the connections to finish.
    let (serving, stopping) = watch::channel(());
    let mut stop = pin!(stop);
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
            Err(error) => pause_after(&error).await,
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
    // Small packets that are not to wait for each other. A socket that refuses is already dead. Not left to the listener
    // to hand down: those who connected before it was told would be slow for ever.
    let _ = stream.set_nodelay(true);
    let unwanted = Unwanted::default();
    let writing = unwanted.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(PeerAddr(address));
        let response = service(request);
        let writing = writing.clone();
        async move {
            let mut response = response.await;
            writing.note(&mut response);
            // An error is how hyper is told to close the connection without an answer.
            if response.extensions().get::<HungUp>().is_some() { Err(HungUp) } else { Ok(response) }
        }
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
        biased;
        finished = connection.as_mut() => finished,
        () = unwanted.seen() => return,
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

/// Sets what the connections inherit: one call of the system for all of them. A socket that refuses, or one that was
/// connected before, keeps more; it works all the same.
#[cfg(target_os = "linux")]
fn prepare(listener: &TcpListener) {
    let _ = socket2::SockRef::from(listener).set_tcp_notsent_lowat(UNSENT_BYTES_MAX);
}

#[cfg(not(target_os = "linux"))]
fn prepare(_: &TcpListener) {}

/// Out of file descriptors, most likely: accepting again at once would spin. Others are the client's affair.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(%error, "cannot accept connections");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

/// For a request's head, and between two requests. A poll that waits is not between requests.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// What Node allows for all headers together is 16 KB; some proxies add long cookies.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// What the kernel takes of a connection before it is sent. Whoever does not read would otherwise have some 3 MiB there,
/// in nobody's bound; here it waits in the outbox, shared with everybody else whom it is for.
#[cfg(target_os = "linux")]
const UNSENT_BYTES_MAX: u32 = 256 * 1024;
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
