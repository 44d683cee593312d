//! Who vouched for a client, and for how long.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use socketio::{AckSender, Handshake};

use super::lifetime::{Due, Lifetime};
use crate::auth::config::Renewal;
use crate::auth::{Finding, Identity};

/// Who vouched for a client, and for how long.
pub(super) struct Standing {
    issuer: Arc<str>,
    subject: Option<Box<str>>,
    /// Asked with again.
    pub(super) handshake: Arc<Handshake>,
    lifetime: Option<Lifetime>,
    /// When it is to be looked at what is due.
    pub(super) looks_at: Option<Instant>,
    pub(super) renewing: Option<Box<Renewing>>,
}

/// A renewal that is being decided.
pub(super) struct Renewing {
    pub(super) finding: Pin<Box<dyn Future<Output = Finding> + Send>>,
    pub(super) ack: Option<AckSender>,
}

impl Standing {
    pub(super) fn new(identity: &Identity, handshake: Arc<Handshake>, renewal: &Renewal) -> Self {
        let (issuer, subject) = (Arc::clone(&identity.issuer), identity.subject.clone());
        let mut standing = Self { issuer, subject, handshake, lifetime: None, looks_at: None, renewing: None };
        standing.prolong(identity.expires_at, renewal);
        standing
    }

    /// What is due, once it is time to look.
    pub(super) fn due(&mut self, time: SystemTime, now: Instant) -> Due {
        let Some(lifetime) = &mut self.lifetime else { return Due::Nothing };
        let due = lifetime.due(time);
        // Whose end it is, is looked at no more: it goes.
        self.looks_at = if due == Due::End { None } else { lifetime.next(time, now) };
        due
    }

    /// It was vouched for again.
    pub(super) fn prolong(&mut self, expires_at: Option<SystemTime>, renewal: &Renewal) {
        let time = SystemTime::now();
        self.lifetime = expires_at.map(|at| Lifetime::new(at, time, renewal));
        self.looks_at =
            self.lifetime.as_ref().and_then(|lifetime| lifetime.next(time, tokio::time::Instant::now().into_std()));
    }

    /// Whether it is still the same somebody. Of two without a subject nobody knows.
    pub(super) fn is_of(&self, identity: &Identity) -> bool {
        self.subject.is_some() && self.issuer == identity.issuer && self.subject == identity.subject
    }
}
