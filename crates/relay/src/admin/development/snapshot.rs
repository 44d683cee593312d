//! All sockets at once, for a page that has just come.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use socketio::{Broadcast, Fetched, Socket, SocketInfo};
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::described::{Described, timestamp};
use super::{Development, Place};

/// One is made at a time, however many pages ask.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    making: Mutex<()>,
    /// The lanes are asked whom an event is for.
    is_asking: AtomicBool,
}

/// Until it is dropped, nobody else asks.
pub(super) struct Asking(pub(super) Arc<Development>);

impl Asking {
    pub(super) fn begin(development: &Arc<Development>) -> Option<Self> {
        let others = development.snapshots.is_asking.swap(true, Ordering::Relaxed);
        (!others).then(|| Self(Arc::clone(development)))
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.snapshots.is_asking.store(false, Ordering::Relaxed);
    }
}

impl Development {
    /// Shows all sockets to one administrator.
    pub(in crate::admin) fn show_all_to(self: &Arc<Self>, socket: &Socket) {
        if self.is_on() {
            self.show(socket.only());
        }
    }

    /// Shows all sockets to all administrators of this node.
    pub(super) fn show_all(self: &Arc<Self>) {
        if let Some(listeners) = self.listeners() {
            self.show(listeners.local());
        }
    }

    fn show(self: &Arc<Self>, to: Broadcast) {
        let development = Arc::clone(self);
        tokio::spawn(async move {
            let _turn = development.snapshots.making.lock().await;
            let Some(place) = development.place.get() else { return };
            // Whoever asked may have gone while others had their turn.
            if is_nobody(&to).await {
                return;
            }
            let mut all = development.describe_all(place).await;
            let rest = all.split_off(all.len().min(AT_ONCE));
            // The page forgets what it showed; what comes behind that it adds.
            let _ = to.clone().emit("all_sockets", &(all,));
            for some in rest.chunks(IN_A_TURN) {
                sleep(TURN).await;
                if is_nobody(&to).await {
                    return;
                }
                for one in some {
                    let _ = to.clone().emit("socket_connected", &(one, timestamp()));
                }
            }
        });
    }

    /// Those of all nodes, the first of them where there are many.
    async fn describe_all(&self, place: &Place) -> Vec<Described> {
        let mut all = Vec::new();
        for name in place.server.namespace_counts().into_keys() {
            let Ok(everyone) = place.server.of(name.as_str()) else { continue };
            let Fetched { sockets, remote, .. } = everyone.fetch_sockets().await;
            let left = SHOWN_MAX.saturating_sub(all.len());
            all.extend(sockets.iter().take(left).map(|socket| self.describe(name.as_str(), socket, place)));
            let left = SHOWN_MAX.saturating_sub(all.len());
            all.extend(remote.iter().take(left).map(|socket| Described::of_remote(name.as_str(), socket)));
        }
        all
    }

    fn describe(&self, nsp: &str, socket: &SocketInfo, place: &Place) -> Described {
        let handshake = &socket.handshake;
        let transport = self.transports().get(&socket.id).map_or(handshake.transport, |transport| transport.get());
        let client = self.client_id(handshake.connection);
        Described::of((socket.id, nsp), client, transport, handshake, place.is_secure, socket.rooms.iter().cloned())
    }
}

/// Whether there is nobody of this node among those who are to be shown something.
async fn is_nobody(to: &Broadcast) -> bool {
    to.clone().local().fetch_sockets().await.is_empty()
}

/// More than a page shows at once, in a message of some hundred kilobytes.
const AT_ONCE: usize = 500;

/// More than anybody looks through.
const SHOWN_MAX: usize = 5000;

const IN_A_TURN: usize = 100;
const TURN: Duration = Duration::from_millis(100);
