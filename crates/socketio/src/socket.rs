//! One client in one namespace.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hub::{Allowance, Command, Room, SocketId, Target};
use socketio_codec::{AckId, Arguments, InvalidNamespace, Namespace as NamespaceName};

use crate::arguments::ToArguments;
use crate::broadcast::{Broadcast, EmitError, Later, NoAnswer};
use crate::ended::Ended;
use crate::noted::NotedRooms;
use crate::reach::Reach;
use crate::rooms::IntoRooms;

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
    /// Where its member wants to know them.
    noted: Option<Arc<NotedRooms>>,
    ended: Ended,
}

impl Socket {
    pub(crate) fn new(
        reach: Arc<Reach>,
        allowance: Arc<Allowance>,
        (connection, id, namespace): (u32, SocketId, NamespaceName),
        noted: Option<Arc<NotedRooms>>,
    ) -> Self {
        let ended = Ended::default();
        Self(Arc::new(Inner { reach, allowance, connection, id, namespace, noted, ended }))
    }

    pub(crate) fn reach(&self) -> &Arc<Reach> {
        &self.0.reach
    }

    pub(crate) fn noted(&self) -> Option<&NotedRooms> {
        self.0.noted.as_deref()
    }

    /// The rooms it is in, without its own; from when it left, those it was in. `None` if its member does not
    /// [keep them](crate::Member::keeps_rooms).
    ///
    /// What the socket itself has asked for counts at once; what others ask for, when its connection hears of it.
    pub fn rooms(&self) -> Option<Vec<Room>> {
        self.noted().map(NotedRooms::now)
    }

    /// It has left.
    pub(crate) fn end(&self) {
        self.0.ended.end();
    }

    /// Whether it is still in its namespace: false from [`disconnected`](crate::Member::disconnected) on.
    pub fn is_connected(&self) -> bool {
        !self.0.ended.is_ended()
    }

    /// Waits until it has left its namespace, for whatever reason.
    ///
    /// ```no_run
    /// # async fn work() {}
    /// # fn example(socket: &fanfare_socketio::Socket) {
    /// let gone = socket.gone();
    /// tokio::spawn(async move {
    ///     tokio::select! {
    ///         () = gone => {}
    ///         () = work() => {}
    ///     }
    /// });
    /// # }
    /// ```
    pub fn gone(&self) -> impl Future<Output = ()> + Send + use<> {
        let socket = self.clone();
        async move { socket.0.ended.ended().await }
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

    /// Emits to this client: `socket.emit`. A tuple is its arguments, a single value is one, see [`ToArguments`].
    ///
    /// # Errors
    /// [`EmitError`] if the name is reserved or an argument does not serialize.
    pub fn emit(&self, name: &str, arguments: impl ToArguments) -> Result<(), EmitError> {
        self.only().emit(name, arguments)
    }

    /// Emits to this client and waits for its acknowledgement, at most for `within`. The event is sent by the call.
    ///
    /// # Errors
    /// [`NoAnswer`] if it did not come, or the event could not be sent.
    pub fn emit_with_ack(
        &self,
        name: &str,
        arguments: impl ToArguments,
        within: Duration,
    ) -> Later<Result<Arguments, NoAnswer>> {
        let asked = self.only().emit_with_ack(name, arguments, within);
        Box::pin(async move {
            let answers = asked?.await;
            answers.received.into_iter().next().map(|(_, arguments)| arguments).ok_or(NoAnswer::Missing)
        })
    }

    /// Everyone in the namespace but this client: `socket.broadcast`.
    pub fn broadcast(&self) -> Broadcast {
        self.choose(Target::everyone(self.0.namespace.clone()).except_socket(self.0.id))
    }

    /// The sockets in one room, or in any of several, without this client: `socket.to`.
    pub fn to(&self, rooms: impl IntoRooms) -> Broadcast {
        self.broadcast().to(rooms)
    }

    /// This client alone.
    pub fn only(&self) -> Broadcast {
        // What is asked for when it has left does nothing, so it is not noted.
        let noted = self.0.noted.as_ref().filter(|_| self.is_connected());
        self.choose(Target::socket(self.0.namespace.clone(), self.0.id)).own(noted.map(Arc::clone))
    }

    /// The whole namespace, this client included: `io`.
    pub fn everyone(&self) -> Broadcast {
        self.choose(Target::everyone(self.0.namespace.clone()))
    }

    /// Everyone in another namespace: `io.of(…)`. See [`server`](Self::server) for all else that a server does.
    ///
    /// # Errors
    /// [`InvalidNamespace`] if that is no name.
    pub fn of(&self, namespace: &str) -> Result<Broadcast, InvalidNamespace> {
        Ok(self.choose(Target::everyone(NamespaceName::try_from(namespace)?)))
    }

    /// Joins one room, or several. What this task emits to them afterwards reaches it.
    pub fn join(&self, rooms: impl IntoRooms) {
        self.only().join(rooms);
    }

    /// Leaves one room, or several.
    pub fn leave(&self, rooms: impl IntoRooms) {
        self.only().leave(rooms);
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
    /// Answers with `arguments`: a tuple is several, a single value is one, see [`ToArguments`].
    ///
    /// # Errors
    /// [`EmitError`] if an argument does not serialize.
    pub fn send(self, arguments: impl ToArguments) -> Result<(), EmitError> {
        let arguments = arguments.to_arguments()?;
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
