//! The end of a namespace.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hub::{Expulsion, SocketInfo, Target};
use socketio_codec::Namespace as NamespaceName;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use crate::reach::Reach;

/// The removals that go on, by namespace.
#[derive(Debug, Default)]
pub(crate) struct Removals(Mutex<HashMap<NamespaceName, Vec<AbortHandle>>>);

impl Removals {
    /// Makes everyone in `namespace` leave, evenly over the time `spread`.
    pub(crate) fn begin(&self, reach: &Arc<Reach>, namespace: Target, spread: Duration) {
        let name = namespace.namespace().clone();
        let removal = begin(reach, namespace, spread);
        self.going_on().entry(name).or_default().push(removal);
    }

    /// Has those stay who are still in a namespace.
    pub(crate) fn stop(&self, name: &NamespaceName) {
        let removals = self.going_on().remove(name).unwrap_or_default();
        removals.iter().for_each(AbortHandle::abort);
    }

    /// Without those that are over.
    fn going_on(&self) -> MutexGuard<'_, HashMap<NamespaceName, Vec<AbortHandle>>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, removals| {
            removals.retain(|removal| !removal.is_finished());
            !removals.is_empty()
        });
        all
    }
}

/// Makes everyone in `namespace` leave, evenly over the time `spread`: what all of them do next, such as going to
/// another namespace, is not asked for at once.
///
/// Who is in it is what the lanes find after all that was asked of them before this call.
fn begin(reach: &Arc<Reach>, namespace: Target, spread: Duration) -> AbortHandle {
    let (sender, receiver) = oneshot::channel();
    let name = namespace.namespace().clone();
    reach.hub.fetch_sockets(namespace, move |sockets| {
        let _ = sender.send(sockets);
    });
    // Not kept alive by this: without the server, nobody is in the namespace.
    let reach = Arc::downgrade(reach);
    let expelling = async move {
        let sockets: Vec<SocketInfo> = receiver.await.unwrap_or_default();
        let spread = spread.min(SPREAD_MAX);
        let (begun, pause) = (Instant::now(), spread / u32::try_from(sockets.len()).unwrap_or(u32::MAX).max(1));
        for (turn, SocketInfo { id, .. }) in (0..).zip(sockets) {
            sleep_until(begun + pause * turn).await;
            let Some(reach) = reach.upgrade() else {
                return;
            };
            reach.hub.expel(Target::socket(name.clone(), id), Expulsion::Namespace);
        }
    };
    tokio::spawn(expelling).abort_handle()
}

/// Nobody waits for longer than that; and a time can be so far away that there is no name for it.
const SPREAD_MAX: Duration = Duration::from_secs(24 * 60 * 60);
