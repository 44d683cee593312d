//! A web server that does as a test says.

use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What becomes of a request.
pub(super) enum Reply {
    Answer(Response<String>),
    /// Nothing, ever.
    Silence,
    /// A body that never ends.
    Endless,
}

impl Reply {
    pub(super) fn ok(body: impl ToString) -> Self {
        Self::Answer(Response::new(body.to_string()))
    }

    pub(super) fn status(status: u16) -> Self {
        Self::Answer(Response::builder().status(status).body(String::new()).unwrap())
    }

    pub(super) fn redirect(to: &str) -> Self {
        Self::Answer(Response::builder().status(302).header("location", to).body(String::new()).unwrap())
    }
}

/// It listens on a port of its own until it is dropped.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    requests: Arc<Mutex<Vec<Request<Bytes>>>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Answers by `reply`, which also gets the number of the request, from 1.
    pub(super) async fn start(reply: impl Fn(usize, &Request<Bytes>) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, reply) = (listener.local_addr().unwrap(), Arc::new(reply));
        let requests: Arc<Mutex<Vec<Request<Bytes>>>> = Arc::default();
        let seen = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (reply, seen) = (Arc::clone(&reply), Arc::clone(&seen));
                let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                    let (reply, seen) = (Arc::clone(&reply), Arc::clone(&seen));
                    async move {
                        let (head, body) = request.into_parts();
                        let request = Request::from_parts(head, body.collect().await.unwrap().to_bytes());
                        let number = {
                            let mut seen = seen.lock().unwrap();
                            seen.push(request.clone());
                            seen.len()
                        };
                        Ok::<_, Infallible>(respond(reply(number, &request)).await)
                    }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, requests, task }
    }

    pub(super) fn url(&self, path: &str) -> http::Uri {
        format!("http://{}{path}", self.address).parse().unwrap()
    }

    /// What it was asked so far.
    pub(super) fn requests(&self) -> Vec<Request<Bytes>> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn respond(reply: Reply) -> Response<BoxBody<Bytes, Infallible>> {
    match reply {
        Reply::Answer(response) => response.map(|body| Full::from(body).boxed()),
        Reply::Silence => pending().await,
        Reply::Endless => Response::new(Ever.boxed()),
    }
}

struct Ever;

impl Body for Ever {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b' '; 4096])))))
    }
}
