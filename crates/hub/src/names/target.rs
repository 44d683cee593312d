//! Whom something is for.

use socketio_codec::Namespace;

use super::few::Few;
use super::room::Room;
use super::socket_id::SocketId;

/// The sockets of one namespace that something is for: all of them, some rooms, or one; without some others.
///
/// Rooms and sockets add up ([`to`](Self::to) twice reaches both), exceptions as well, and an exception always wins.
/// A socket reached in several ways counts once.
///
/// ```
/// use fanfare_hub::{SocketId, Target};
/// use socketio_codec::Namespace;
///
/// let sender = SocketId::from_random([7; 15]);
/// let everyone = Target::everyone(Namespace::ROOT);
/// let others = everyone.clone().except_socket(sender);
/// let staff = everyone.to("staff").to("admins").except("absent");
/// let reply = Target::socket(Namespace::ROOT, sender);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    namespace: Namespace,
    /// With `sockets`: everyone, if both are empty.
    rooms: Few<Room>,
    sockets: Few<SocketId>,
    except_rooms: Few<Room>,
    except_sockets: Few<SocketId>,
}

impl Target {
    /// Every socket of a namespace: `io.of("/…")`.
    pub fn everyone(namespace: Namespace) -> Self {
        Self { namespace, rooms: Few::None, sockets: Few::None, except_rooms: Few::None, except_sockets: Few::None }
    }

    /// One socket. Only its lane is asked.
    pub fn socket(namespace: Namespace, socket: SocketId) -> Self {
        Self::everyone(namespace).to_socket(socket)
    }

    /// Not everyone, but the sockets in `room`. If `room` is a socket's id, that is the socket and whoever joined a
    /// room of that name.
    #[must_use]
    pub fn to(mut self, room: impl Into<Room>) -> Self {
        self.rooms.push(room.into());
        self
    }

    /// Not everyone, but this socket, and nobody who joined a room named by it.
    #[must_use]
    pub fn to_socket(mut self, socket: SocketId) -> Self {
        self.sockets.push(socket);
        self
    }

    /// The same as [`to`](Self::to), for where "in" reads better.
    #[must_use]
    pub fn within(self, room: impl Into<Room>) -> Self {
        self.to(room)
    }

    /// Without the sockets in `room`, which may be a socket's id.
    #[must_use]
    pub fn except(mut self, room: impl Into<Room>) -> Self {
        self.except_rooms.push(room.into());
        self
    }

    /// Without this socket, usually the sender: `socket.broadcast`.
    ///
    /// The reference excepts the room that has the sender's id for a name, and with it whoever joined that room.
    /// Here only the socket itself is left out; for the other meaning, say [`except`](Self::except).
    #[must_use]
    pub fn except_socket(mut self, socket: SocketId) -> Self {
        self.except_sockets.push(socket);
        self
    }

    /// The same without the exceptions of [`except_socket`](Self::except_socket).
    #[must_use]
    pub fn without_excepted_sockets(self) -> Self {
        Self { except_sockets: Few::None, ..self }
    }

    /// The namespace.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Whether it is for all sockets of the namespace, but for exceptions.
    pub fn is_everyone(&self) -> bool {
        self.rooms().is_empty() && self.sockets().is_empty()
    }

    /// The rooms it is for, in the order in which they were added.
    pub fn rooms(&self) -> &[Room] {
        self.rooms.as_slice()
    }

    /// The sockets it is for by themselves.
    pub fn sockets(&self) -> &[SocketId] {
        self.sockets.as_slice()
    }

    /// The rooms that are left out.
    pub fn except_rooms(&self) -> &[Room] {
        self.except_rooms.as_slice()
    }

    /// The sockets that are left out by themselves.
    pub fn except_sockets(&self) -> &[SocketId] {
        self.except_sockets.as_slice()
    }

    /// Whether it is for the same sockets as `other`, but for those that each of them excepts by name.
    pub(crate) fn differs_only_in_excepted_sockets(&self, other: &Self) -> bool {
        self.namespace == other.namespace
            && self.rooms == other.rooms
            && self.sockets == other.sockets
            && self.except_rooms == other.except_rooms
    }

    /// What it keeps in memory beside itself.
    pub(crate) fn weight(&self) -> usize {
        let rooms: usize = self.rooms().iter().chain(self.except_rooms()).map(Room::weight).sum();
        rooms + (self.sockets().len() + self.except_sockets().len()) * size_of::<SocketId>()
    }

    /// The one socket it is for at most, if that can be told without asking the lanes.
    pub(crate) fn only_socket(&self) -> Option<SocketId> {
        match (self.rooms(), self.sockets()) {
            ([], [socket]) => Some(*socket),
            _ => None,
        }
    }
}
