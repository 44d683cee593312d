//! Who is let into a namespace.

use std::sync::Arc;
use std::time::Duration;

use policy::{Auth, Participant, Query};
use serde::Serialize;
use socketio::{Admission, ConnectRequest, Handshake, Namespace, Refusal, SocketId};

use super::common::Relaying;
use super::member::Relayed;
use super::standing::Standing;
use crate::auth::{Answer, Asking, Finding, Identity, Reason, TOKEN_INVALID, UNAUTHORIZED};

/// Who asks to be let in.
struct Newcomer {
    socket: SocketId,
    handshake: Arc<Handshake>,
}

impl Namespace for Relaying {
    fn connect(&self, request: ConnectRequest) -> Admission {
        let ConnectRequest { handshake, namespace, socket, auth, .. } = request;
        let newcomer = Newcomer { socket, handshake };
        if self.rules.auth() == Auth::None {
            return self.admit(newcomer, None);
        }
        let handshake = Arc::clone(&newcomer.handshake);
        match self.common.authenticator.ask(Asking { namespace, auth, handshake, reason: Reason::Connect }) {
            Answer::Now(finding) => self.judge(newcomer, finding),
            Answer::Later(finding) => {
                let relaying = self.clone();
                Admission::pending(async move { relaying.judge(newcomer, finding.await) })
            }
        }
    }
}

impl Relaying {
    fn judge(&self, newcomer: Newcomer, finding: Finding) -> Admission {
        match finding {
            Finding::Identity(identity) => self.admit(newcomer, Some(identity)),
            Finding::Nobody if self.rules.auth() == Auth::Optional => self.admit(newcomer, None),
            Finding::Nobody => {
                self.refuse(TOKEN_INVALID, Refusal::new(UNAUTHORIZED).with_data(&Data { code: TOKEN_INVALID }))
            }
            Finding::Refused { code, message, data } => self.refuse(code, Refusal::new(message).with_json(data)),
            // It was held already, while others were asked again and again.
            Finding::Unavailable => {
                self.common.counts.connect_refused("unavailable");
                Admission::try_later(Duration::ZERO)
            }
        }
    }

    fn admit(&self, newcomer: Newcomer, identity: Option<Identity>) -> Admission {
        let Newcomer { socket, handshake } = newcomer;
        let query = Query::pick(handshake.uri.query().unwrap_or_default(), self.rules.queries());
        let standing =
            identity.as_ref().map(|identity| Box::new(Standing::new(identity, handshake, &self.common.renewal)));
        let is_anonymous = identity.is_none();
        let (claims, rooms) = identity.map(|identity| (identity.claims, identity.rooms)).unwrap_or_default();
        let claims = self.rules.asked_for(&claims);
        match self.rules.admit(&claims, &query, is_anonymous) {
            Ok(()) => {
                let mut participant = Participant::new(socket, claims, query, is_anonymous);
                self.rules.enter(&mut participant, rooms);
                Admission::accept(Relayed { relaying: self.clone(), participant, standing })
            }
            Err(policy::Refusal { code, message, .. }) => {
                self.refuse(code.label(), Refusal::new(message).with_data(&Data { code: code.label() }))
            }
        }
    }

    fn refuse(&self, code: &'static str, refusal: Refusal) -> Admission {
        tracing::debug!(code, "not let into a namespace");
        self.common.counts.connect_refused(code);
        refusal.into()
    }
}

/// `data` of a `connect_error`.
#[derive(Serialize)]
struct Data {
    code: &'static str,
}
