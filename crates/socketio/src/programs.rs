//! The way from peers to the program.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use hub::Target;
use socketio_codec::{Arguments, EventName, Namespace as NamespaceName};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::broadcast::{Broadcast, Later};
use crate::panics::caught_future;
use crate::server_side_event::ServerSideEvent;
use crate::shared::Shared;

/// Tells the namespaces' programs what peers say to them.
pub(crate) struct Programs {
    /// Peers are there before the server that they are the peers of.
    shared: OnceLock<Weak<Shared>>,
    running: Arc<Semaphore>,
}

/// What becomes of what a peer says to the program: [`Local::server_side_emit`](crate::Local::server_side_emit).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Told {
    /// There is nobody whom it is for: no such namespace, no handler, or one that takes other arguments.
    Nobody,
    /// It is being done, and will be answered.
    Begun,
    /// So much is being done already that nothing more is begun.
    TooMuch,
}

impl Programs {
    pub(crate) fn new() -> Self {
        Self { shared: OnceLock::new(), running: Arc::new(Semaphore::new(RUNNING_MAX)) }
    }

    /// Says whose they are: once.
    pub(crate) fn belong_to(&self, shared: &Arc<Shared>) {
        let _ = self.shared.set(Arc::downgrade(shared));
    }

    /// See [`Local::server_side_emit`](crate::Local::server_side_emit).
    pub(crate) fn tell(
        &self,
        namespace: &NamespaceName,
        (name, arguments): (EventName, Arguments),
        answer: impl FnOnce(Arguments) + Send + 'static,
    ) -> Told {
        let Some(shared) = self.shared.get().and_then(Weak::upgrade) else { return Told::Nobody };
        let Some((program, _)) = shared.directory.find(namespace) else { return Told::Nobody };
        let Ok(place) = Arc::clone(&self.running).try_acquire_owned() else { return Told::TooMuch };
        let everyone = Broadcast::new(Arc::clone(&shared.reach), None, Target::everyone(namespace.clone()));
        let event = ServerSideEvent { name, arguments, everyone };
        match catch_unwind(AssertUnwindSafe(|| program.server_side_event(event))) {
            Ok(None) => return Told::Nobody,
            Ok(Some(work)) => {
                let namespace = namespace.clone();
                // Nobody's shut-down waits for it: peers may say something for ever.
                tokio::spawn(async move {
                    let _until_then = place;
                    answer(given(&namespace, work).await);
                });
            }
            Err(_) => {
                panicked(namespace);
                answer(Arguments::default());
            }
        }
        Told::Begun
    }
}

/// What a handler gives back, which is nothing if it panics, or takes too long.
async fn given(namespace: &NamespaceName, work: Later<Arguments>) -> Arguments {
    match timeout(WITHIN, caught_future(work)).await {
        Ok(Some(arguments)) => return arguments,
        Ok(None) => panicked(namespace),
        Err(_) => tracing::warn!(%namespace, "a handler of serverSideEmit takes too long: it is dropped"),
    }
    Arguments::default()
}

fn panicked(namespace: &NamespaceName) {
    tracing::error!(%namespace, "the application panicked at what another node said to it");
}

/// As many as a node answers of all other questions at a time.
const RUNNING_MAX: usize = 256;
/// Whoever asked gave up long ago: the reference waits for five seconds.
const WITHIN: Duration = Duration::from_secs(60);
