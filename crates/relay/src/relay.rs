//! An event comes in: the policy says what it means, and here that is carried out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use policy::{Claims, Code, Decision, Deliver, Onward, Participant, Query, Recipients, Rules};
use serde::Serialize;
use socketio::{AckSender, Admission, Broadcast, ConnectRequest, Event, Member, Namespace, Outcome, Socket};

/// The relay in one namespace, and for each client in it.
#[derive(Clone)]
pub(crate) struct Relaying {
    pub(crate) rules: Arc<Rules>,
    pub(crate) counts: Arc<Counts>,
}

/// What became of events, over all namespaces.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Events that a rule was found for.
    pub(crate) relayed: AtomicU64,
    /// Events that went nowhere.
    pub(crate) refused: AtomicU64,
}

impl Namespace for Relaying {
    fn connect(&self, _: ConnectRequest) -> Admission {
        Admission::accept(Client { relaying: self.clone(), participant: None })
    }
}

/// One client in one namespace.
struct Client {
    relaying: Relaying,
    /// Made with its first event.
    participant: Option<Participant>,
}

impl Member for Client {
    fn event(&mut self, socket: &Socket, event: Event, ack: Option<AckSender>) {
        let Self { relaying, participant } = self;
        let new = || Participant::new(socket.id(), Claims::default(), Query::default(), true);
        let participant = participant.get_or_insert_with(new);
        match relaying.rules.decide(participant, &event, Instant::now()) {
            Decision::Deliver(deliver) => {
                relaying.counts.relayed.fetch_add(1, Ordering::Relaxed);
                carry_out(deliver, socket, &event, ack);
            }
            Decision::Refuse(refusal) => {
                relaying.refused(socket, &event, refusal.code);
                answer(ack, &Answer::Error { code: refusal.code.label(), message: &refusal.message });
            }
            Decision::Drop(code) => relaying.refused(socket, &event, code),
            Decision::Close(code) => {
                relaying.refused(socket, &event, code);
                socket.disconnect_connection();
            }
            other => tracing::error!(decision = ?other, "a decision that cannot be carried out"),
        }
    }
}

impl Relaying {
    fn refused(&self, socket: &Socket, event: &Event, code: Code) {
        self.counts.refused.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(socket = %socket.id(), event = %event.raw_name(), code = code.label(), "event refused");
    }
}

/// Membership comes first, and so counts for the event itself.
fn carry_out(deliver: Deliver<'_>, socket: &Socket, event: &Event, ack: Option<AckSender>) {
    let Deliver { leave, join, onward } = deliver;
    if let Some(leave) = leave {
        socket.leave(leave);
    }
    if let Some(join) = join {
        socket.join(join);
    }
    match onward {
        Some(onward) => send_on(onward, socket, event, ack),
        None => answer(ack, &Answer::Ok { recipients: 0 }),
    }
}

fn send_on(onward: Onward<'_>, socket: &Socket, event: &Event, ack: Option<AckSender>) {
    let Some(broadcast) = recipients(onward.to, socket) else {
        return tracing::error!("recipients that cannot be found");
    };
    let broadcast = if onward.volatile { broadcast.volatile() } else { broadcast };
    match ack {
        None => broadcast.relay(onward.name, event.arguments()),
        Some(ack) => broadcast.relay_counted(onward.name, event.arguments(), move |Outcome { queued, .. }| {
            answer(Some(ack), &Answer::Ok { recipients: queued });
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

/// What a client that asked for an acknowledgement is told.
#[derive(Debug, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum Answer<'a> {
    /// The event was queued to so many.
    Ok { recipients: usize },
    /// It went nowhere.
    Error { code: &'static str, message: &'a str },
}

fn answer(ack: Option<AckSender>, answer: &Answer<'_>) {
    if let Some(ack) = ack
        && let Err(error) = ack.send(&(answer,))
    {
        tracing::error!(%error, "cannot answer");
    }
}

#[cfg(test)]
mod tests {
    use socketio::Arguments;

    use super::*;

    #[test]
    fn an_answer_is_what_the_documentation_says() {
        for (answer, json) in [
            (Answer::Ok { recipients: 3 }, r#"{"status":"ok","recipients":3}"#),
            (Answer::Error { code: "x", message: "why" }, r#"{"status":"error","code":"x","message":"why"}"#),
        ] {
            let arguments = Arguments::serialize(&(answer,)).unwrap();
            assert_eq!(arguments.raw(0), Some(json));
        }
    }
}
