//! Rooms that have channels of their own.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use socketio::{NamespaceName, Room, RoomWatch, SocketId};
use tokio::sync::Notify;

/// Which rooms there are, and which of them have come and gone since somebody looked.
pub(crate) struct Rooms {
    /// Whether each socket's own room has one too.
    are_private: bool,
    /// `None`: nobody looks any more.
    state: Mutex<Option<State>>,
    /// The supervisor's.
    pub(crate) wake: Arc<Notify>,
}

#[derive(Default)]
struct State {
    there: HashMap<NamespaceName, HashSet<Channel>>,
    /// The last word about each counts.
    changed: HashMap<(NamespaceName, Channel), bool>,
}

/// A room, and whether it is a socket's own: one that others have made may have a socket's id for a name.
pub(crate) type Channel = (Room, bool);

impl Rooms {
    pub(crate) fn new(are_private: bool) -> Self {
        Self { are_private, state: Mutex::new(Some(State::default())), wake: Arc::default() }
    }

    /// What is different, and whether the room is there now. What is of a namespace that is not `ready` stays.
    pub(super) fn take(&self, is_ready: impl Fn(&NamespaceName) -> bool) -> Vec<((NamespaceName, Channel), bool)> {
        let mut state = self.lock();
        let Some(State { there, changed }) = &mut *state else { return Vec::new() };
        let taken = changed.extract_if(|(namespace, _), _| is_ready(namespace));
        // A room that others have made and a socket's own have one channel if they have one name.
        let is_still_there = |(namespace, (room, is_own)): &(NamespaceName, Channel)| {
            there.get(namespace).is_some_and(|channels| channels.contains(&(room.clone(), !is_own)))
        };
        taken.filter(|(key, is_there)| *is_there || !is_still_there(key)).collect()
    }

    /// The namespace has no channels yet. So neither have its rooms: they may be there before it, or still from when it was
    /// there before.
    pub(super) fn begin(&self, namespace: &str) {
        let mut state = self.lock();
        let Some(State { there, changed }) = &mut *state else { return };
        let Some((namespace, channels)) = there.get_key_value(namespace) else { return };
        changed.extend(channels.iter().map(|channel| ((namespace.clone(), channel.clone()), true)));
    }

    /// Nobody will look any more.
    pub(crate) fn end(&self) {
        *self.lock() = None;
    }

    fn note(&self, namespace: &NamespaceName, channel: Channel, is_there: bool) {
        if let Some(State { there, changed }) = &mut *self.lock() {
            match is_there {
                true => drop(there.entry(namespace.clone()).or_default().insert(channel.clone())),
                false => forget(there, namespace, &channel),
            }
            changed.insert((namespace.clone(), channel), is_there);
        }
        self.wake.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Clients may choose the names of namespaces: nothing is kept of one that has no rooms.
fn forget(there: &mut HashMap<NamespaceName, HashSet<Channel>>, namespace: &NamespaceName, channel: &Channel) {
    let Some(channels) = there.get_mut(namespace) else { return };
    channels.remove(channel);
    if channels.is_empty() {
        there.remove(namespace);
    } else if channels.capacity() > KEPT_CAPACITY && channels.len() < channels.capacity() / 4 {
        channels.shrink_to(2 * channels.len());
    }
}

/// What a namespace's list may be long though it has become short.
const KEPT_CAPACITY: usize = 64;

impl RoomWatch for Rooms {
    fn room_changed(&self, namespace: &NamespaceName, room: &Room, is_there: bool) {
        self.note(namespace, (room.clone(), false), is_there);
    }

    fn socket_changed(&self, namespace: &NamespaceName, socket: SocketId, is_there: bool) {
        if self.are_private {
            self.note(namespace, (Room::from(socket.as_str()), true), is_there);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rooms_of_a_namespace_that_begins_are_those_that_are_there() {
        let rooms = Rooms::new(false);
        let namespace = |name| NamespaceName::try_from(name).unwrap();
        let (old, new) = (namespace("/old"), namespace("/new"));
        let channel = |name| (Room::from(name), false);
        let note = |namespace, name, is_there| rooms.room_changed(namespace, &Room::from(name), is_there);
        note(&new, "stays", true);
        note(&new, "goes", true);
        note(&old, "other", true);
        let take = || rooms.take(|_| true);
        assert_eq!(take().len(), 3);
        note(&new, "goes", false);
        assert_eq!(take(), [((new.clone(), channel("goes")), false)]);
        rooms.begin("/new");
        assert_eq!(rooms.take(|namespace| *namespace != new), [], "it is not there yet");
        assert_eq!(take(), [((new.clone(), channel("stays")), true)]);
        rooms.begin("/new");
        note(&new, "stays", false);
        assert_eq!(take(), [((new.clone(), channel("stays")), false)], "the last word counts");
        assert!(!rooms.lock().as_ref().unwrap().there.contains_key(&new));
    }

    #[test]
    fn a_room_that_is_named_as_a_socket_is_not_the_socket() {
        let rooms = Rooms::new(true);
        let root = NamespaceName::try_from("/").unwrap();
        let socket = SocketId::parse("-cn1nULMRHKVEEQVAAAA").unwrap();
        let room = Room::from(socket.as_str());
        rooms.socket_changed(&root, socket, true);
        rooms.room_changed(&root, &room, true);
        assert_eq!(rooms.take(|_| true).len(), 2);
        rooms.room_changed(&root, &room, false);
        assert_eq!(rooms.take(|_| true), [], "the socket is still there");
        rooms.socket_changed(&root, socket, false);
        assert_eq!(rooms.take(|_| true), [((root, (room, true)), false)]);
    }
}
