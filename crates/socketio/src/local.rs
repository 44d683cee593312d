//! What other nodes may ask of this one.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use hub::{Command, Hub, Progress, Receipt, Room, RoomsBound, SocketId, Target};
use socketio_codec::{Arguments, EventName, Namespace as NamespaceName, RawName};

use crate::acks::AckTable;
use crate::found::{self, SocketInfo};
use crate::programs::{Programs, Told};

/// This node's part of a cluster: what is asked of it is done here, and passed on to nobody. Cheap to clone.
///
/// It does not keep the server. Once that is gone, nobody is here.
#[derive(Clone)]
pub struct Local {
    hub: Weak<Hub>,
    acks: Weak<AckTable>,
    programs: Arc<Programs>,
}

impl Local {
    pub(crate) fn new(hub: &Arc<Hub>, acks: &Arc<AckTable>, programs: &Arc<Programs>) -> Self {
        Self { hub: Arc::downgrade(hub), acks: Arc::downgrade(acks), programs: Arc::clone(programs) }
    }

    /// Does what a peer asked for, to the sockets that are here. Nobody is held back for it: a peer cannot be.
    pub fn apply(&self, command: Command<'_>) {
        if let Some(hub) = self.hub.upgrade() {
            hub.apply(command, None);
        }
    }

    /// Lets sockets that are here into rooms, as a peer asked for, but none of them into more than `bound` says.
    pub fn join(&self, target: Target, rooms: Vec<Room>, bound: RoomsBound) {
        if let Some(hub) = self.hub.upgrade() {
            hub.join_within(target, rooms, bound);
        }
    }

    /// Whether anybody here is in `room`: what is for nobody need not be read. Of the room that has a socket's id for a
    /// name, it is taken to be so.
    pub fn has_room(&self, namespace: &NamespaceName, room: &Room) -> bool {
        let is_socket = || SocketId::parse(room.as_str()).is_some();
        self.hub.upgrade().is_some_and(|hub| hub.has_room(namespace, room) || is_socket())
    }

    /// Whether the lanes are so far behind that no more should be asked for what can be left out.
    pub fn is_congested(&self) -> bool {
        self.hub.upgrade().is_some_and(|hub| hub.is_congested())
    }

    /// Who of `target` is here. `None` if that takes more than about so many bytes, here or where it is told.
    pub async fn fetch_sockets(&self, target: Target, bytes_max: usize) -> Option<Vec<SocketInfo>> {
        match self.hub.upgrade() {
            Some(hub) => found::here(&hub, target, bytes_max).await,
            None => Some(Vec::new()),
        }
    }

    /// How many of `target` are here.
    pub async fn count(&self, target: Target) -> usize {
        match self.hub.upgrade() {
            Some(hub) => found::number(&hub, target).await,
            None => 0,
        }
    }

    /// The ids of those of `target` that are here. `None` if they take more than so many bytes.
    pub async fn fetch_ids(&self, target: Target, bytes_max: usize) -> Option<Vec<SocketId>> {
        match self.hub.upgrade() {
            Some(hub) => found::ids(&hub, target, bytes_max).await,
            None => Some(Vec::new()),
        }
    }

    /// The rooms of a namespace that are here, with the number of their sockets. `None` if they take more than so many bytes.
    pub async fn fetch_rooms(&self, namespace: NamespaceName, bytes_max: usize) -> Option<BTreeMap<Room, usize>> {
        match self.hub.upgrade() {
            Some(hub) => found::rooms(&hub, namespace, bytes_max).await,
            None => Some(BTreeMap::new()),
        }
    }

    /// Emits an event of a peer's to the sockets of `target` that are here, and tells `follow` how many they are, then of
    /// each acknowledgement as it comes, and at the end, `within` from now at the latest, that there are no more. It is
    /// called on lanes and sessions' tasks: note it and return.
    ///
    /// `false` if too many acknowledgements are waited for already; then nothing was sent and nothing is told.
    pub fn emit_with_ack(
        &self,
        target: Target,
        (name, arguments): (RawName<'_>, &Arguments),
        within: Duration,
        follow: impl Fn(Progress) + Send + Sync + 'static,
    ) -> bool {
        let (Some(hub), Some(acks)) = (self.hub.upgrade(), self.acks.upgrade()) else { return false };
        let namespace = target.namespace().clone();
        let Ok(id) = acks.follow(&namespace, within, follow) else { return false };
        let receipt = Receipt::collecting(move |outcome| acks.sent(&namespace, id, outcome.reached));
        let (id, receipt, delivery) = (Some(id), Some(receipt), engineio::proto::Delivery::Reliable);
        hub.apply(Command::Emit { target, name, arguments, id, delivery, receipt }, None);
        true
    }

    /// Tells this node's program what a peer says to all others' (`serverSideEmit`): the
    /// [handler](crate::Handlers::on_server_side_emit) that the namespace has for it begins. `answer` is called once with what that
    /// gives back, which may be nothing; never if it is not [`Told::Begun`]. To be called in a tokio runtime.
    pub fn server_side_emit(
        &self,
        namespace: &NamespaceName,
        name: EventName,
        arguments: Arguments,
        answer: impl FnOnce(Arguments) + Send + 'static,
    ) -> Told {
        self.programs.tell(namespace, (name, arguments), answer)
    }
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local").finish_non_exhaustive()
    }
}
