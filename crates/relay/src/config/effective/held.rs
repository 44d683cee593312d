//! What a running relay holds now.

use std::sync::{Arc, PoisonError, RwLock};

use super::Effective;

/// The effective settings of a running relay. A reload puts others in their place.
#[derive(Debug)]
pub(crate) struct Held(RwLock<Arc<Effective>>);

impl Held {
    pub(crate) fn new(effective: Effective) -> Arc<Self> {
        Arc::new(Self(RwLock::new(Arc::new(effective))))
    }

    pub(crate) fn get(&self) -> Arc<Effective> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts others in their place.
    pub(crate) fn set(&self, effective: Effective) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(effective);
    }
}
