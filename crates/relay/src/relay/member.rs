//! What a client does that was let in.

use std::task::Context;
use std::time::{Instant, SystemTime};

use policy::{Code, Complaints, Decision, Participant, Refusal};
use serde::Serialize;
use socketio::{AckSender, DisconnectReason, Event, Member, Room, Socket};

use super::answer::Answer;
use super::carry_out::carry_out;
use super::lifetime::Due;
use super::namespace::Relaying;
use super::renewal::{Renewing, Standing};

/// One client in one namespace.
pub(super) struct Relayed {
    pub(super) relaying: Relaying,
    pub(super) participant: Participant,
    /// That whoever vouched for it named, until it is connected.
    rooms: Vec<Room>,
    /// Of one that somebody vouched for.
    pub(super) standing: Option<Box<Standing>>,
    pub(super) renewing: Option<Box<Renewing>>,
    /// It is not read before.
    held_until: Option<Instant>,
    complaints: Complaints,
}

impl Relayed {
    pub(super) fn new(
        relaying: Relaying,
        participant: Participant,
        rooms: Vec<Room>,
        standing: Option<Box<Standing>>,
    ) -> Self {
        let complaints = Complaints::default();
        Self { relaying, participant, rooms, standing, renewing: None, held_until: None, complaints }
    }
}

impl Member for Relayed {
    fn connected(&mut self, socket: &Socket) {
        let rooms = std::mem::take(&mut self.rooms);
        for room in self.relaying.rules.enter(&mut self.participant, rooms) {
            socket.join(room);
        }
    }

    fn event(&mut self, socket: &Socket, event: Event, ack: Option<AckSender>) {
        let now = now();
        if self.is_renewal(&event) {
            self.renew(socket, &event, ack, now);
            return;
        }
        match self.relaying.rules.decide(&mut self.participant, &event, now) {
            Decision::Deliver(deliver) => {
                self.relaying.common.counts.relayed();
                carry_out(deliver, socket, &event, ack);
            }
            Decision::Refuse(refusal) => self.refuse(socket, &event, &refusal, ack, now),
            Decision::Drop(code) => self.count(socket, &event, code, now),
            Decision::Close(code) => {
                self.count(socket, &event, code, now);
                socket.hang_up(code.label());
            }
            other => tracing::error!(decision = ?other, "a decision that cannot be carried out"),
        }
        self.held_until = self.participant.held_until().filter(|until| *until > now);
    }

    fn poll(&mut self, socket: &Socket, cx: &mut Context<'_>) {
        if self.renewing.is_some() {
            self.poll_renewal(socket, cx);
        }
    }

    fn is_ready(&self) -> bool {
        self.held_until.is_none()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let looks_at = self.standing.as_ref().and_then(|standing| standing.looks_at);
        self.held_until.into_iter().chain(looks_at).min()
    }

    fn handle_timeout(&mut self, socket: &Socket, now: Instant) {
        self.held_until.take_if(|until| *until <= now);
        let Some(standing) = self.standing.as_mut().filter(|it| it.looks_at.is_some_and(|at| at <= now)) else {
            return;
        };
        match standing.due(SystemTime::now(), now) {
            Due::Nothing => {}
            Due::Warning(left) => {
                if let Some(event) = &self.relaying.common.renewal.warn_event {
                    // An event name that the configuration accepted is none that Socket.IO reserves.
                    let _ = socket.emit(event.as_str(), &(Expiring { expires_in_s: left.as_secs() },));
                }
            }
            Due::End => socket.hang_up("token_expired"),
        }
    }

    fn disconnected(&mut self, _: &Socket, _: DisconnectReason) {
        self.renewing = None;
    }
}

impl Relayed {
    pub(super) fn refuse(
        &mut self,
        socket: &Socket,
        event: &Event,
        refusal: &Refusal,
        ack: Option<AckSender>,
        now: Instant,
    ) {
        match (ack, &self.relaying.common.errors_event) {
            (Some(ack), _) => Answer::refusal(refusal).send(Some(ack)),
            (None, Some(name)) => {
                let event = event.name();
                let complaint = self.complaints.complain(now, refusal.code.label(), &refusal.message, &event);
                if let Some(complaint) = complaint {
                    let _ = socket.emit(name.as_str(), &(complaint,));
                }
            }
            (None, None) => {}
        }
        self.count(socket, event, refusal.code, now);
    }

    fn count(&mut self, socket: &Socket, event: &Event, code: Code, now: Instant) {
        self.relaying.common.counts.refused(code);
        tracing::debug!(socket = %socket.id(), event = %event.raw_name(), code = code.label(), "event refused");
        if self.participant.refused(&self.relaying.rules, now) {
            socket.hang_up("too_many_refusals");
        }
    }
}

/// What a client is warned with.
#[derive(Serialize)]
struct Expiring {
    expires_in_s: u64,
}

pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
