//! What the relay answers by HTTP.

use http::{HeaderValue, Method, Request, Response, header};

use socketio::engineio::CorsConfig;
use socketio::{Body, Server};

use crate::bundle::Bundle;

/// Everything under one address: the relay itself, the client bundle, and the health check.
pub(crate) struct Site {
    pub(crate) server: Server,
    /// Under which the server and the bundle are found.
    pub(crate) path: String,
    pub(crate) bundle: Option<Bundle>,
    pub(crate) cors: Option<CorsConfig>,
}

impl Site {
    /// Answers one request. What is not its own goes to the server, which says 404 to paths that it does not know.
    pub(crate) fn answer<B: http_body::Body>(
        &self,
        request: Request<B>,
    ) -> impl Future<Output = Response<Body>> + use<B> {
        // Not in the future: a poll waits in there, and should not keep its request.
        let answer = self.own(&request).ok_or_else(|| self.server.call(request));
        async move {
            match answer {
                Ok(response) => response,
                Err(server) => server.await,
            }
        }
    }

    fn own<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        // Before the server: its path may be `/`.
        if request.uri().path() == "/healthz" {
            return Some(healthy());
        }
        self.bundle_file(request)
    }

    fn bundle_file<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return None;
        }
        let name = request.uri().path().strip_prefix(&self.path)?;
        let mut response = self.bundle.as_ref()?.answer(name, request.headers())?;
        if let Some(cors) = &self.cors {
            cors.apply(request.headers(), response.headers_mut());
        }
        Some(response)
    }
}

fn healthy() -> Response<Body> {
    let mut response = Response::new(Body::from("ok\n"));
    let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}
