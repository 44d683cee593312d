//! What changes while a server runs.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use engineio::Unchangeable;

use crate::client_bundle::ClientBundle;
use crate::config::ServerConfig;
use crate::server::Server;

impl Server {
    /// Has other settings hold from now on: for what is asked of the server, and for connections that begin.
    ///
    /// What a connection was told when it began it keeps (its times, its largest payload), and so are its client's bounds
    /// ([`ServerConfig::client`]) for life. A request is answered by the settings that held when it came. Of the engine's each
    /// says for whom a change of it counts ([`EngineConfig`](engineio::EngineConfig)); files of the client bundle are for the
    /// origins that these settings name. No connection is closed by the change itself.
    ///
    /// # Errors
    /// [`Unchangeable`] names what cannot change while it runs: of the engine's, `path` and `compressions_max`; `mailbox`,
    /// `lane`, `acks`, `lanes`, and the clients' `parser`. Then nothing changes.
    pub fn reconfigure(&self, config: ServerConfig) -> Result<(), Unchangeable> {
        let core = self.core();
        core.fixed.allows(&config, &core.engine)?;
        // The engine's under the lock of the clients', so that of two calls at once one is the later in both.
        let mut client = core.shared.client.write().unwrap_or_else(PoisonError::into_inner);
        core.engine.reconfigure(config.engine)?;
        *client = Arc::new(config.client);
        Ok(())
    }

    /// Serves other files of the client from now on, or none. A request that is being answered gets the file it asked for.
    pub fn set_client_bundle(&self, bundle: Option<ClientBundle>) {
        let next = bundle.map(Arc::new);
        let former = std::mem::replace(&mut *self.core().bundle.write().unwrap_or_else(PoisonError::into_inner), next);
        // Not under the lock: it may be half a megabyte.
        drop(former);
    }

    /// Has every connection's task run soon, so that [`Member::poll`](crate::Member::poll) is called for each of its sockets:
    /// evenly over the time `spread`, or, if that is zero, as soon as possible, in pieces between which others run.
    ///
    /// For a program that has changed what its members look at. A connection that ends meanwhile is left alone, and one that
    /// begins meanwhile may be woken or not. It does not keep the server; several calls at once do what each says.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn wake_members(&self, spread: Duration) {
        self.core().engine.wake_all(spread);
    }
}
