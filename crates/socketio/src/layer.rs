//! The server around another service: it takes its own requests, and hands on all others.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use engineio::{Body, HungUp};
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::server::Server;

impl Server {
    /// A layer that puts this server before a service: requests under its path are the server's, all others go on.
    ///
    /// ```no_run
    /// # fn app(server: fanfare_socketio::Server) -> axum::Router {
    /// use axum::Router;
    /// use axum::routing::get;
    ///
    /// Router::new().route("/", get("hello")).layer(server.layer())
    /// # }
    /// ```
    ///
    /// Layers that are added after it are around both: what they put into a request's extensions is in
    /// [`Handshake::extensions`](crate::Handshake::extensions).
    pub fn layer(&self) -> ServerLayer {
        ServerLayer(self.clone())
    }
}

/// Puts a [`Server`] before a service: a [`tower_layer::Layer`]. Made by [`Server::layer`].
#[derive(Debug, Clone)]
pub struct ServerLayer(Server);

impl<S> tower_layer::Layer<S> for ServerLayer {
    type Service = ServerLayered<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ServerLayered { server: self.0.clone(), inner }
    }
}

/// A service with a [`Server`] before it: a [`tower_service::Service`].
#[derive(Debug, Clone)]
pub struct ServerLayered<S> {
    server: Server,
    inner: S,
}

impl<S, B, R> tower_service::Service<Request<B>> for ServerLayered<S>
where
    S: tower_service::Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    B: HttpBody + Send + 'static,
    B::Data: Send,
{
    type Response = Response<LayerBody<R>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    /// When the service behind it is ready: whose the next request is, nobody knows.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if self.server.owns(request.uri().path()) {
            // By the call itself, not in the future: a poll waits in there, and should not keep its request.
            let answer = self.server.call(request);
            return Box::pin(async move { Ok(answer.await.map(|body| LayerBody(Whose::Server(body)))) });
        }
        let answer = self.inner.call(request);
        Box::pin(async move { Ok(answer.await?.map(|body| LayerBody(Whose::Inner(body)))) })
    }
}

/// The body of an answer of a [`ServerLayered`]: the server's, or that of the service behind it.
#[derive(Debug)]
pub struct LayerBody<B>(Whose<B>);

#[derive(Debug)]
enum Whose<B> {
    Server(Body),
    Inner(B),
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for LayerBody<B> {
    type Data = Bytes;
    type Error = LayerError<B::Error>;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match &mut self.get_mut().0 {
            Whose::Server(body) => Pin::new(body).poll_frame(cx).map_err(LayerError::Server),
            Whose::Inner(body) => Pin::new(body).poll_frame(cx).map_err(LayerError::Inner),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Whose::Server(body) => body.is_end_stream(),
            Whose::Inner(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Whose::Server(body) => body.size_hint(),
            Whose::Inner(body) => body.size_hint(),
        }
    }
}

/// Why the rest of a body does not come.
#[derive(Debug)]
#[non_exhaustive]
pub enum LayerError<E> {
    /// The server ended the connection.
    Server(HungUp),
    /// The service behind it failed.
    Inner(E),
}

impl<E: fmt::Display> fmt::Display for LayerError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(error) => error.fmt(f),
            Self::Inner(error) => error.fmt(f),
        }
    }
}

impl<E: Error + 'static> Error for LayerError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // They say the same as this.
            Self::Server(error) => error.source(),
            Self::Inner(error) => error.source(),
        }
    }
}
