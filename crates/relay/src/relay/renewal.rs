//! A client gives a new token before the old one ends.

use std::task::{Context, Poll};
use std::time::Instant;

use policy::{Code, Moves};
use socketio::{AckSender, Event, Socket};

use super::answer::Answer;
use super::counts::UNAVAILABLE;
use super::member::Relayed;
use super::standing::Renewing;
use crate::auth::{self, Asking, Finding, Reason, TOKEN_INVALID, UNAUTHORIZED};

impl Relayed {
    /// Whether an event is for renewing. There may be a token in it, so it is nobody's else, whoever sends it where.
    pub(super) fn is_renewal(&self, event: &Event) -> bool {
        self.regime.common.renewal.renew_event.as_ref().is_some_and(|name| event.name() == name.as_str())
    }

    /// Has whoever vouches asked again, with what the client gives now.
    pub(super) fn renew(&mut self, socket: &Socket, event: &Event, ack: Option<AckSender>, now: Instant) {
        // Each costs a signature: as many are checked as may be refused.
        if self.participant.refused(&self.regime.rules, now) {
            return socket.hang_up("too_many_refusals");
        }
        let counts = &self.regime.common.counts;
        let known = self.standing.as_mut().and_then(|standing| Some((standing.handshake().cloned()?, standing)));
        let Some((handshake, standing)) = known else {
            counts.refused(Code::IdentityChanged);
            return Answer::error(Code::IdentityChanged.label(), "nobody is known here who could be renewed").send(ack);
        };
        if standing.renewing.is_some() {
            counts.refused(Code::RateLimited);
            return Answer::error(Code::RateLimited.label(), "a renewal is under way").send(ack);
        }
        let argument = event.arguments().raw(0);
        if argument.is_some_and(|argument| argument.len() > self.regime.common.auth_bytes_max) {
            counts.refused(Code::TooLarge);
            return Answer::error(Code::TooLarge.label(), "more than may be given to be known by").send(ack);
        }
        let auth = argument.and_then(|argument| self.regime.common.authenticator.auth_of(argument));
        let asking = Asking { namespace: socket.namespace().clone(), auth, handshake, reason: Reason::Refresh };
        match self.regime.common.authenticator.ask(asking) {
            auth::Answer::Now(finding) => self.renewed(socket, finding, ack),
            auth::Answer::Later(finding) => standing.renewing = Some(Box::new(Renewing { finding, ack })),
        }
    }

    /// Sees whether it is decided by now. The session's task comes here whenever it runs.
    pub(super) fn poll_renewal(&mut self, socket: &Socket, cx: &mut Context<'_>) {
        let Some(place) = self.standing.as_mut().map(|standing| &mut standing.renewing) else { return };
        let Some(renewing) = place else { return };
        if let Poll::Ready(finding) = renewing.finding.as_mut().poll(cx) {
            let ack = place.take().and_then(|renewing| renewing.ack);
            self.renewed(socket, finding, ack);
        }
    }

    /// What it is in goes on as before, whatever was found: its old token ends when it ends.
    fn renewed(&mut self, socket: &Socket, finding: Finding, ack: Option<AckSender>) {
        let counts = &self.regime.common.counts;
        let refuse = |code, message: &str, ack| {
            let (connection, namespace) = (socket.connection(), socket.namespace());
            tracing::debug!(connection, socket = %socket.id(), %namespace, code, "not renewed");
            counts.connect_refused(code);
            Answer::error(code, message).send(ack);
        };
        let identity = match finding {
            Finding::Identity(identity) => identity,
            Finding::Nobody => return refuse(TOKEN_INVALID, UNAUTHORIZED, ack),
            Finding::Refused { code, message, .. } => return refuse(code, &message, ack),
            Finding::Unavailable => return refuse(UNAVAILABLE, "cannot be decided now", ack),
        };
        let Some(standing) = self.standing.as_mut().filter(|standing| standing.is_of(&identity)) else {
            counts.refused(Code::IdentityChanged);
            return Answer::error(Code::IdentityChanged.label(), "of another issuer or subject").send(ack);
        };
        let (claims, rooms) = (identity.claims.clone(), identity.rooms.clone());
        match self.regime.rules.renew(&mut self.participant, claims, rooms) {
            Ok(Moves { leave, join, .. }) => {
                leave.into_iter().for_each(|room| socket.leave(room));
                join.into_iter().for_each(|room| socket.join(room));
                standing.prolong(&identity, &self.regime.common.renewal);
                Answer::renewed(identity.expires_at).send(ack);
                // Who vouched for it may be gone since it was asked.
                self.reconsider();
            }
            Err(refusal) => {
                counts.refused(refusal.code);
                Answer::refusal(&refusal).send(ack);
            }
        }
    }
}
