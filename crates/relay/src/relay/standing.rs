//! Who vouched for a client, and for how long.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rand::RngExt;
use socketio::{AckSender, Handshake};

use super::counting::Counting;
use super::lifetime::{Due, Lifetime};
use crate::auth::config::Renewal;
use crate::auth::{Finding, Identity, Voucher};

/// Who vouched for a client, and for how long; and whether it is to leave for another reason. And what else few clients need.
#[derive(Default)]
pub(super) struct Standing {
    vouched: Option<Vouched>,
    /// When it is sent away, and why: who vouched for it does so no more, or somebody would have to.
    leaves: Option<(Instant, &'static str)>,
    /// When it is to be looked at what is due.
    pub(super) looks_at: Option<Instant>,
    pub(super) renewing: Option<Box<Renewing>>,
    /// Of a cluster, where its rules ask for that.
    pub(super) counting: Counting,
}

/// Who vouched for it.
struct Vouched {
    voucher: Voucher,
    subject: Option<Box<str>>,
    /// Asked with again.
    handshake: Arc<Handshake>,
    lifetime: Option<Lifetime>,
}

/// A renewal that is being decided.
pub(super) struct Renewing {
    pub(super) finding: Pin<Box<dyn Future<Output = Finding> + Send>>,
    pub(super) ack: Option<AckSender>,
}

impl Standing {
    pub(super) fn new(identity: &Identity, handshake: Arc<Handshake>, renewal: &Renewal) -> Self {
        let (voucher, subject) = (identity.voucher.clone(), identity.subject.clone());
        let vouched = Vouched { voucher, subject, handshake, lifetime: None };
        let mut standing = Self { vouched: Some(vouched), ..Self::default() };
        standing.prolong(identity, renewal);
        standing
    }

    /// Who vouched for it, if somebody did.
    pub(super) fn voucher(&self) -> Option<&Voucher> {
        self.vouched.as_ref().map(|vouched| &vouched.voucher)
    }

    /// The request that it came by, if somebody vouched for it.
    pub(super) fn handshake(&self) -> Option<&Arc<Handshake>> {
        self.vouched.as_ref().map(|vouched| &vouched.handshake)
    }

    /// What is due, once it is time to look.
    pub(super) fn due(&mut self, time: SystemTime, now: Instant) -> Due {
        let due = self.lifetime().map_or(Due::Nothing, |lifetime| lifetime.due(time));
        self.look_later(time, now);
        // Whose end it is, is looked at no more: it goes.
        self.looks_at.take_if(|_| due == Due::End);
        due
    }

    /// Why it is sent away by now, if it is.
    pub(super) fn leaves(&mut self, now: Instant) -> Option<&'static str> {
        let (_, why) = self.leaves.filter(|(at, _)| *at <= now)?;
        self.looks_at = None;
        Some(why)
    }

    /// It was vouched for again.
    pub(super) fn prolong(&mut self, identity: &Identity, renewal: &Renewal) {
        let (time, now) = now();
        if let Some(vouched) = &mut self.vouched {
            vouched.voucher.clone_from(&identity.voucher);
            vouched.lifetime = identity.expires_at.map(|at| Lifetime::new(at, time, renewal));
        }
        self.look_later(time, now);
    }

    /// Other times hold.
    pub(super) fn live_by(&mut self, renewal: &Renewal) {
        let (time, now) = now();
        if let Some(lifetime) = self.lifetime() {
            *lifetime = lifetime.under(time, renewal);
        }
        self.look_later(time, now);
    }

    /// It is to leave within the grace, at a moment of its own; which stays, if it was to leave before.
    pub(super) fn leave_within(&mut self, grace: Duration, why: &'static str) {
        let (time, now) = now();
        if self.leaves.is_none() {
            let at = now.checked_add(grace.mul_f64(rand::rng().random_range(0.0..1.0)));
            self.leaves = Some((at.unwrap_or(now), why));
        }
        self.look_later(time, now);
    }

    /// It may stay, if it was to leave.
    pub(super) fn stay(&mut self) {
        if self.leaves.take().is_some() {
            let (time, now) = now();
            self.look_later(time, now);
        }
    }

    /// Whether it is still the same somebody. Of two without a subject nobody knows.
    pub(super) fn is_of(&self, identity: &Identity) -> bool {
        self.vouched.as_ref().is_some_and(|vouched| {
            let is_same = vouched.voucher.issuer == identity.voucher.issuer && vouched.subject == identity.subject;
            is_same && vouched.subject.is_some()
        })
    }

    fn lifetime(&mut self) -> Option<&mut Lifetime> {
        self.vouched.as_mut()?.lifetime.as_mut()
    }

    fn look_later(&mut self, time: SystemTime, now: Instant) {
        let of_lifetime = self.lifetime().and_then(|lifetime| lifetime.next(time, now));
        self.looks_at = of_lifetime.into_iter().chain(self.leaves.map(|(at, _)| at)).min();
    }
}

fn now() -> (SystemTime, Instant) {
    (SystemTime::now(), tokio::time::Instant::now().into_std())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_is_to_leave_does_within_the_grace_at_a_moment_that_stays_unless_it_may_stay() {
        let (grace, begun) = (Duration::from_secs(10), now().1);
        let mut seconds = [0; 10];
        for _ in 0..1000 {
            let mut standing = Standing::default();
            standing.leave_within(grace, "gone");
            let at = standing.looks_at.unwrap();
            standing.leave_within(grace, "gone again");
            assert_eq!(standing.looks_at, Some(at));
            assert_eq!(standing.leaves(begun), None);
            seconds[(at.duration_since(begun).as_secs() as usize).min(9)] += 1;
            let mut other = Standing::default();
            other.leave_within(grace, "gone");
            other.stay();
            assert_eq!((other.looks_at, other.leaves(at + grace)), (None, None));
            assert_eq!((standing.leaves(at), standing.looks_at), (Some("gone"), None));
        }
        assert!(seconds.iter().all(|count| (50..160).contains(count)), "{seconds:?}");
    }
}
