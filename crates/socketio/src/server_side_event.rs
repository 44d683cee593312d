//! What a program is told by others.

use socketio_codec::{Arguments, EventName};

use crate::broadcast::Broadcast;

/// Something that the program of another node says to those of all others, in one namespace: `serverSideEmit`.
///
/// See [`Namespace::server_side_event`](crate::Namespace::server_side_event), and
/// [`Handlers::on_server_side_emit`](crate::Handlers::on_server_side_emit).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerSideEvent {
    /// Its name.
    pub name: EventName,
    /// Its arguments. They are a peer's word, and as long as a message of the cluster may be.
    pub arguments: Arguments,
    /// Everyone in the namespace. All nodes are told the same, so what each does for its own clients is for
    /// [`Broadcast::local`].
    pub everyone: Broadcast,
}
