//! How asking went, counted: how long it took, and why tokens were refused.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use policy::TokenFault;
use socketio::engineio::proto::Histogram;

/// How often, by issuer and reason. The labels are the configuration's and ours, so there are only so many.
#[derive(Debug)]
pub(crate) struct Failures {
    counts: Mutex<BTreeMap<(Arc<str>, &'static str), u64>>,
    /// How long it took to find out who somebody is, or is not.
    pub(crate) took: Histogram,
}

impl Default for Failures {
    fn default() -> Self {
        Self { counts: Mutex::default(), took: Histogram::new(BOUNDS) }
    }
}

impl Failures {
    /// A token of this connection's client was refused. The token itself is nowhere to be seen.
    pub(crate) fn count(&self, connection: u32, issuer: &Arc<str>, fault: TokenFault) {
        tracing::debug!(connection, issuer = &**issuer, reason = fault.label(), "token refused: {fault}");
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((Arc::clone(issuer), fault.label())).or_default() += 1;
    }

    pub(crate) fn read(&self) -> BTreeMap<(Arc<str>, &'static str), u64> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// From a signature that is verified at once to an application that does not answer within the time somebody is held.
const BOUNDS: &[Duration] = &[
    Duration::from_micros(100),
    Duration::from_millis(1),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2_500),
    Duration::from_secs(5),
    Duration::from_secs(10),
];
