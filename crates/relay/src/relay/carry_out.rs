//! Carrying out what the policy decided.

use policy::{Deliver, Onward, Recipients};
use socketio::{AckSender, Broadcast, Event, Outcome, Published, Socket};

use super::answer::Answer;

/// Membership comes first, and so counts for the event itself.
pub(super) fn carry_out(deliver: Deliver<'_>, socket: &Socket, event: &Event, ack: Option<AckSender>) {
    let Deliver { leave, join, onward, .. } = deliver;
    if let Some(leave) = leave {
        socket.leave(leave);
    }
    if let Some(join) = join {
        socket.join(join);
    }
    match onward {
        Some(onward) => send_on(onward, socket, event, ack),
        None => Answer::here(0, Published::Nowhere).send(ack),
    }
}

fn send_on(onward: Onward<'_>, socket: &Socket, event: &Event, ack: Option<AckSender>) {
    let Some(broadcast) = recipients(onward.to, socket) else {
        return tracing::error!("recipients that cannot be found");
    };
    let broadcast = if onward.volatile { broadcast.volatile() } else { broadcast };
    match ack {
        None => broadcast.relay(onward.name, event.arguments()),
        Some(ack) => broadcast.relay_counted(onward.name, event.arguments(), move |Outcome { queued, cluster, .. }| {
            Answer::here(queued, cluster).send(Some(ack));
        }),
    }
}

/// `None` for recipients that this relay does not know; nothing goes to everybody by accident.
fn recipients(to: Recipients, socket: &Socket) -> Option<Broadcast> {
    match to {
        Recipients::All => Some(socket.everyone()),
        Recipients::AllBut(_) => Some(socket.broadcast()),
        Recipients::Only(_) => Some(socket.only()),
        Recipients::Room(room) => Some(socket.everyone().to(room)),
        Recipients::RoomBut(room, _) => Some(socket.broadcast().to(room)),
        _ => None,
    }
}
