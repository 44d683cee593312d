//! Who is told what the server does to a socket.

use crate::{Room, SocketId};

/// The session behind a socket, told what the hub did to it that the session has not asked for.
///
/// Called on a lane: put it where the session's task finds it, wake the task, and return.
pub trait Owner: Send + Sync {
    /// `socket` was expelled. It is in no room and receives nothing any more. What its client was sent, and what the
    /// session still owes, is [`Expulsion`]'s.
    fn expelled(&self, socket: SocketId, expulsion: Expulsion);

    /// `socket` was put into rooms, or taken out of them, by somebody else than its own connection. Only rooms are named for
    /// which that changed something.
    ///
    /// What a connection asks for on its [account](crate::Allowance), for one socket named by its id, is its own, and not
    /// told: it knows. But from the first time on that another has moved a socket, its own moves are told as well. So whoever
    /// keeps count of them, and does as it is told, ends up with the truth, in whatever order the two met here.
    fn moved(&self, socket: SocketId, direction: Direction, rooms: &[Room]) {
        let _ = (socket, direction, rooms);
    }
}

/// Which way a socket goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Into rooms.
    Join,
    /// Out of them.
    Leave,
}

/// From what a socket is expelled. But for [`Transport`](Expulsion::Transport), its client was sent the DISCONNECT packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expulsion {
    /// Its namespace; the connection lives: `socket.disconnect()`. The session calls
    /// [`Client::left`](crate::Client::left).
    Namespace,
    /// The whole connection: `socket.disconnect(true)`. The session queues a DISCONNECT packet for each namespace
    /// the client is still in (without it the client would come back), disconnects these sockets from the hub, and
    /// closes.
    Connection,
    /// The same, as if the network had broken, from which every client comes back: nothing is sent, and the session
    /// closes by [`CloseReason::Dropped`](engineio_proto::CloseReason::Dropped) with these constant words.
    Transport(&'static str),
}
