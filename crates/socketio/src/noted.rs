//! The rooms of a socket, where its member wants to know them.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hub::{Direction, Room};

/// Into which rooms a socket has asked to go, and was put by others.
///
/// The lanes know for certain; this is what follows from all that was asked for by the socket itself, at once, and from what
/// its connection was told of others' moves. It stays as it is when the socket has left.
#[derive(Default)]
pub(crate) struct NotedRooms(Mutex<BTreeSet<Room>>);

impl NotedRooms {
    pub(crate) fn note(&self, direction: Direction, rooms: &[Room]) {
        let mut noted = self.lock();
        match direction {
            Direction::Join => noted.extend(rooms.iter().cloned()),
            Direction::Leave => noted.retain(|room| !rooms.contains(room)),
        }
    }

    pub(crate) fn now(&self) -> Vec<Room> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<Room>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
