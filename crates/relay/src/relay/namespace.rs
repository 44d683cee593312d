//! Who is let into a namespace.

use std::sync::Arc;
use std::time::Duration;

use policy::{Auth, Participant, Query};
use serde::Serialize;
use socketio::{Admission, ConnectRequest, Handshake, Namespace, NamespaceName, Refusal, SocketId};

use super::counts::UNAVAILABLE;
use super::live::{Live, Regime};
use super::member::Relayed;
use super::standing::Standing;
use super::watched::Watched;
use crate::admin::{Development, Watch};
use crate::auth::{Answer, Asking, Finding, Identity, Reason, TOKEN_INVALID, UNAUTHORIZED};

/// The way into every namespace, by what holds when somebody asks.
pub(crate) struct Entrance {
    pub(crate) live: Arc<Live>,
    /// For who comes while administrators are told of each client.
    pub(crate) development: Arc<Development>,
}

/// Who asks to be let in, and by what it is decided: by what held when it asked.
struct Newcomer {
    live: Arc<Live>,
    regime: Arc<Regime>,
    socket: SocketId,
    namespace: NamespaceName,
    handshake: Arc<Handshake>,
    /// If it is watched.
    watch: Option<Watch>,
}

impl Namespace for Entrance {
    fn connect(&self, request: ConnectRequest) -> Admission {
        let ConnectRequest { handshake, namespace, socket, auth, transport, .. } = request;
        let generation = self.live.current();
        let Some(regime) = generation.regime(namespace.as_str()) else {
            // It is about to be removed.
            return Refusal::new(INVALID_NAMESPACE).into();
        };
        let (live, regime) = (Arc::clone(&self.live), Arc::clone(regime));
        let watch = self
            .development
            .is_on()
            .then(|| Watch::new(Arc::clone(&self.development), Arc::clone(&handshake), transport));
        let newcomer = Newcomer { live, regime, socket, namespace: namespace.clone(), handshake, watch };
        if newcomer.regime.rules.auth() == Auth::None {
            return newcomer.admit(None);
        }
        let handshake = Arc::clone(&newcomer.handshake);
        let asking = Asking { namespace, auth, handshake, reason: Reason::Connect };
        match generation.common.authenticator.ask(asking) {
            Answer::Now(finding) => newcomer.judge(finding),
            Answer::Later(finding) => Admission::pending(async move { newcomer.judge(finding.await) }),
        }
    }
}

impl Newcomer {
    fn judge(self, finding: Finding) -> Admission {
        match finding {
            Finding::Identity(identity) => self.admit(Some(identity)),
            Finding::Nobody if self.regime.rules.auth() == Auth::Optional => self.admit(None),
            Finding::Nobody => {
                self.refuse(TOKEN_INVALID, Refusal::new(UNAUTHORIZED).with_data(&Data { code: TOKEN_INVALID }))
            }
            Finding::Refused { code, message, data } => self.refuse(code, Refusal::new(message).with_json(data)),
            // It was held already, while others were asked again and again.
            Finding::Unavailable => self.turn_away(),
        }
    }

    fn admit(self, identity: Option<Identity>) -> Admission {
        let Regime { rules, common, .. } = &*self.regime;
        let query = Query::pick(self.handshake.uri.query().unwrap_or_default(), rules.queries());
        let handshake = || Arc::clone(&self.handshake);
        let standing =
            identity.as_ref().map(|identity| Box::new(Standing::new(identity, handshake(), &common.renewal)));
        let is_anonymous = identity.is_none();
        let (claims, rooms) = identity.map(|identity| (identity.claims, identity.rooms)).unwrap_or_default();
        let mut participant = Participant::new(self.socket, claims, query, is_anonymous);
        match rules.enter(&mut participant, rooms) {
            Ok(_) => {
                let Self { live, regime, watch, .. } = self;
                let relayed = Relayed { live, regime, participant, standing };
                match watch {
                    None => Admission::accept(relayed),
                    Some(watch) => Admission::accept(Watched { relayed, watch }),
                }
            }
            Err(policy::Refusal { code, message, .. }) => {
                self.refuse(code.label(), Refusal::new(message).with_data(&Data { code: code.label() }))
            }
        }
    }

    fn refuse(&self, code: &'static str, refusal: Refusal) -> Admission {
        // What it is known by may have been in its handshake, and was not kept: it comes back with another.
        if self.handshake.time < self.regime.common.kept_since {
            return self.turn_away();
        }
        self.count(code);
        refusal.into()
    }

    /// Not for ever.
    fn turn_away(&self) -> Admission {
        self.count(UNAVAILABLE);
        Admission::try_later(Duration::ZERO)
    }

    fn count(&self, code: &'static str) {
        let Self { regime, socket, namespace, handshake, .. } = self;
        let address = handshake.address.map(tracing::field::display);
        let connection = handshake.connection;
        tracing::debug!(connection, address, %socket, %namespace, code, "not let into a namespace");
        regime.common.counts.connect_refused(code);
    }
}

/// The server's own word, which is the reference's.
const INVALID_NAMESPACE: &str = "Invalid namespace";

/// `data` of a `connect_error`.
#[derive(Serialize)]
struct Data {
    code: &'static str,
}
