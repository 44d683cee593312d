//! Requests that are sent in the order in which they are made.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// Sends a request at once, and waits for its reply elsewhere.
///
/// A request of the `redis` crate is sent when its future is first polled: into a queue that is longer than all that can be
/// under way, so it never waits there. It is polled outside tokio's budget, which would let it wait in its stead.
pub(crate) fn begin<F>(request: F, then: impl FnOnce(F::Output) + Send + 'static)
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    let mut request = Box::pin(tokio::task::unconstrained(request));
    match Pin::new(&mut request).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => then(output),
        Poll::Pending => drop(tokio::spawn(async move { then(request.await) })),
    }
}
