//! A socket, and what is known of it.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use hub::Room;

use crate::socket::Socket;

/// A [`Socket`] with what was found out when it joined. What handlers are called with; cheap to clone.
///
/// Handlers of one socket are called one after the other, so what they change of the state (by a `Mutex`, or an atomic) is
/// contended by nobody but who was given a clone.
pub struct Joined<S = ()>(Arc<Inner<S>>);

struct Inner<S> {
    socket: Socket,
    state: S,
}

impl<S> Joined<S> {
    pub(super) fn new(socket: Socket, state: S) -> Self {
        Self(Arc::new(Inner { socket, state }))
    }

    /// What [`connect`](crate::Handlers::connect) found out.
    pub fn state(&self) -> &S {
        &self.0.state
    }

    /// The rooms it is in, without its own; from when it left, those it was in. See [`Socket::rooms`].
    pub fn rooms(&self) -> Vec<Room> {
        self.0.socket.rooms().unwrap_or_default()
    }
}

impl<S> Deref for Joined<S> {
    type Target = Socket;

    fn deref(&self) -> &Socket {
        &self.0.socket
    }
}

impl<S> Clone for Joined<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> fmt::Debug for Joined<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Joined").field(&self.0.socket).finish()
    }
}
