//! Where connections come from.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

use crate::http::TrustedProxies;
use crate::listener::proxy_header::ProxyHeader;
use crate::transport::stream::Stream;

/// A socket that is listened on, and what lies between it and HTTP.
///
/// ```text
///   accepted ──► PROXY header, from those who speak it ──► layer (TLS) ──► HTTP
/// ```
#[derive(Debug)]
pub struct Listener {
    pub(crate) socket: Socket,
    /// `None` where a connection begins with HTTP.
    pub(crate) opening: Option<Arc<Opening>>,
}

impl Listener {
    /// Peers that begin each connection with the PROXY protocol (version 1 or 2), which then says who the client is. They
    /// must: it is not guessed whether a header is there. From others it is no more than a bad request.
    #[must_use]
    pub fn with_proxies(self, proxies: TrustedProxies) -> Self {
        let layer = self.opening.and_then(|opening| opening.layer.clone());
        Self { opening: Some(Arc::new(Opening { proxies, layer })), ..self }
    }

    /// Puts something over each connection, behind the PROXY header if there is one: TLS. `put_on` is called in the
    /// connection's own task, so that it may take its time, but no longer than
    /// [`HttpConfig::opening_timeout`](crate::HttpConfig::opening_timeout).
    ///
    /// ```no_run
    /// use std::sync::Arc;
    ///
    /// use engineio::{Engine, Listener, Stream, serve};
    /// use tokio_rustls::TlsAcceptor;
    ///
    /// async fn serve_tls(engine: Engine, tls: Arc<tokio_rustls::rustls::ServerConfig>) -> std::io::Result<()> {
    ///     let acceptor = TlsAcceptor::from(tls);
    ///     let listener = tokio::net::TcpListener::bind("0.0.0.0:443").await?;
    ///     let listener = Listener::from(listener).with_layer(move |stream| {
    ///         let opening = acceptor.accept(stream);
    ///         async move { Ok(Stream::other(opening.await?)) }
    ///     });
    ///     serve(listener, move |request| engine.call(request), std::future::pending()).await;
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn with_layer<F>(self, put_on: impl Fn(Stream) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<Stream>> + Send + 'static,
    {
        let layer: Arc<Layer> = Arc::new(move |stream| Box::pin(put_on(stream)) as _);
        let proxies = self.opening.map(|opening| opening.proxies.clone()).unwrap_or_default();
        Self { opening: Some(Arc::new(Opening { proxies, layer: Some(layer) })), ..self }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self { socket: Socket::Tcp(listener), opening: None }
    }
}

#[cfg(unix)]
impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self { socket: Socket::Unix(listener), opening: None }
    }
}

/// The socket itself.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

/// A connection, and its other end. A Unix socket's has no address.
pub(crate) type Accepted = (Stream, Option<SocketAddr>);

impl Socket {
    pub(crate) async fn accept(&self) -> io::Result<Accepted> {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        match self {
            Self::Tcp(listener) => listener.poll_accept(cx).map_ok(|(stream, peer)| (stream.into(), Some(peer))),
            #[cfg(unix)]
            Self::Unix(listener) => listener.poll_accept(cx).map_ok(|(stream, _)| (stream.into(), None)),
        }
    }
}

/// What comes before HTTP.
pub(crate) struct Opening {
    proxies: TrustedProxies,
    layer: Option<Arc<Layer>>,
}

type Layer = dyn Fn(Stream) -> Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>> + Send + Sync;

impl Opening {
    /// Whether a connection's bytes are HTTP's own.
    pub(crate) fn is_plain(&self) -> bool {
        self.layer.is_none()
    }

    /// Reads and does what comes before HTTP.
    pub(crate) async fn open(&self, (mut stream, mut peer): Accepted) -> io::Result<Accepted> {
        if self.proxies.contain_peer(peer.map(|peer| peer.ip())) {
            peer = read_proxy_header(&mut stream).await?.or(peer);
        }
        match &self.layer {
            Some(put_on) => Ok((put_on(stream).await?, peer)),
            None => Ok((stream, peer)),
        }
    }
}

/// The client's address, if the proxy names one. Nothing behind the header is read.
async fn read_proxy_header(stream: &mut Stream) -> io::Result<Option<SocketAddr>> {
    let mut header = Vec::new();
    loop {
        match ProxyHeader::parse(&header).map_err(io::Error::other)? {
            ProxyHeader::Whole(address) => return Ok(address),
            ProxyHeader::More(more) => {
                let from = header.len();
                header.resize(from + more, 0);
                stream.read_exact(&mut header[from..]).await?;
            }
        }
    }
}

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening").field("proxies", &self.proxies).finish_non_exhaustive()
    }
}
