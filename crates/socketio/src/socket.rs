//! One client in one namespace.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hub::{Allowance, Command, Room, SocketId, Target};
use serde::Serialize;
use socketio_codec::{AckId, Arguments, Namespace as NamespaceName};

use crate::broadcast::{Broadcast, EmitError, NoAnswer};
use crate::reach::Reach;

/// A client that has joined a namespace. Cheap to clone; may be kept after the client has gone, and then reaches
/// nobody.
///
/// It knows its id and its namespace. What else is to be known of the client (its credentials, its request) is in
/// the [`ConnectRequest`](crate::ConnectRequest), and kept by the [`Member`](crate::Member) that needs it.
#[derive(Clone)]
pub struct Socket(Arc<Inner>);

struct Inner {
    reach: Arc<Reach>,
    /// What its connection may have on its way.
    allowance: Arc<Allowance>,
    /// Its number in the log. In what the others leave of a word, so that it takes no memory.
    connection: u32,
    id: SocketId,
    namespace: NamespaceName,
}

impl Socket {
    pub(crate) fn new(
        reach: Arc<Reach>,
        allowance: Arc<Allowance>,
        connection: u32,
        id: SocketId,
        namespace: NamespaceName,
    ) -> Self {
        Self(Arc::new(Inner { reach, allowance, connection, id, namespace }))
    }

    /// Its public id; also the name of a room with only this socket in it.
    pub fn id(&self) -> SocketId {
        self.0.id
    }

    /// The number by which the log knows its connection: that of its [`Handshake`](engineio::Handshake).
    pub fn connection(&self) -> u32 {
        self.0.connection
    }

    /// The namespace it is in.
    pub fn namespace(&self) -> &NamespaceName {
        &self.0.namespace
    }

    /// Emits to this client: `socket.emit`. `arguments` is a tuple or a list, see [`Broadcast::emit`].
    ///
    /// # Errors
    /// [`EmitError`] if the name is reserved or an argument does not serialize.
    pub fn emit<T: Serialize + ?Sized>(&self, name: &str, arguments: &T) -> Result<(), EmitError> {
        self.only().emit(name, arguments)
    }

    /// Emits to this client and waits for its acknowledgement, at most for `within`.
    ///
    /// # Errors
    /// [`NoAnswer`] if it did not come, or the event could not be sent.
    pub async fn emit_with_ack<T: Serialize + ?Sized>(
        &self,
        name: &str,
        arguments: &T,
        within: Duration,
    ) -> Result<Arguments, NoAnswer> {
        let answers = self.only().emit_with_ack(name, arguments, within)?.await;
        answers.received.into_iter().next().map(|(_, arguments)| arguments).ok_or(NoAnswer::Missing)
    }

    /// Everyone in the namespace but this client: `socket.broadcast`.
    pub fn broadcast(&self) -> Broadcast {
        self.choose(Target::everyone(self.0.namespace.clone()).except_socket(self.0.id))
    }

    /// The sockets in a room, without this client: `socket.to`.
    pub fn to(&self, room: impl Into<Room>) -> Broadcast {
        self.broadcast().to(room)
    }

    /// This client alone.
    pub fn only(&self) -> Broadcast {
        // It is here, or nowhere.
        self.choose(Target::socket(self.0.namespace.clone(), self.0.id)).local()
    }

    /// The whole namespace, this client included: `io`.
    pub fn everyone(&self) -> Broadcast {
        self.choose(Target::everyone(self.0.namespace.clone()))
    }

    /// Joins a room. What this task emits to the room afterwards reaches it.
    pub fn join(&self, room: impl Into<Room>) {
        self.only().join(room);
    }

    /// Leaves a room.
    pub fn leave(&self, room: impl Into<Room>) {
        self.only().leave(room);
    }

    /// Makes the client leave the namespace; it does not come back by itself. `socket.disconnect()`.
    pub fn disconnect(&self) {
        self.only().disconnect();
    }

    /// Makes the client leave all its namespaces, and closes its connection. `socket.disconnect(true)`.
    pub fn disconnect_connection(&self) {
        self.only().disconnect_connections();
    }

    /// Ends the client's connection as if the network had broken, so that it comes back by itself:
    /// [`Broadcast::hang_up`].
    pub fn hang_up(&self, why: &'static str) {
        self.only().hang_up(why);
    }

    /// What is asked for by way of a socket is on its connection's account.
    fn choose(&self, target: Target) -> Broadcast {
        let Inner { reach, allowance, .. } = &*self.0;
        Broadcast::new(Arc::clone(reach), Some(Arc::clone(allowance)), target)
    }

    pub(crate) fn ack_sender(&self, id: AckId) -> AckSender {
        AckSender { socket: self.clone(), id }
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { id, namespace, .. } = &*self.0;
        f.debug_struct("Socket").field("id", id).field("namespace", namespace).finish_non_exhaustive()
    }
}

/// The right to answer one event, once.
///
/// Dropped unused, the client gets no answer, as from a server that never calls back.
#[derive(Debug)]
#[must_use = "the client waits for an answer"]
pub struct AckSender {
    socket: Socket,
    id: AckId,
}

impl AckSender {
    /// Answers with `arguments`, a tuple or a list.
    ///
    /// # Errors
    /// [`EmitError`] if an argument does not serialize.
    pub fn send<T: Serialize + ?Sized>(self, arguments: &T) -> Result<(), EmitError> {
        let arguments = Arguments::serialize(arguments)?;
        self.send_arguments(&arguments);
        Ok(())
    }

    /// Answers with arguments as they came from a client or were made before.
    pub fn send_arguments(self, arguments: &Arguments) {
        let Inner { reach, allowance, namespace, id, .. } = &*self.socket.0;
        // Through the hub, like everything: it may not overtake the events it follows.
        reach.hub.apply(Command::Answer { namespace, socket: *id, id: self.id, arguments }, Some(allowance));
    }
}
