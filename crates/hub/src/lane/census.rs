//! Which rooms there are, over all lanes.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use socketio_codec::Namespace;

use crate::Room;

/// How many lanes have a room, for each room there is: one that is on several lanes is one room all the same.
///
/// Touched when a room comes to a lane or goes from it, never by a delivery. A room is known by a keyed hash of its name:
/// two of a million would be taken for one every thirty million times.
pub(crate) struct Census {
    hasher: RandomState,
    parts: [Mutex<HashMap<u64, u32>>; PARTS],
}

impl Census {
    pub(crate) fn new() -> Self {
        Self { hasher: RandomState::new(), parts: std::array::from_fn(|_| Mutex::default()) }
    }

    /// A lane has the room now. Says whether none had it.
    pub(crate) fn enter(&self, namespace: &Namespace, room: &Room) -> bool {
        self.look(namespace, room, |lanes, key| {
            let lanes = lanes.entry(key).or_default();
            *lanes += 1;
            *lanes == 1
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
            if rooms.capacity() > KEPT_CAPACITY && rooms.len() < rooms.capacity() / 4 {
                rooms.shrink_to(2 * rooms.len());
            }
            true
        })
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
        let census = Census::new();
        let (root, admin) = (Namespace::try_from("/").unwrap(), Namespace::try_from("/admin").unwrap());
        let room = Room::from("a");
        assert!(census.enter(&root, &room));
        assert!(!census.enter(&root, &room));
        assert!(census.enter(&admin, &room), "another namespace's is another room");
        assert!(!census.leave(&root, &room));
        assert!(census.leave(&root, &room));
        assert!(census.enter(&root, &room));
    }
}
