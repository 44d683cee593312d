//! An event comes in: what does it mean, and to whom does it go?

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use socketio::{AckSender, Admission, Broadcast, ConnectRequest, Event, Member, Namespace, Outcome, Socket};

use crate::rules::{Relay, Rule, Rules, Scope};

/// The relay in one namespace, and for each client in it.
#[derive(Clone)]
pub(crate) struct Relaying {
    pub(crate) rules: Arc<Rules>,
    pub(crate) counts: Arc<Counts>,
}

/// What became of events, over all namespaces.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Events a rule was found for.
    pub(crate) relayed: AtomicU64,
    /// Events without a rule.
    pub(crate) refused: AtomicU64,
}

impl Namespace for Relaying {
    fn connect(&self, _: ConnectRequest) -> Admission {
        Admission::accept(self.clone())
    }
}

impl Member for Relaying {
    fn event(&mut self, socket: &Socket, event: Event, ack: Option<AckSender>) {
        let Some(rule) = self.rules.find(&event.name()) else {
            self.counts.refused.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(socket = %socket.id(), event = %event.raw_name(), "event refused: no rule for it");
            return answer(ack, &Answer::NO_RULE);
        };
        self.counts.relayed.fetch_add(1, Ordering::Relaxed);
        let Rule { leave, join, relay } = rule;
        if let Some(leave) = leave {
            socket.leave(leave.room());
        }
        if let Some(join) = join {
            socket.join(join.room());
        }
        match relay {
            Some(relay) => send_on(relay, socket, &event, ack),
            None => answer(ack, &Answer::Ok { recipients: 0 }),
        }
    }
}

fn send_on(relay: &Relay, socket: &Socket, event: &Event, ack: Option<AckSender>) {
    let name = relay.emit.as_ref().map_or(event.raw_name(), |emit| emit.raw());
    let broadcast = recipients(relay, socket);
    match ack {
        None => broadcast.relay(name, event.arguments()),
        Some(ack) => broadcast.relay_counted(name, event.arguments(), move |Outcome { queued, .. }| {
            answer(Some(ack), &Answer::Ok { recipients: queued });
        }),
    }
}

fn recipients(relay: &Relay, socket: &Socket) -> Broadcast {
    let broadcast = match &relay.to {
        Scope::All => socket.everyone(),
        Scope::Others => socket.broadcast(),
        Scope::Sender => socket.only(),
        Scope::Room(room) => socket.everyone().to(room.room()),
    };
    if relay.volatile { broadcast.volatile() } else { broadcast }
}

/// What a client that asked for an acknowledgement is told.
#[derive(Debug, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum Answer {
    /// The event was queued to so many.
    Ok { recipients: usize },
    /// It went nowhere.
    Error { code: &'static str, message: &'static str },
}

impl Answer {
    const NO_RULE: Self = Self::Error { code: "unknown_event", message: "no rule for this event" };
}

fn answer(ack: Option<AckSender>, answer: &Answer) {
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
            (Answer::NO_RULE, r#"{"status":"error","code":"unknown_event","message":"no rule for this event"}"#),
        ] {
            let arguments = Arguments::serialize(&(answer,)).unwrap();
            assert_eq!(arguments.raw(0), Some(json));
        }
    }
}
