//! Sending to whom it is for.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use engineio::proto::Delivery;
use hub::{AcksFull, Allowance, Command, Direction, Expulsion, Receipt, Room, SocketId, Target};
use socketio_codec::{AckId, Arguments, EventName, Namespace, RawName, ReservedName, SerializeError};
use tokio::sync::oneshot;

use crate::acks::AckTable;
use crate::arguments::ToArguments;
use crate::nodes::Nodes;
use crate::noted::NotedRooms;
use crate::peers::{self, Acknowledged, Outgoing, Published};
use crate::reach::{Reach, Scope};
use crate::rooms::IntoRooms;

/// Some sockets of one namespace, chosen step by step, and what can be done to all of them at once.
///
/// ```no_run
/// # fn example(server: &fanfare_socketio::Server) -> Result<(), Box<dyn std::error::Error>> {
/// server.of("/")?.to(["news", "sport"]).except("muted").emit("headline", ("It works", 1))?;
/// # Ok(())
/// # }
/// ```
///
/// An event is encoded once, whoever it is for; emitting never waits. Where the server has [`Peers`](crate::Peers), it all
/// means the sockets of all nodes, unless it is [`local`](Self::local).
#[derive(Clone)]
#[must_use = "choosing sockets does nothing to them"]
pub struct Broadcast {
    reach: Arc<Reach>,
    /// Of the connection whose socket it was made by.
    by: Option<Arc<Allowance>>,
    /// Of the socket that it is, where that keeps any: what it asks for by itself it is not told.
    noted: Option<Arc<NotedRooms>>,
    target: Target,
    delivery: Delivery,
    scope: Scope,
}

impl Broadcast {
    pub(crate) fn new(reach: Arc<Reach>, by: Option<Arc<Allowance>>, target: Target) -> Self {
        Self { reach, by, noted: None, target, delivery: Delivery::Reliable, scope: Scope::Cluster }
    }

    /// One socket of this node, by itself.
    pub(crate) fn own(self, noted: Option<Arc<NotedRooms>>) -> Self {
        // It is here, or nowhere.
        Self { noted, scope: Scope::Node, ..self }
    }

    pub(crate) fn reach(&self) -> &Arc<Reach> {
        &self.reach
    }

    /// With how far it goes.
    pub(crate) fn into_target(self) -> (Arc<Reach>, Target, Scope) {
        (self.reach, self.target, self.scope)
    }

    /// Only sockets of this node.
    pub fn local(self) -> Self {
        Self { scope: Scope::Node, ..self }
    }

    /// Only sockets in one of these rooms: `io.to`. Said again, those in any of all of them. No room is nobody.
    pub fn to(self, rooms: impl IntoRooms) -> Self {
        let mut rooms = rooms.into_rooms().peekable();
        let target = match rooms.peek() {
            Some(_) => rooms.fold(self.target, Target::to),
            // Without any it would be for everyone.
            None => self.target.to_socket(SocketId::from_random(NOBODY)),
        };
        Self { target, noted: None, ..self }
    }

    /// Not the sockets in any of these rooms.
    pub fn except(self, rooms: impl IntoRooms) -> Self {
        // A socket that may not be meant is not moved on its own account: it is told whether it was.
        let by = self.by.filter(|_| self.noted.is_none());
        Self { target: rooms.into_rooms().fold(self.target, Target::except), by, noted: None, ..self }
    }

    /// Only those who can take it right now.
    pub fn volatile(self) -> Self {
        Self { delivery: Delivery::Volatile, ..self }
    }

    /// Emits an event.
    ///
    /// A tuple is its arguments, a single value is one argument: `("text", 1)`, `"text"`, `()` for none; see
    /// [`ToArguments`]. Binary arguments are [`Attachment`](socketio_codec::Attachment)s, anywhere in them.
    ///
    /// # Errors
    /// [`EmitError`] if the name is reserved or an argument does not serialize.
    pub fn emit(self, name: &str, arguments: impl ToArguments) -> Result<(), EmitError> {
        let name = EventName::new(name)?;
        let arguments = arguments.to_arguments()?;
        self.relay(&name, &arguments);
        Ok(())
    }

    /// Emits arguments as they came from a client, without looking into them, under its name (`&event`), or another
    /// ([`EventName`]).
    pub fn relay<'a>(self, name: impl Into<RawName<'a>>, arguments: &Arguments) {
        self.send(name.into(), arguments, |_| None);
    }

    /// The same, and `complete` is told what became of it: at once, but from another task, so it must not block.
    /// If it panics, that is logged.
    pub fn relay_counted<'a>(
        self,
        name: impl Into<RawName<'a>>,
        arguments: &Arguments,
        complete: impl FnOnce(Outcome) + Send + 'static,
    ) {
        self.send(name.into(), arguments, |cluster| {
            // On a lane: a panic there would leave the clients of that lane without deliveries.
            let complete = move |here: hub::Outcome| {
                if catch_unwind(AssertUnwindSafe(|| complete(Outcome::new(&here, cluster)))).is_err() {
                    tracing::error!("a program panicked when it was told what became of an event");
                }
            };
            Some(Receipt::counting(complete))
        });
    }

    /// Emits an event and waits for the acknowledgements of all who got it, at most for `within`.
    ///
    /// The event is sent before this returns; the future is only for the answers. Dropped before it is done, polled or
    /// not, it waits no more: nothing is kept for it, and its place is free for others.
    ///
    /// # Errors
    /// [`EmitError`] as for [`emit`](Broadcast::emit), and if too many acknowledgements are waited for already.
    pub fn emit_with_ack(
        self,
        name: &str,
        arguments: impl ToArguments,
        within: Duration,
    ) -> Result<Later<Answers>, EmitError> {
        // Behind a pointer, so that it does not borrow from what `arguments` does.
        let (name, arguments) = (EventName::new(name)?, arguments.to_arguments()?);
        Ok(Box::pin(self.relay_with_ack(&name, &arguments, within)?))
    }

    /// The same for arguments as they came from somebody, without looking into them.
    ///
    /// # Errors
    /// [`EmitError::TooManyAcks`].
    pub fn relay_with_ack(
        self,
        name: &EventName,
        arguments: &Arguments,
        within: Duration,
    ) -> Result<impl Future<Output = Answers> + Send + use<>, EmitError> {
        let (sender, receiver) = oneshot::channel();
        let Self { reach, by, target, delivery, scope, .. } = self;
        let namespace = target.namespace().clone();
        let id = reach.acks.open(&namespace, within, move |answers| {
            // Nobody waits any more: then nobody misses it.
            let _ = sender.send(answers);
        })?;
        let cancels = CancelOnDrop { acks: Arc::clone(&reach.acks), namespace: namespace.clone(), id };
        let acks = Arc::clone(&reach.acks);
        let receipt = Receipt::collecting(move |outcome| acks.sent(&namespace, id, outcome.reached));
        let elsewhere = reach
            .peers_in(scope)
            .map(|peers| peers.emit_with_ack(Outgoing::new(target.clone(), name, arguments), within));
        let (name, id, receipt) = (name.raw(), Some(id), Some(receipt));
        reach.hub.apply(Command::Emit { target, name, arguments, id, delivery, receipt }, by.as_ref());
        Ok(async move {
            let (here, elsewhere) = tokio::join!(receiver, peers::answer(elsewhere));
            drop(cancels);
            Answers::new(here.unwrap_or_default(), elsewhere)
        })
    }

    /// Lets them all join one room, or several: `socketsJoin`.
    pub fn join(self, rooms: impl IntoRooms) {
        self.change_rooms(Direction::Join, rooms.into_rooms().collect());
    }

    /// Lets them all leave one room, or several: `socketsLeave`.
    pub fn leave(self, rooms: impl IntoRooms) {
        self.change_rooms(Direction::Leave, rooms.into_rooms().collect());
    }

    /// Makes them all leave the namespace: `disconnectSockets()`.
    pub fn disconnect(self) {
        self.expel(Expulsion::Namespace);
    }

    /// Makes them all leave, and closes their connections: `disconnectSockets(true)`.
    pub fn disconnect_connections(self) {
        self.expel(Expulsion::Connection);
    }

    /// Ends their connections, with all namespaces, as if the network had broken: no DISCONNECT and no close packet or
    /// frame is sent. So each client comes back by itself, as its handshake or its CONNECT then allows.
    ///
    /// What they were told before, an acknowledgement too, still goes out. `why`, a few constant words, is the cause in
    /// the log and in [`close_counts`](crate::Server::close_counts); the [`Member`](crate::Member)s are told
    /// [`CloseReason::Dropped`](engineio::proto::CloseReason::Dropped). What a client says until then is still heard.
    pub fn hang_up(self, why: &'static str) {
        self.expel(Expulsion::Transport(why));
    }

    fn send(self, name: RawName<'_>, arguments: &Arguments, receipt_of: impl FnOnce(Published) -> Option<Receipt>) {
        let Self { reach, by, target, delivery, scope, .. } = self;
        let mut command = Command::Emit { target, name, arguments, id: None, delivery, receipt: None };
        let published = reach.publish(&command, scope);
        if let Command::Emit { receipt, .. } = &mut command {
            *receipt = receipt_of(published);
        }
        reach.hub.apply(command, by.as_ref());
    }

    fn change_rooms(self, direction: Direction, rooms: Vec<Room>) {
        if rooms.is_empty() {
            return;
        }
        if let Some(noted) = &self.noted {
            noted.note(direction, &rooms);
        }
        self.tell(|target| match direction {
            Direction::Join => Command::Join { target, rooms },
            Direction::Leave => Command::Leave { target, rooms },
        });
    }

    fn expel(self, from: Expulsion) {
        self.tell(|target| Command::Expel { target, from });
    }

    fn tell(self, command: impl FnOnce(Target) -> Command<'static>) {
        let Self { reach, by, target, scope, .. } = self;
        let command = command(target);
        reach.publish(&command, scope);
        reach.hub.apply(command, by.as_ref());
    }
}

/// What comes later. Dropped before, it is not waited for.
pub type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The bits of an id that no socket ever draws.
const NOBODY: [u8; 15] = [0; 15];

impl fmt::Debug for Broadcast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcast").field("target", &self.target).finish_non_exhaustive()
    }
}

/// What became of an event: each socket of this node that was meant is in exactly one of the counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outcome {
    /// Sockets it was queued to: sent if their connection lives.
    pub queued: usize,
    /// Sockets it was dropped for, being volatile.
    pub dropped: usize,
    /// Sockets whose session is closed, perhaps by this very event, for which there was no room.
    pub closed: usize,
    /// What became of it for the sockets of other nodes.
    pub cluster: Published,
}

impl Outcome {
    fn new(here: &hub::Outcome, cluster: Published) -> Self {
        Self { queued: here.queued, dropped: here.dropped, closed: here.closed, cluster }
    }
}

/// What came of asking for acknowledgement.
#[derive(Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answers {
    /// The answers of this node's clients, in no order.
    pub received: Vec<(SocketId, Arguments)>,
    /// Those of them that disconnected or did not answer in time.
    pub missing: Vec<SocketId>,
    /// Whether this node's clients were waited for until the end. If that came before the lanes had reported, both lists are
    /// empty.
    pub timed_out: bool,
    /// What other nodes' clients answered.
    pub elsewhere: Acknowledged,
    /// The other nodes that were asked.
    pub nodes: Nodes,
}

impl Answers {
    fn new(here: hub::Answers, (elsewhere, nodes): (Acknowledged, Nodes)) -> Self {
        let hub::Answers { received, missing, timed_out, .. } = here;
        Self { received, missing, timed_out, elsewhere, nodes }
    }
}

/// Takes an event out of the table of those whose answers are waited for, unless it was settled.
struct CancelOnDrop {
    acks: Arc<AckTable>,
    namespace: Namespace,
    id: AckId,
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.acks.cancel(&self.namespace, self.id);
    }
}

/// Why an event could not be sent to anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmitError {
    /// The name is one that clients keep for themselves.
    ReservedName,
    /// An argument is no JSON, or the arguments are no list.
    Arguments(String),
    /// Too many acknowledgements are waited for.
    TooManyAcks,
}

impl From<ReservedName> for EmitError {
    fn from(_: ReservedName) -> Self {
        Self::ReservedName
    }
}

impl From<SerializeError> for EmitError {
    fn from(error: SerializeError) -> Self {
        Self::Arguments(error.to_string())
    }
}

impl From<AcksFull> for EmitError {
    fn from(_: AcksFull) -> Self {
        Self::TooManyAcks
    }
}

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReservedName => f.write_str("event name is reserved"),
            Self::Arguments(why) => write!(f, "arguments cannot be sent: {why}"),
            Self::TooManyAcks => f.write_str("too many acknowledgements are waited for"),
        }
    }
}

impl std::error::Error for EmitError {}

/// Why there is no acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoAnswer {
    /// The client is gone, or did not answer in time.
    Missing,
    /// The event was not sent.
    NotSent(EmitError),
}

impl From<EmitError> for NoAnswer {
    fn from(error: EmitError) -> Self {
        Self::NotSent(error)
    }
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("client did not acknowledge in time"),
            Self::NotSent(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for NoAnswer {}
