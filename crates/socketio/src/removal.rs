//! The end of a namespace.

use std::sync::Arc;
use std::time::Duration;

use hub::{Expulsion, SocketInfo, Target};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use crate::shared::Shared;

/// Makes everyone in `namespace` leave, evenly over the time `spread`: what all of them do next, such as going to
/// another namespace, is not asked for at once. If it is added again meanwhile, who is still in it stays: a client that is told
/// to leave never comes back by itself.
///
/// Who is in it is what the lanes find after all that was asked of them before this call.
pub(crate) fn begin(shared: &Arc<Shared>, namespace: Target, spread: Duration) {
    let (sender, receiver) = oneshot::channel();
    let name = namespace.namespace().clone();
    shared.reach.hub.fetch_sockets(namespace, move |sockets| {
        let _ = sender.send(sockets);
    });
    // Not kept alive by this: without the server, nobody is in the namespace.
    let shared = Arc::downgrade(shared);
    let expelling = async move {
        let sockets: Vec<SocketInfo> = receiver.await.unwrap_or_default();
        let spread = spread.min(SPREAD_MAX);
        let (begun, pause) = (Instant::now(), spread / u32::try_from(sockets.len()).unwrap_or(u32::MAX).max(1));
        for (turn, SocketInfo { id, .. }) in (0..).zip(sockets) {
            sleep_until(begun + pause * turn).await;
            let Some(shared) = shared.upgrade() else {
                return;
            };
            let expel = || shared.reach.hub.expel(Target::socket(name.clone(), id), Expulsion::Namespace);
            if !shared.directory.while_gone(&name, expel) {
                return;
            }
        }
    };
    tokio::spawn(expelling);
}

/// Nobody waits for longer than that; and a time can be so far away that there is no name for it.
const SPREAD_MAX: Duration = Duration::from_secs(24 * 60 * 60);
