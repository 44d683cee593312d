//! Why connections ended.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use engineio::proto::CloseReason;
use tokio::sync::watch;

/// How many connections have ended, by cause, and who waits to be told of one. Touched once for each connection.
#[derive(Default)]
pub(crate) struct Closes(Mutex<Ends>);

#[derive(Default)]
struct Ends {
    counts: BTreeMap<&'static str, u64>,
    /// By the connection's number. Empty but in tests of programs.
    awaited: HashMap<u32, EndWatch>,
}

/// Where the end of a connection is to be told. An extension of its handshake's request.
#[derive(Clone)]
pub(crate) struct EndWatch(pub(crate) watch::Sender<Option<CloseReason>>);

impl Closes {
    /// Has `watch` told why this connection ends.
    pub(crate) fn tell(&self, connection: u32, watch: &EndWatch) {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One that was refused never ends.
        ends.awaited.retain(|_, awaited| !awaited.0.is_closed());
        ends.awaited.insert(connection, watch.clone());
    }

    pub(crate) fn count(&self, connection: u32, reason: CloseReason) {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *ends.counts.entry(reason.cause()).or_default() += 1;
        if let Some(EndWatch(watch)) = ends.awaited.remove(&connection) {
            watch.send_replace(Some(reason));
        }
    }

    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).counts.clone()
    }
}
