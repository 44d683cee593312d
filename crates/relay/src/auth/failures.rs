//! Why tokens were refused, counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use policy::TokenFault;

/// How often, by issuer and reason. The labels are the configuration's and ours, so there are only so many.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    counts: Mutex<BTreeMap<(Arc<str>, &'static str), u64>>,
}

impl Failures {
    /// A token was refused. The token itself is nowhere to be seen.
    pub(crate) fn count(&self, issuer: &Arc<str>, fault: TokenFault) {
        tracing::debug!(issuer = &**issuer, reason = fault.label(), "token refused: {fault}");
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((Arc::clone(issuer), fault.label())).or_default() += 1;
    }

    pub(crate) fn read(&self) -> BTreeMap<(Arc<str>, &'static str), u64> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
