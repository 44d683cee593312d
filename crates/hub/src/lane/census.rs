//! Which rooms there are, over all lanes.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use socketio_codec::Namespace;

use crate::{Room, SocketId};

/// Told which rooms there are.
pub trait RoomWatch: Send + Sync {
    /// A room has its first socket, or has lost its last one. For one room these come in turn; it is called on a lane, so
    /// note it and return.
    fn room_changed(&self, namespace: &Namespace, room: &Room, is_there: bool);

    /// A socket has come, and with it the room that has its id for a name; or both have gone. Called as above.
    fn socket_changed(&self, namespace: &Namespace, socket: SocketId, is_there: bool) {
        let _ = (namespace, socket, is_there);
    }
}

/// How many lanes have a room, for each room there is: one that is on several lanes is one room all the same.
///
/// Touched when a room comes to a lane or goes from it, never by a delivery. A room is known by a keyed hash of its name:
/// two of a million would be taken for one every thirty million times.
pub(crate) struct Census {
    watch: Option<Arc<dyn RoomWatch>>,
    hasher: RandomState,
    parts: [Mutex<HashMap<u64, u32>>; PARTS],
}

impl Census {
    pub(crate) fn new(watch: Option<Arc<dyn RoomWatch>>) -> Self {
        Self { watch, hasher: RandomState::new(), parts: std::array::from_fn(|_| Mutex::default()) }
    }

    /// Whether any lane has the room.
    pub(crate) fn has(&self, namespace: &Namespace, room: &Room) -> bool {
        self.look(namespace, room, |lanes, key| lanes.contains_key(&key))
    }

    /// A lane has the room now. Says whether none had it.
    pub(crate) fn enter(&self, namespace: &Namespace, room: &Room) -> bool {
        self.look(namespace, room, |lanes, key| {
            let lanes = lanes.entry(key).or_default();
            *lanes += 1;
            let is_first = *lanes == 1;
            if is_first {
                self.tell(namespace, room, true);
            }
            is_first
        })
    }

    /// A lane has the room no more. Says whether none has it.
    pub(crate) fn leave(&self, namespace: &Namespace, room: &Room) -> bool {
        self.look(namespace, room, |rooms, key| {
            let left = rooms.get_mut(&key).map_or(0, |lanes| {
                *lanes = lanes.saturating_sub(1);
                *lanes
            });
            if left > 0 {
                return false;
            }
            rooms.remove(&key);
            self.tell(namespace, room, false);
            if rooms.capacity() > KEPT_CAPACITY && rooms.len() < rooms.capacity() / 4 {
                rooms.shrink_to(2 * rooms.len());
            }
            true
        })
    }

    /// Ids are never used twice, and a socket is on one lane: nobody hears of it in another order than it happened.
    pub(crate) fn tell_socket(&self, namespace: &Namespace, socket: SocketId, is_there: bool) {
        if let Some(watch) = &self.watch {
            watch.socket_changed(namespace, socket, is_there);
        }
    }

    /// Under the room's lock, so that nobody hears of it in another order than it happened.
    fn tell(&self, namespace: &Namespace, room: &Room, is_there: bool) {
        if let Some(watch) = &self.watch {
            watch.room_changed(namespace, room, is_there);
        }
    }

    fn look<T>(&self, namespace: &Namespace, room: &Room, then: impl FnOnce(&mut HashMap<u64, u32>, u64) -> T) -> T {
        let key = self.hasher.hash_one((namespace, room));
        let part = &self.parts[key as usize % PARTS];
        then(&mut part.lock().unwrap_or_else(PoisonError::into_inner), key)
    }
}

/// So that lanes seldom meet.
const PARTS: usize = 16;
const KEPT_CAPACITY: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_comes_with_the_first_lane_and_goes_with_the_last() {
        let census = Census::new(None);
        let (root, admin) = (Namespace::try_from("/").unwrap(), Namespace::try_from("/admin").unwrap());
        let room = Room::from("a");
        assert!(census.enter(&root, &room));
        assert!(!census.enter(&root, &room));
        assert!(census.enter(&admin, &room), "another namespace's is another room");
        assert!(!census.leave(&root, &room));
        assert!(census.leave(&root, &room));
        assert!(census.enter(&root, &room));
        assert!(census.has(&root, &room) && !census.has(&Namespace::try_from("/c").unwrap(), &room));
    }

    #[test]
    fn who_watches_hears_of_the_first_and_of_the_last() {
        #[derive(Default)]
        struct Heard(Mutex<Vec<bool>>);
        impl RoomWatch for Heard {
            fn room_changed(&self, _: &Namespace, _: &Room, is_there: bool) {
                self.0.lock().unwrap().push(is_there);
            }
        }
        let heard = Arc::new(Heard::default());
        let census = Census::new(Some(Arc::clone(&heard) as Arc<dyn RoomWatch>));
        let (root, room) = (Namespace::ROOT, Room::from("a"));
        census.enter(&root, &room);
        census.enter(&root, &room);
        census.leave(&root, &room);
        census.leave(&root, &room);
        assert_eq!(*heard.0.lock().unwrap(), [true, false]);
    }
}
