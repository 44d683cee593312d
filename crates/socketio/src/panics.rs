//! The application's own code, and what it may do to us.

use std::panic::{AssertUnwindSafe, catch_unwind};

use socketio_codec::Namespace as NamespaceName;

/// The application panicked, and the log says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Panicked;

/// Runs a `call` of the application's about a namespace.
///
/// What it panicked in the middle of is the application's; our own state is changed before or after it, never by it.
/// The panic's message is not repeated: the program's panic hook has it, and it may say what a client sent.
pub(crate) fn guarded<T>(namespace: &NamespaceName, call: &'static str, run: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|_| {
        tracing::error!(%namespace, call, "the application panicked: the connection it was about is closed");
        Panicked
    })
}
