//! The settings that hold now.

use std::sync::{Arc, PoisonError, RwLock};

use engineio_proto::{Ledger, OutletBounds, SessionConfig};

use crate::config::EngineConfig;
use crate::session::clock::Tick;

/// One generation of settings, with what follows from them. It never changes: whoever has it is not told two things.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) config: Arc<EngineConfig>,
    /// The same as in there, for the sessions that begin to share.
    pub(crate) session: Arc<SessionConfig>,
    /// For the outboxes of the sessions that begin. What a client is told to be the largest payload is also the largest that
    /// it is sent.
    pub(crate) bounds: Arc<OutletBounds>,
    /// For the sessions that begin.
    pub(crate) tick: Tick,
}

impl Settings {
    pub(crate) fn new(config: EngineConfig, ledger: &Arc<Ledger>) -> Self {
        let bounds = OutletBounds {
            bytes_max: config.outbox_bytes_max,
            answer_bytes_max: config.session.max_payload_bytes,
            ledger: Arc::clone(ledger),
        };
        // A client gives up after both: neither a long interval nor a long time-out makes it patient.
        let patience = config.session.ping_interval.min(config.session.ping_timeout);
        let session = Arc::new(config.session.clone());
        Self { config: Arc::new(config), session, bounds: Arc::new(bounds), tick: Tick::short_beside(patience) }
    }
}

/// The generation that holds. Each request takes it once, when it begins, and a session when it opens.
#[derive(Debug)]
pub(crate) struct Live(RwLock<Arc<Settings>>);

impl Live {
    pub(crate) fn new(settings: Settings) -> Self {
        Self(RwLock::new(Arc::new(settings)))
    }

    pub(crate) fn now(&self) -> Arc<Settings> {
        // Nothing in here panics with the lock held but the caller of `replace`, before it has changed anything.
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts the next generation in place, behind what `also` does. So of two calls at once one is the later in all it does.
    pub(crate) fn replace(&self, settings: Settings, also: impl FnOnce(&EngineConfig)) {
        let next = Arc::new(settings);
        let mut now = self.0.write().unwrap_or_else(PoisonError::into_inner);
        also(&next.config);
        let former = std::mem::replace(&mut *now, next);
        drop(now);
        // Perhaps the last of it, and there are lists in it: nobody waits for that.
        drop(former);
    }
}
