//! One room, or several.

use hub::Room;

/// One room, or several: what `to`, `except`, `join` and `leave` take.
///
/// A name, a [`Room`] or the id of a socket is one; an array, a slice or a `Vec` of those are several. No room at all is
/// nobody: not everybody, as with the reference. References to all of these do as well.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a room nor several",
    note = "a room is a `&str`, a `String`, a `Room` or a `SocketId`; several are an array, a slice or a `Vec` of these"
)]
pub trait IntoRooms {
    /// Each of them, one after the other.
    fn into_rooms(self) -> impl Iterator<Item = Room>;
}

macro_rules! one {
    ($($type:ty)+) => {$(
        impl IntoRooms for $type {
            fn into_rooms(self) -> impl Iterator<Item = Room> {
                std::iter::once(Room::from(self))
            }
        }
    )+};
}

one! { &str String Room hub::SocketId }

impl IntoRooms for &Room {
    fn into_rooms(self) -> impl Iterator<Item = Room> {
        std::iter::once(self.clone())
    }
}

impl IntoRooms for &hub::SocketId {
    fn into_rooms(self) -> impl Iterator<Item = Room> {
        std::iter::once(Room::from(*self))
    }
}

impl IntoRooms for &String {
    fn into_rooms(self) -> impl Iterator<Item = Room> {
        std::iter::once(Room::from(self.as_str()))
    }
}

impl<R: Into<Room>, const N: usize> IntoRooms for [R; N] {
    fn into_rooms(self) -> impl Iterator<Item = Room> {
        self.into_iter().map(Into::into)
    }
}

impl<R: Into<Room> + Clone, const N: usize> IntoRooms for &[R; N] {
    fn into_rooms(self) -> impl Iterator<Item = Room> {
        self.iter().cloned().map(Into::into)
    }
}

impl<R: Into<Room>> IntoRooms for Vec<R> {
    fn into_rooms(self) -> impl Iterator<Item = Room> {
        self.into_iter().map(Into::into)
    }
}

impl<R: Into<Room> + Clone> IntoRooms for &[R] {
    fn into_rooms(self) -> impl Iterator<Item = Room> {
        self.iter().cloned().map(Into::into)
    }
}

impl<R: Into<Room> + Clone> IntoRooms for &Vec<R> {
    fn into_rooms(self) -> impl Iterator<Item = Room> {
        self.iter().cloned().map(Into::into)
    }
}
