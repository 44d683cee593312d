//! What can be asked for, before any frame is made of it.

use engineio_proto::Delivery;
use socketio_codec::{AckId, Arguments, Namespace, RawName};

use super::owner::Expulsion;
use super::receipt::Receipt;
use crate::{Room, SocketId, Target};

/// What a program or a client wants to be done to sockets, wherever they are.
///
/// [`Hub::apply`](crate::Hub::apply) does it to those that are here, and makes the frames for it, once. Whoever passes
/// commands on to other nodes finds in them what the packet is made of.
#[derive(Debug)]
#[non_exhaustive]
pub enum Command<'a> {
    /// Send an event.
    Emit {
        /// Whom it is for.
        target: Target,
        /// Its name, as it stands in the packet.
        name: RawName<'a>,
        /// Its arguments and attachments.
        arguments: &'a Arguments,
        /// Present when an acknowledgement is wanted, see [`Acks::open`](crate::Acks::open).
        id: Option<AckId>,
        /// What to do for a recipient that cannot take it now.
        delivery: Delivery,
        /// Who wants to know what became of it here.
        receipt: Option<Receipt>,
    },
    /// Answer a client's event. The client is here, or gone.
    Answer {
        /// The socket's namespace.
        namespace: &'a Namespace,
        /// Who asked.
        socket: SocketId,
        /// The event's id.
        id: AckId,
        /// The answer.
        arguments: &'a Arguments,
    },
    /// Let all sockets of a target join rooms: `socketsJoin`, and for one socket its `join`.
    Join {
        /// Who joins.
        target: Target,
        /// What they join.
        rooms: Vec<Room>,
    },
    /// Let all sockets of a target leave rooms: `socketsLeave`, and for one socket its `leave`.
    Leave {
        /// Who leaves.
        target: Target,
        /// What they leave.
        rooms: Vec<Room>,
    },
    /// Make all sockets of a target leave: `disconnectSockets`. The clients will not reconnect, but after
    /// [`Expulsion::Transport`]. Each session is told through its [`Owner`](crate::Owner).
    Expel {
        /// Who leaves.
        target: Target,
        /// What they leave.
        from: Expulsion,
    },
}
