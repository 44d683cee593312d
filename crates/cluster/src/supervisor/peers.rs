//! What is to be done and told about the other Fanfare nodes.

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use cluster_proto::peers;
use socketio::hub::Expulsion;
use socketio::{Command, Target};

use super::Supervisor;
use crate::node::Shared;
use crate::notice::Notice;

impl Supervisor {
    pub(super) fn peers(&mut self) {
        loop {
            let event = self.shared.peers.lock().unwrap_or_else(PoisonError::into_inner).poll_event();
            let Some(event) = event else { return };
            if let peers::Event::Reset { namespace } = &event
                && let Some(place) = self.shared.places().by_name.get(namespace)
            {
                let everyone = Target::everyone(place.namespace().clone());
                self.tasks.spawn(close_sockets(Arc::clone(&self.shared), everyone));
            }
            self.shared.note(Notice::Peer(event));
        }
    }
}

/// Closes sockets as if the network had broken, over a while: their clients come back, and fetch anew.
async fn close_sockets(shared: Arc<Shared>, everyone: Target) {
    let sockets = shared.local.fetch_ids(everyone.clone(), usize::MAX).await.unwrap_or_default();
    let pause = shared.config.reset_spread / u32::try_from(sockets.len()).unwrap_or(u32::MAX).max(1);
    let begun = Instant::now();
    for (number, socket) in (0_u32..).zip(sockets) {
        // Nobody else, if others are in a room that has its id for a name.
        let target = Target::socket(everyone.namespace().clone(), socket);
        shared.local.apply(Command::Expel { target, from: Expulsion::Transport(MISSED) });
        let due = begun + pause.saturating_mul(number + 1);
        if due > Instant::now() {
            tokio::time::sleep_until(due.into()).await;
        }
    }
}

const MISSED: &str = "the cluster missed something";
