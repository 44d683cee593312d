//! What a client does that was let in.

use std::sync::Arc;
use std::task::Context;
use std::time::{Instant, SystemTime};

use policy::{Code, Decision, Participant, Refusal};
use serde::Serialize;
use socketio::codec::RawName;
use socketio::{AckSender, Arguments, Broadcast, DisconnectReason, Event, Member, Room, Socket};

use super::answer::Answer;
use super::carry_out::Carrying;
use super::lifetime::Due;
use super::live::{Live, Regime};
use super::standing::Standing;

/// One client in one namespace. There are very many, most of them idle: what few have is behind a pointer.
pub(super) struct Relayed {
    /// What holds for all.
    pub(super) live: Arc<Live>,
    /// What of that holds for it: what held for all when it moved over last.
    pub(super) regime: Arc<Regime>,
    pub(super) participant: Participant,
    /// Of one that somebody vouched for, that is to leave, or for which a cluster was counted.
    pub(super) standing: Option<Box<Standing>>,
}

impl Member for Relayed {
    fn connected(&mut self, socket: &Socket) {
        // Before it is in any room: it is in none that others do not have.
        self.move_over_unseen(socket);
        self.participant.rooms().for_each(|room| socket.join(room.clone()));
    }

    fn event(&mut self, socket: &Socket, event: Event, ack: Option<AckSender>) {
        self.hear(socket, event, ack, |_, _, _| {});
    }

    fn poll(&mut self, socket: &Socket, cx: &mut Context<'_>) {
        self.keep_up(socket);
        if self.standing.as_ref().is_some_and(|standing| standing.renewing.is_some()) {
            self.poll_renewal(socket, cx);
        }
    }

    fn is_ready(&self) -> bool {
        self.participant.held_until().is_none()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let looks_at = self.standing.as_ref().and_then(|standing| standing.looks_at);
        self.participant.held_until().into_iter().chain(looks_at).min()
    }

    fn handle_timeout(&mut self, socket: &Socket, now: Instant) {
        self.keep_up(socket);
        self.participant.let_go(now);
        let Some(standing) = self.standing.as_mut().filter(|it| it.looks_at.is_some_and(|at| at <= now)) else {
            return;
        };
        if let Some(why) = standing.leaves(now) {
            return socket.hang_up(why);
        }
        match standing.due(SystemTime::now(), now) {
            Due::Nothing => {}
            Due::Warning(left) => {
                if let Some(event) = &self.regime.common.renewal.warn_event {
                    // An event name that the configuration accepted is none that Socket.IO reserves.
                    let _ = socket.emit(event.as_str(), &(Expiring { expires_in_s: left.as_secs() },));
                }
            }
            Due::End => socket.hang_up("token_expired"),
        }
    }

    /// Its rules then find it where it is.
    fn moved(&mut self, _: &Socket, joined: &[Room], left: &[Room]) {
        left.iter().for_each(|room| self.participant.taken_out_of(room));
        joined.iter().for_each(|room| self.participant.put_into(room));
    }

    fn disconnected(&mut self, _: &Socket, _: DisconnectReason) {
        if let Some(standing) = &mut self.standing {
            standing.renewing = None;
        }
    }
}

impl Relayed {
    /// What comes of an event. `sent` is told to whom, and by which name, it goes on, if it does.
    pub(super) fn hear(
        &mut self,
        socket: &Socket,
        event: Event,
        ack: Option<AckSender>,
        sent: impl FnOnce(&Broadcast, RawName<'_>, &Arguments),
    ) {
        let now = tokio::time::Instant::now().into_std();
        // From here on it is judged by one generation, whatever happens meanwhile.
        self.keep_up(socket);
        if self.is_renewal(&event) {
            self.renew(socket, &event, ack, now);
            return;
        }
        match self.regime.rules.decide(&mut self.participant, &event, now) {
            Decision::Deliver(deliver) => {
                self.regime.taken.count(deliver.number);
                Carrying { socket, event: &event, ack, standing: &mut self.standing }.carry_out(deliver, sent);
            }
            Decision::Refuse(refusal) => self.refuse(socket, &event, &refusal, ack, now),
            // Its operator wants no more of them than so many: no fault of the client's, which is told if it asked.
            Decision::Drop(code) => {
                self.count(socket, &event, code);
                Answer::error(code.label(), code.message()).send(ack);
            }
            Decision::Close(code) => {
                self.count(socket, &event, code);
                socket.hang_up(code.label());
            }
            other => tracing::error!(decision = ?other, "a decision that cannot be carried out"),
        }
    }

    pub(super) fn refuse(
        &mut self,
        socket: &Socket,
        event: &Event,
        refusal: &Refusal,
        ack: Option<AckSender>,
        now: Instant,
    ) {
        match (ack, &self.regime.common.errors_event) {
            (Some(ack), _) => Answer::refusal(refusal).send(Some(ack)),
            (None, Some(name)) => {
                if let Some(complaint) = self.participant.complain(refusal, &event.name(), now) {
                    let _ = socket.emit(name.as_str(), &(complaint,));
                }
            }
            (None, None) => {}
        }
        self.count(socket, event, refusal.code);
        if self.participant.refused(&self.regime.rules, now) {
            socket.hang_up("too_many_refusals");
        }
    }

    fn count(&self, socket: &Socket, event: &Event, code: Code) {
        self.regime.common.counts.refused(code);
        tracing::debug!(
            connection = socket.connection(),
            socket = %socket.id(),
            namespace = %socket.namespace(),
            event = %event.raw_name(),
            code = code.label(),
            "event refused"
        );
    }
}

/// What a client is warned with.
#[derive(Serialize)]
struct Expiring {
    expires_in_s: u64,
}
