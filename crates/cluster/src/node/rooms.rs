//! Rooms that have channels of their own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use socketio::{NamespaceName, Room, RoomWatch, SocketId};
use tokio::sync::Notify;

/// Which rooms have come and gone since somebody looked. The last word about each counts.
pub(crate) struct Rooms {
    /// Whether each socket's own room has one too.
    are_private: bool,
    /// `None`: nobody looks any more.
    changed: Mutex<Option<HashMap<Key, bool>>>,
    /// The supervisor's.
    pub(crate) wake: Arc<Notify>,
}

/// A room of a namespace, and whether it is a socket's own: one that others have made may have a socket's id for a name.
type Key = (NamespaceName, Room, bool);

impl Rooms {
    pub(crate) fn new(are_private: bool) -> Self {
        Self { are_private, changed: Mutex::new(Some(HashMap::new())), wake: Arc::default() }
    }

    pub(crate) fn take(&self) -> HashMap<Key, bool> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Nobody will look any more.
    pub(crate) fn end(&self) {
        *self.changed.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn note(&self, key: Key, is_there: bool) {
        if let Some(changed) = &mut *self.changed.lock().unwrap_or_else(PoisonError::into_inner) {
            changed.insert(key, is_there);
        }
        self.wake.notify_one();
    }
}

impl RoomWatch for Rooms {
    fn room_changed(&self, namespace: &NamespaceName, room: &Room, is_there: bool) {
        self.note((namespace.clone(), room.clone(), false), is_there);
    }

    fn socket_changed(&self, namespace: &NamespaceName, socket: SocketId, is_there: bool) {
        if self.are_private {
            self.note((namespace.clone(), Room::from(socket.as_str()), true), is_there);
        }
    }
}
