//! What rooms peers may have sockets join.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use socketio::hub::RoomsBound;
use socketio::{Local, Room, Target};

use super::seldom::Seldom;

/// As many as a client may be in by its own asking, and names no longer than the HTTP API's: who asks for a socket's rooms is
/// told all of them.
pub(crate) struct Joins {
    rooms_max: AtomicUsize,
    refused: Arc<AtomicU64>,
    /// How many were refused when it was looked at last.
    noted: AtomicU64,
    notes: Seldom,
}

impl Joins {
    pub(crate) fn new(rooms_max: usize) -> Self {
        Self {
            rooms_max: AtomicUsize::new(rooms_max),
            refused: Arc::default(),
            noted: AtomicU64::new(0),
            notes: Seldom::new(NOTED),
        }
    }

    pub(crate) fn set_rooms_max(&self, rooms_max: usize) {
        self.rooms_max.store(rooms_max, Ordering::Relaxed);
    }

    pub(crate) fn join(&self, local: &Local, target: &Target, rooms: &[Room]) {
        let is_named = |room: &&Room| room.as_str().len() <= ROOM_LEN_MAX;
        let named: Vec<Room> = rooms.iter().filter(is_named).cloned().collect();
        self.refused.fetch_add((rooms.len() - named.len()) as u64, Ordering::Relaxed);
        let rooms_max = self.rooms_max.load(Ordering::Relaxed);
        local.join(target.clone(), named, RoomsBound { rooms_max, refused: Arc::clone(&self.refused) });
    }

    /// How often a socket was not let into a room.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Says it, if there is something new to say.
    pub(crate) fn note(&self) {
        let refused = self.refused();
        if self.noted.swap(refused, Ordering::Relaxed) != refused && self.notes.passes() {
            tracing::warn!(refused, "other nodes want clients to be in more rooms than they may be");
        }
    }
}

const ROOM_LEN_MAX: usize = 1024;
const NOTED: Duration = Duration::from_secs(60);
