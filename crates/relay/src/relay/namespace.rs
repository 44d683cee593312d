//! Who is let into a namespace.

use std::sync::Arc;
use std::time::Duration;

use policy::{Auth, Participant, Query};
use serde::Serialize;
use socketio::{Admission, ConnectRequest, Handshake, Namespace, NamespaceName, Refusal, SocketId};

use super::common::Relaying;
use super::member::Relayed;
use super::standing::Standing;
use crate::auth::{Answer, Asking, Finding, Identity, Reason, TOKEN_INVALID, UNAUTHORIZED};

/// Who asks to be let in.
struct Newcomer {
    socket: SocketId,
    namespace: NamespaceName,
    handshake: Arc<Handshake>,
}

impl Namespace for Relaying {
    fn connect(&self, request: ConnectRequest) -> Admission {
        let ConnectRequest { handshake, namespace, socket, auth, .. } = request;
        let newcomer = Newcomer { socket, namespace: namespace.clone(), handshake };
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
            Finding::Nobody => newcomer.refuse(
                self,
                TOKEN_INVALID,
                Refusal::new(UNAUTHORIZED).with_data(&Data { code: TOKEN_INVALID }),
            ),
            Finding::Refused { code, message, data } => {
                newcomer.refuse(self, code, Refusal::new(message).with_json(data))
            }
            // It was held already, while others were asked again and again.
            Finding::Unavailable => {
                newcomer.turned_away(self, "unavailable");
                Admission::try_later(Duration::ZERO)
            }
        }
    }

    fn admit(&self, newcomer: Newcomer, identity: Option<Identity>) -> Admission {
        let query = Query::pick(newcomer.handshake.uri.query().unwrap_or_default(), self.rules.queries());
        let handshake = || Arc::clone(&newcomer.handshake);
        let standing =
            identity.as_ref().map(|identity| Box::new(Standing::new(identity, handshake(), &self.common.renewal)));
        let is_anonymous = identity.is_none();
        let (claims, rooms) = identity.map(|identity| (identity.claims, identity.rooms)).unwrap_or_default();
        let claims = self.rules.asked_for(&claims);
        match self.rules.admit(&claims, &query, is_anonymous) {
            Ok(()) => {
                let mut participant = Participant::new(newcomer.socket, claims, query, is_anonymous);
                self.rules.enter(&mut participant, rooms);
                Admission::accept(Relayed { relaying: self.clone(), participant, standing })
            }
            Err(policy::Refusal { code, message, .. }) => {
                newcomer.refuse(self, code.label(), Refusal::new(message).with_data(&Data { code: code.label() }))
            }
        }
    }
}

impl Newcomer {
    fn refuse(&self, relaying: &Relaying, code: &'static str, refusal: Refusal) -> Admission {
        self.turned_away(relaying, code);
        refusal.into()
    }

    fn turned_away(&self, relaying: &Relaying, code: &'static str) {
        let Self { socket, namespace, handshake } = self;
        let address = handshake.address.map(tracing::field::display);
        tracing::debug!(
            connection = handshake.connection,
            address,
            %socket,
            %namespace,
            code,
            "not let into a namespace"
        );
        relaying.common.counts.connect_refused(code);
    }
}

/// `data` of a `connect_error`.
#[derive(Serialize)]
struct Data {
    code: &'static str,
}
