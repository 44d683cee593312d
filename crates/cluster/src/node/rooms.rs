//! Rooms that have channels of their own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use socketio::{NamespaceName, Room, RoomWatch};
use tokio::sync::Notify;

/// Which rooms have come and gone since somebody looked. The last word about each counts.
#[derive(Default)]
pub(crate) struct Rooms {
    changed: Mutex<HashMap<(NamespaceName, Room), bool>>,
    /// The supervisor's.
    pub(crate) wake: Arc<Notify>,
}

impl Rooms {
    pub(crate) fn take(&self) -> HashMap<(NamespaceName, Room), bool> {
        std::mem::take(&mut *self.changed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl RoomWatch for Rooms {
    fn room_changed(&self, namespace: &NamespaceName, room: &Room, is_there: bool) {
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        changed.insert((namespace.clone(), room.clone()), is_there);
        drop(changed);
        self.wake.notify_one();
    }
}
