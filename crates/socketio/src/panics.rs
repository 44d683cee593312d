//! The application's own code, and what it may do to us.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use socketio_codec::Namespace as NamespaceName;

/// The application panicked, and the log says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Panicked;

/// Runs a `call` of the application's about a connection in a namespace.
///
/// What it panicked in the middle of is the application's; our own state is changed before or after it, never by it.
/// The panic's message is not repeated: the program's panic hook has it, and it may say what a client sent.
pub(crate) fn guarded<T>(
    connection: u32,
    namespace: &NamespaceName,
    call: &'static str,
    run: impl FnOnce() -> T,
) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|_| {
        tracing::error!(connection, %namespace, call, "the application panicked: the connection it was about is closed");
        Panicked
    })
}

/// The same for a future, which is not polled again once it has panicked.
pub(crate) async fn guarded_future<T>(
    (connection, namespace): (u32, &NamespaceName),
    call: &'static str,
    future: impl Future<Output = T>,
) -> Result<T, Panicked> {
    let mut future = pin!(future);
    poll_fn(|cx| match guarded(connection, namespace, call, || future.as_mut().poll(cx)) {
        Ok(polled) => polled.map(Ok),
        Err(panicked) => Poll::Ready(Err(panicked)),
    })
    .await
}

/// A future's end, or nothing if it panics: that is for whoever calls to tell of. It is not polled again then.
pub(crate) async fn caught_future<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(polled) => polled.map(Some),
        Err(_) => Poll::Ready(None),
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Level, Metadata, Subscriber};

    use super::*;

    /// Counts lines at the level of errors.
    struct Errors(Arc<AtomicUsize>);

    impl Subscriber for Errors {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            *metadata.level() == Level::ERROR
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, _: &Event<'_>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn a_panic_is_one_line_at_the_level_of_errors() {
        let lines = Arc::new(AtomicUsize::new(0));
        tracing::subscriber::with_default(Errors(Arc::clone(&lines)), || {
            assert_eq!(guarded(1, &NamespaceName::ROOT, "event", || 1), Ok(1));
            assert_eq!(lines.load(Ordering::SeqCst), 0);
            assert_eq!(guarded(1, &NamespaceName::ROOT, "event", || panic!("as asked")), Err::<(), _>(Panicked));
        });
        assert_eq!(lines.load(Ordering::SeqCst), 1);
    }
}
