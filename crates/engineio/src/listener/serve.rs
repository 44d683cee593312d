//! Accepting connections.

use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use http::header::HOST;
use http::{Request, Response, StatusCode, Version};
use http_body::Body as HttpBody;
use http_body_util::{Either, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::watch;
use tokio::time::Sleep;

use crate::http::{HungUp, close_connection};
use crate::listener::exchange::{Exchange, Overdue, Patience};
use crate::listener::http_stream::HttpStream;
use crate::listener::listener::{Accepted, Listener, Opening, Socket};
use crate::listener::overload::Overload;
use crate::listener::unwanted::Unwanted;
use crate::peer::{NoPeerAddr, PeerAddr};
use crate::session::tasks::Tasks;
use crate::transport::farewell::HURRIED_MAX;
use crate::transport::stream::Stream;
use crate::transport::timed_stream::TimedStream;

/// How a listener speaks HTTP. [`Default`] is what [`serve`] uses.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpConfig {
    /// How long a connection may be idle between two requests. Longer than what proxies in front keep theirs, or one of
    /// them sends a request into a connection that is being closed.
    pub keep_alive: Duration,
    /// How long a request's head may take, and the first one to begin.
    pub head_timeout: Duration,
    /// How long a connection may take for what comes before HTTP: the PROXY header, and the layer ([`Listener`]).
    pub opening_timeout: Duration,
}

impl Default for HttpConfig {
    fn default() -> Self {
        // nginx and AWS's balancers keep theirs for 60 s.
        Self {
            keep_alive: Duration::from_secs(75),
            head_timeout: Duration::from_secs(30),
            opening_timeout: Duration::from_secs(10),
        }
    }
}

/// Serves HTTP/1.1 on `listener` until `stop` is ready, then finishes the requests under way. One whose head has not come
/// half a second later, or whose answer its client has not taken, is cut off: it would hold up the end.
///
/// `service` is called when a request's head is there; its future is dropped, begun or not, when the connection closes.
/// Each request carries the client's address as [`PeerAddr`]; where there is none, one that could open a session says so
/// ([`NoPeerAddr`]). Connections that became WebSockets are not
/// waited for: they belong to their sessions.
///
/// `listener` is a [`TcpListener`](tokio::net::TcpListener), a [`UnixListener`](tokio::net::UnixListener), or one of them as
/// a [`Listener`] with TLS over it.
pub async fn serve<S, F, B>(listener: impl Into<Listener>, service: S, stop: impl Future<Output = ()>)
where
    S: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: std::error::Error + Send + Sync,
{
    serve_with(listener, HttpConfig::default(), service, stop).await;
}

/// [`serve`] with other times.
pub async fn serve_with<S, F, B>(
    listener: impl Into<Listener>,
    config: HttpConfig,
    service: S,
    stop: impl Future<Output = ()>,
) where
    S: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: std::error::Error + Send + Sync,
{
    let (listener, config) = (listener.into(), Arc::new(config));
    prepare(&listener.socket);
    let connections = Tasks::default();
    // Nothing is ever sent: that the sender is gone tells the connections to finish.
    let (serving, stopping) = watch::channel(());
    let mut stop = pin!(stop);
    let mut overload = Overload::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.socket.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok(accepted) => {
                let running = connections.begin();
                let (config, service, stopping) = (Arc::clone(&config), service.clone(), stopping.clone());
                let opening = listener.opening.clone();
                tokio::spawn(async move {
                    match opening {
                        None => serve_connection(accepted, config, service, stopping).await,
                        Some(opening) => {
                            if let Some(accepted) = opened(&opening, accepted, &config, stopping.clone()).await {
                                serve_connection(accepted, config, service, stopping).await;
                            }
                        }
                    }
                    drop(running);
                });
            }
            Err(error) => overload.handle(&listener, &error).await,
        }
    }
    drop(listener);
    drop(serving);
    connections.idle().await;
}

/// Serves HTTP/1.1 on one connection, as [`serve_with`] does on those of a listener, until it ends or becomes a WebSocket.
/// `peer` is the client's address, if it has one.
///
/// To a bare socket ([`Stream::Tcp`], [`Stream::Unix`]) whoever has something for a client writes directly. Anything else that
/// can be read and written is a [`Stream::other`]: a pipe in memory, or TLS that the program does itself.
///
/// ```no_run
/// use engineio::{Engine, HttpConfig, Stream, serve_stream};
/// use tokio::net::TcpListener;
/// use tokio_rustls::TlsAcceptor;
///
/// async fn accept(engine: Engine, listener: TcpListener, acceptor: TlsAcceptor) -> std::io::Result<()> {
///     loop {
///         let (stream, peer) = listener.accept().await?;
///         let (engine, opening) = (engine.clone(), acceptor.accept(stream));
///         tokio::spawn(async move {
///             if let Ok(stream) = opening.await {
///                 let service = move |request| engine.call(request);
///                 let never = std::future::pending();
///                 serve_stream(Stream::other(stream), Some(peer), HttpConfig::default(), service, never).await;
///             }
///         });
///     }
/// }
/// ```
pub async fn serve_stream<S, F, B>(
    stream: impl Into<Stream>,
    peer: Option<SocketAddr>,
    config: HttpConfig,
    service: S,
    stop: impl Future<Output = ()>,
) where
    S: Fn(Request<Incoming>) -> F + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: std::error::Error + Send + Sync,
{
    let (serving, stopping) = watch::channel(());
    let mut serving = Some(serving);
    let mut stop = pin!(stop);
    let mut connection = pin!(serve_connection((stream.into(), peer), Arc::new(config), service, stopping));
    loop {
        tokio::select! {
            () = &mut connection => return,
            () = &mut stop, if serving.is_some() => serving = None,
        }
    }
}

/// What comes before HTTP, within its time.
async fn opened(
    opening: &Opening,
    accepted: Accepted,
    config: &HttpConfig,
    mut stopping: watch::Receiver<()>,
) -> Option<Accepted> {
    let peer = accepted.1;
    // Behind a pointer: it is over when the long part of the connection's life begins.
    let opening = Box::pin(tokio::time::timeout(config.opening_timeout, opening.open(accepted)));
    let outcome = tokio::select! {
        outcome = opening => outcome,
        _ = stopping.changed() => return None,
    };
    let peer = peer.map(tracing::field::display);
    match outcome {
        Ok(Ok(accepted)) => return Some(accepted),
        Ok(Err(error)) => tracing::debug!(peer, %error, "connection failed before a request"),
        Err(_) => tracing::debug!(peer, "connection closed: what comes before a request did not come in time"),
    }
    None
}

async fn serve_connection<S, F, B>(
    (stream, peer): Accepted,
    config: Arc<HttpConfig>,
    service: S,
    mut stopping: watch::Receiver<()>,
) where
    S: Fn(Request<Incoming>) -> F + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: HttpBody + Send + 'static,
    B::Data: Send,
    B::Error: std::error::Error + Send + Sync,
{
    // Small packets that are not to wait for each other. A socket that refuses is already dead. Not left to the listener
    // to hand down: those who connected before it was told would be slow for ever.
    if let Stream::Tcp(stream) = &stream {
        let _ = stream.set_nodelay(true);
    }
    let shown = move || peer.map(tracing::field::display);
    let unwanted = Unwanted::default();
    let exchange = Arc::new(Exchange::default());
    let stream = HttpStream::new(TimedStream::new(stream), Arc::clone(&exchange));
    let (called, writing) = (Arc::clone(&exchange), unwanted.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        let (exchange, writing) = (Arc::clone(&called), writing.clone());
        exchange.called();
        writing.forget();
        let answer = if is_addressed(&request) {
            say_peer(&mut request, peer);
            Some(service(request))
        } else {
            None
        };
        async move {
            let mut response = match answer {
                Some(answer) => answer.await.map(Either::Left),
                None => {
                    tracing::debug!(peer = shown(), "request refused: it does not say once which host it is for");
                    close_connection(bad_request()).map(Either::Right)
                }
            };
            exchange.answered();
            writing.note(&mut response);
            // An error is how hyper is told to close the connection without an answer.
            if response.extensions().get::<HungUp>().is_some() { Err(HungUp) } else { Ok(response) }
        }
    });
    let connection = http1::Builder::new()
        // Its time would be the same for a slow head and for an idle connection; `Patience` has two.
        .header_read_timeout(None)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // Behind a pointer: an async block has a place of its own for each value on its way.
    let mut connection = Box::pin(connection);
    let mut patience = Patience::new(config.keep_alive, config.head_timeout);
    let mut is_stopping = false;
    let mut hurry = None;
    let finished = loop {
        tokio::select! {
            // First, for it says what it is at.
            biased;
            finished = connection.as_mut() => break finished,
            _ = stopping.changed(), if !is_stopping => {
                is_stopping = true;
                hurry = Some(Box::pin(tokio::time::sleep(HURRIED_MAX)));
                connection.as_mut().graceful_shutdown();
            }
            () = elapsed(&mut hurry) => {
                if !exchange.is_busy() {
                    return;
                }
                hurry = Some(Box::pin(tokio::time::sleep(HURRIED_MAX)));
            }
            () = unwanted.seen() => return,
            overdue = poll_fn(|cx| patience.poll_overdue(&exchange, cx)) => match overdue {
                Overdue::Head => {
                    tracing::debug!(peer = shown(), "connection closed: a request's head did not come in time");
                    return;
                }
                Overdue::Idle => {
                    // That ends it, or will when the last answer is written; what else it is at then is not waited for.
                    connection.as_mut().graceful_shutdown();
                    exchange.received();
                }
            },
        }
    };
    if let Err(error) = finished {
        tracing::debug!(peer = shown(), %error, "connection failed");
    }
}

/// Has the request say who is at the other end. That nobody with an address is, only handshakes are asked for, and what is
/// said takes memory: a request of a session there is goes without.
fn say_peer<B>(request: &mut Request<B>, peer: Option<SocketAddr>) {
    match peer {
        Some(peer) => drop(request.extensions_mut().insert(PeerAddr(peer))),
        None if names_session(request.uri().query().unwrap_or_default()) => {}
        None => drop(request.extensions_mut().insert(NoPeerAddr)),
    }
}

/// Whether a query has a `sid` that is not empty, written as clients do. One that is written otherwise only costs more.
fn names_session(query: &str) -> bool {
    query.split('&').any(|pair| pair.strip_prefix("sid=").is_some_and(|sid| !sid.is_empty()))
}

/// Waits for a timer, or for ever if there is none.
async fn elapsed(timer: &mut Option<Pin<Box<Sleep>>>) {
    match timer {
        Some(timer) => timer.await,
        None => std::future::pending().await,
    }
}

/// Sets what the connections inherit: one call of the system for all of them. A socket that refuses, or one that was
/// connected before, keeps more; it works all the same.
#[cfg(target_os = "linux")]
fn prepare(socket: &Socket) {
    if let Socket::Tcp(listener) = socket {
        let _ = socket2::SockRef::from(listener).set_tcp_notsent_lowat(UNSENT_BYTES_MAX);
    }
}

#[cfg(not(target_os = "linux"))]
fn prepare(_: &Socket) {}

/// Whether the request says once which host it is for (RFC 9112, section 3.2).
fn is_addressed<B>(request: &Request<B>) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => request.version() == Version::HTTP_10,
        (Some(_), other) => other.is_none(),
    }
}

fn bad_request<D: Buf>() -> Response<Empty<D>> {
    let mut response = Response::new(Empty::new());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}

/// What Node allows for all headers together is 16 KB; some proxies add long cookies.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// What the kernel takes of a connection before it is sent. Whoever does not read would otherwise have some 3 MiB there,
/// in nobody's bound; here it waits in the outbox, shared with everybody else whom it is for.
#[cfg(target_os = "linux")]
const UNSENT_BYTES_MAX: u32 = 256 * 1024;
