//! What the relay answers by HTTP.

use std::sync::Arc;

use http::{HeaderValue, Request, Response, StatusCode, header};
use socketio::{Body, Health, Server};

use crate::admin::{Admin, PAGE_PATH};
use crate::readiness::{Readiness, Unready};

/// Everything under one address: the relay itself, and the health check.
pub(crate) struct Site {
    pub(crate) server: Server,
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) admin: Arc<Admin>,
}

impl Site {
    /// Answers one request. What is not its own goes to the server, which says 404 to paths that it does not know.
    pub(crate) fn answer<B: http_body::Body>(
        &self,
        request: Request<B>,
    ) -> impl Future<Output = Response<Body>> + use<B> {
        // Before the server: its path may be `/`. Not in the future: a poll waits in there, and should not keep its
        // request.
        let is_health_check = request.uri().path() == "/healthz";
        let answer = match is_health_check {
            true => Ok(Box::new(health(self.health()))),
            false => self.page(&request).map(Box::new).ok_or_else(|| self.server.call(request)),
        };
        async move {
            match answer {
                Ok(response) => *response,
                Err(server) => server.await,
            }
        }
    }

    /// A file of the Admin UI, if it is asked for and there.
    fn page<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        // Asked at each request.
        let path = request.uri().path();
        if !path.starts_with(PAGE_PATH) {
            return None;
        }
        self.admin.page()?.answer(request.method(), path, request.headers())
    }

    /// It counts as draining as soon as nobody is to be sent here, before anybody is refused.
    fn health(&self) -> Health {
        match self.server.health() {
            Health::Serving if self.readiness.why_not() == Some(Unready::Draining) => Health::Draining,
            health => health,
        }
    }
}

/// 200 only while clients are taken: what watches sends them elsewhere otherwise, and restarts what has failed.
fn health(health: Health) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{health}\n")));
    if health != Health::Serving {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    let content_type = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

#[cfg(test)]
mod tests {
    use socketio::ServerConfig;

    use super::*;
    use crate::admin;
    use crate::config::Config;
    use crate::relay::Live;
    use crate::serve::first_generation;

    #[tokio::test]
    async fn a_health_check_says_whether_clients_are_taken() {
        let server = Server::builder(ServerConfig::default()).build();
        let readiness = Arc::<Readiness>::default();
        let live = Live::new(first_generation(&Config::default()));
        let admin = Admin::new(&Config::default(), &live, None, admin::development());
        let site = Site { server: server.clone(), readiness: Arc::clone(&readiness), admin };
        let asked = || site.answer(Request::get("/healthz?x=1").body(String::new()).unwrap());
        assert_eq!(asked().await.status(), 200);
        readiness.set(Unready::Draining, true);
        assert_eq!(asked().await.status(), 503);
        readiness.set(Unready::Draining, false);
        assert_eq!(asked().await.status(), 200);
        server.close();
        assert_eq!(asked().await.status(), 503);
    }
}
