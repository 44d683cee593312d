//! Answers that nobody wants any more, on connections that are still open.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use engineio_proto::AnswerWatch;
use http::Response;

/// What one connection knows of the answer it is writing.
///
/// A long answer to a client that does not read is held by its connection, which sees nothing but a socket that takes no
/// more. When its session is closed as slow, the connection is to go with it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unwanted(Arc<Mutex<Option<AnswerWatch>>>);

impl Unwanted {
    /// Takes note of an answer that is to be written next.
    pub(crate) fn note<B>(&self, response: &mut Response<B>) {
        *self.lock() = response.extensions_mut().remove::<AnswerWatch>();
    }

    /// The last answer is out: the next request came. It may be another client's, whose proxy shares the connection
    /// between all of them; what becomes of the former one's session is nothing to it.
    pub(crate) fn forget(&self) {
        *self.lock() = None;
    }

    /// Ready once nobody wants what is being written. To be polled behind whatever notes answers, in the same task.
    pub(crate) async fn seen(&self) {
        poll_fn(|cx| match &*self.lock() {
            Some(watch) => watch.poll_aborted(cx),
            None => Poll::Pending,
        })
        .await;
    }

    fn lock(&self) -> MutexGuard<'_, Option<AnswerWatch>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
