//! Who is let in as an administrator.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Deserialize;
use socketio::{Admission, ConnectRequest, Handshake, Namespace, Refusal, TransportNow};

use super::administrator::Administrator;
use super::config::AdminAuth;
use super::login::{Credentials, Expected, Login};
use super::{Admin, Terms, Watch, now};

/// The way into the administrators' namespace.
pub(super) struct Door(pub(super) Arc<Admin>);

/// Who asks to be let in.
struct Newcomer {
    handshake: Arc<Handshake>,
    transport: TransportNow,
}

/// What the page says of whoever sits before it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Said {
    session_id: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

impl Namespace for Door {
    fn connect(&self, request: ConnectRequest) -> Admission {
        let (admin, terms) = (Arc::clone(&self.0), self.0.terms());
        let ConnectRequest { handshake, auth, transport, .. } = request;
        let newcomer = Newcomer { handshake, transport };
        if !terms.config.is_on() {
            // It is about to be removed.
            return Refusal::new("Invalid namespace").into();
        }
        if admin.development.present.load(Ordering::Relaxed) >= ADMINISTRATORS_MAX {
            return admin.turn_away(&newcomer, "full", HOLD);
        }
        if terms.config.auth == AdminAuth::None {
            // What it came with was not kept, and may have been one of these. It comes back with what is.
            if newcomer.handshake.time < admin.live.current().common.kept_since {
                return admin.turn_away(&newcomer, "changed", Duration::ZERO);
            }
            if FORWARDED.iter().any(|name| newcomer.handshake.headers.contains_key(*name)) {
                admin.note_refusal(&newcomer.handshake, "forwarded");
                return Refusal::new("not through a proxy").into();
            }
            return admin.let_in(terms, newcomer, "unasked", None);
        }
        let said = auth.and_then(|auth| auth.deserialize::<Said>().ok()).unwrap_or_default();
        if said.session_id.is_some_and(|id| admin.sessions().has(&id, now())) {
            return admin.let_in(terms, newcomer, "session", None);
        }
        let (Some(username), Some(password)) = (said.username, said.password) else {
            return admin.refuse(&newcomer);
        };
        Admission::pending(async move { admin.judge(terms, newcomer, Credentials { username, password }).await })
    }
}

impl Admin {
    async fn judge(self: Arc<Self>, terms: Arc<Terms>, newcomer: Newcomer, said: Credentials) -> Admission {
        let (Some(username), Some(password)) = (terms.config.username.clone(), terms.config.password.clone()) else {
            return self.refuse(&newcomer);
        };
        let login = self.logins.judge(newcomer.handshake.address, said, Expected { username, password }, now()).await;
        match login {
            // What was right then may not be by now.
            Login::Right if self.terms().number != terms.number => self.turn_away(&newcomer, "changed", Duration::ZERO),
            Login::Right => match self.begin_session() {
                Some(session) => self.let_in(terms, newcomer, "password", Some(session)),
                None => self.turn_away(&newcomer, "busy", HOLD),
            },
            Login::Wrong => self.refuse(&newcomer),
            Login::TooOften(wait) => self.turn_away(&newcomer, "too_often", wait.min(HOLD)),
            Login::Busy => self.turn_away(&newcomer, "busy", HOLD),
        }
    }

    fn let_in(
        self: &Arc<Self>,
        terms: Arc<Terms>,
        newcomer: Newcomer,
        by: &'static str,
        session: Option<String>,
    ) -> Admission {
        self.counts.logins.add(by, 1);
        let Newcomer { handshake, transport } = newcomer;
        let (connection, address) = (handshake.connection, handshake.address);
        let watch = self.development.is_on().then(|| Watch::new(Arc::clone(&self.development), handshake, transport));
        let member = Administrator::new(Arc::clone(self), terms, address, session, watch);
        let address = address.map(tracing::field::display);
        tracing::info!(connection, address, by, "administrator logged in");
        Admission::accept(member)
    }

    /// For ever, as the reference does: the page asks for another password.
    fn refuse(&self, newcomer: &Newcomer) -> Admission {
        self.note_refusal(&newcomer.handshake, INVALID_CREDENTIALS);
        Refusal::new("invalid credentials").into()
    }

    /// Not for ever: it loses its connection, and may come back.
    fn turn_away(&self, newcomer: &Newcomer, code: &'static str, hold: Duration) -> Admission {
        self.note_refusal(&newcomer.handshake, code);
        Admission::try_later(hold)
    }

    fn note_refusal(&self, handshake: &Handshake, code: &'static str) {
        self.counts.logins.add(code, 1);
        let (connection, address) = (handshake.connection, handshake.address.map(tracing::field::display));
        tracing::warn!(connection, address, code, "administrator not let in");
    }
}

/// By these it is seen that somebody comes through a proxy, or a tunnel, that the relay was not told of: from this machine, and
/// whoever it may be. They are kept where nobody is asked for a password.
pub(crate) const FORWARDED: [&str; 3] = ["forwarded", "x-forwarded-for", "x-real-ip"];

const INVALID_CREDENTIALS: &str = "invalid_credentials";

/// How long somebody is held who cannot be looked at now: it costs a connection to try again.
const HOLD: Duration = Duration::from_secs(2);

/// Each is sent everything that administrators are told.
const ADMINISTRATORS_MAX: usize = 100;
