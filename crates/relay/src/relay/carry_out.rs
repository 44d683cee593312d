//! Carrying out what the policy decided.

use std::sync::Arc;

use policy::{Count, Deliver, Onward, Recipients};
use socketio::codec::RawName;
use socketio::{AckSender, Arguments, Broadcast, Event, Outcome, Published, Socket};
use tokio::sync::oneshot;

use super::answer::Answer;
use super::standing::Standing;

/// An event that is to be carried out, and who wants to hear of it.
pub(super) struct Carrying<'a> {
    pub(super) socket: &'a Socket,
    pub(super) event: &'a Event,
    pub(super) ack: Option<AckSender>,
    pub(super) standing: &'a mut Option<Box<Standing>>,
}

impl Carrying<'_> {
    /// Membership comes first, and so counts for the event itself. `sent` is told to whom, and by which name, it goes on.
    pub(super) fn carry_out(self, deliver: Deliver<'_>, sent: impl FnOnce(&Broadcast, RawName<'_>, &Arguments)) {
        let Deliver { leave, join, onward, .. } = deliver;
        if let Some(leave) = leave {
            self.socket.leave(leave);
        }
        if let Some(join) = join {
            self.socket.join(join);
        }
        match onward {
            Some(onward) => self.send_on(onward, sent),
            None => Answer::here(0, Published::Nowhere).send(self.ack),
        }
    }

    fn send_on(self, onward: Onward<'_>, sent: impl FnOnce(&Broadcast, RawName<'_>, &Arguments)) {
        let Self { socket, event, ack, standing } = self;
        let Some(broadcast) = recipients(onward.to, socket) else {
            return tracing::error!("recipients that cannot be found");
        };
        sent(&broadcast, onward.name, event.arguments());
        let broadcast = if onward.volatile { broadcast.volatile() } else { broadcast };
        let Some(ack) = ack else {
            return broadcast.relay(onward.name, event.arguments());
        };
        let answer = match onward.count {
            Count::Cluster => match standing.get_or_insert_default().counting.begin() {
                Some(share) => return count_all(broadcast, onward.name, event, ack, share),
                None => Answer::uncounted,
            },
            _ => Answer::here,
        };
        broadcast.relay_counted(onward.name, event.arguments(), move |Outcome { queued, cluster, .. }| {
            answer(queued, cluster).send(Some(ack));
        });
    }
}

/// Answers when the other nodes have, if they are to have it at all: each question ends in time.
fn count_all(broadcast: Broadcast, name: RawName<'_>, event: &Event, ack: AckSender, share: Arc<()>) {
    let (sender, receiver) = oneshot::channel();
    let asked = broadcast.clone();
    broadcast.relay_counted(name, event.arguments(), move |outcome| {
        let _ = sender.send(outcome);
    });
    tokio::spawn(async move {
        // No outcome: the server is gone, and so is the client.
        let Ok(Outcome { queued, cluster, .. }) = receiver.await else { return };
        if cluster == Published::Sent {
            let (recipients, nodes) = asked.count().await;
            Answer::everywhere(recipients, nodes).send(Some(ack));
        } else {
            Answer::here(queued, cluster).send(Some(ack));
        }
        drop(share);
    });
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
