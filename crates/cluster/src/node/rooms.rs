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
pub(crate) type Key = (NamespaceName, Room, bool);

impl Rooms {
    pub(crate) fn new(are_private: bool) -> Self {
        Self { are_private, changed: Mutex::new(Some(HashMap::new())), wake: Arc::default() }
    }

    /// Those of namespaces that are known. A room may be told of before its namespace: then it waits, while it is there.
    pub(super) fn take(&self, is_known: impl Fn(&NamespaceName) -> bool) -> Vec<(Key, bool)> {
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(changed) = &mut *changed else { return Vec::new() };
        changed.retain(|(namespace, ..), is_there| *is_there || is_known(namespace));
        changed.extract_if(|(namespace, ..), _| is_known(namespace)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_waits_for_its_namespace_while_it_is_there() {
        let rooms = Rooms::new(false);
        let namespace = |name| NamespaceName::try_from(name).unwrap();
        let (known, new) = (namespace("/known"), namespace("/new"));
        let is_known = |name: &NamespaceName| *name == known;
        for room in ["stays", "goes"] {
            rooms.room_changed(&new, &Room::from(room), true);
        }
        rooms.room_changed(&known, &Room::from("a"), false);
        assert_eq!(rooms.take(is_known), [((known.clone(), Room::from("a"), false), false)]);
        rooms.room_changed(&new, &Room::from("goes"), false);
        assert_eq!(rooms.take(is_known), []);
        assert_eq!(rooms.take(|_| true), [((new, Room::from("stays"), false), true)]);
        assert_eq!(rooms.take(|_| true), []);
    }
}
