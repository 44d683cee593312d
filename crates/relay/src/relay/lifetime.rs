//! How long a client may stay.

use std::time::{Duration, Instant, SystemTime};

use rand::RngExt;

use crate::auth::config::Renewal;

/// When somebody who was vouched for until some time is warned, and when the connection ends.
///
/// Told in the time of day, as a token tells it, and looked up anew whenever its time seems to have come: clocks are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lifetime {
    expires_at: SystemTime,
    /// In the grace, at a moment of its own, so that those whose tokens end together do not come back together.
    ends_at: SystemTime,
    /// `None` once it was said, or if nobody wants to hear it.
    warns_at: Option<SystemTime>,
}

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing.
    Nothing,
    /// To say that so much is left.
    Warning(Duration),
    /// The end.
    End,
}

impl Lifetime {
    pub(super) fn new(expires_at: SystemTime, now: SystemTime, renewal: &Renewal) -> Self {
        // Within its leeway a token may have expired when it came.
        let from = expires_at.max(now);
        let grace = renewal.grace.mul_f64(rand::rng().random_range(0.0..1.0));
        let warns_at = renewal.warn_event.is_some().then(|| expires_at.checked_sub(renewal.warn_before)).flatten();
        Self { expires_at, ends_at: from.checked_add(grace).unwrap_or(from), warns_at }
    }

    /// The same under other times.
    pub(super) fn under(&self, now: SystemTime, renewal: &Renewal) -> Self {
        let mut other = Self::new(self.expires_at, now, renewal);
        // Its moment has come, and it is not put off.
        if self.expires_at <= now {
            other.ends_at = other.ends_at.min(self.ends_at);
        }
        other
    }

    /// When to look again.
    pub(super) fn next(&self, now: SystemTime, instant: Instant) -> Option<Instant> {
        let due = self.warns_at.unwrap_or(self.ends_at).min(self.ends_at);
        // No timer for years: a token of that kind is looked at each month.
        let left = due.duration_since(now).unwrap_or_default().min(LOOK_AGAIN);
        instant.checked_add(left)
    }

    /// What is due by now. A warning is due once.
    pub(super) fn due(&mut self, now: SystemTime) -> Due {
        if self.ends_at <= now {
            return Due::End;
        }
        match self.warns_at.take_if(|at| *at <= now) {
            Some(_) => Due::Warning(self.expires_at.duration_since(now).unwrap_or_default()),
            None => Due::Nothing,
        }
    }
}

const LOOK_AGAIN: Duration = Duration::from_secs(30 * 24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    fn renewal(warns: bool) -> Renewal {
        Renewal {
            renew_event: None,
            warn_event: warns.then(|| policy::EventName::parse("auth:expiring").unwrap()),
            warn_before: Duration::from_secs(30),
            grace: Duration::from_secs(25),
        }
    }

    #[test]
    fn ten_thousand_tokens_with_one_end_spread_over_the_grace() {
        let now = SystemTime::now();
        let expires_at = now + Duration::from_secs(60);
        let mut seconds = [0; 25];
        for _ in 0..10_000 {
            let mut lifetime = Lifetime::new(expires_at, now, &renewal(false));
            assert_eq!(lifetime.due(expires_at - Duration::from_nanos(1)), Due::Nothing);
            assert_eq!(lifetime.due(expires_at + Duration::from_secs(25)), Due::End);
            seconds[lifetime.ends_at.duration_since(expires_at).unwrap().as_secs() as usize] += 1;
        }
        assert!(seconds.iter().all(|count| (250..550).contains(count)), "{seconds:?}");
    }

    #[test]
    fn a_warning_comes_once_and_before_the_end() {
        let now = SystemTime::now();
        let at = |seconds: i64| match u64::try_from(seconds) {
            Ok(seconds) => now + Duration::from_secs(seconds),
            Err(_) => now - Duration::from_secs(seconds.unsigned_abs()),
        };
        let mut lifetime = Lifetime::new(at(60), now, &renewal(true));
        let instant = Instant::now();
        assert_eq!(lifetime.next(now, instant), Some(instant + Duration::from_secs(30)));
        assert_eq!(lifetime.due(at(29)), Due::Nothing);
        assert_eq!(lifetime.due(at(31)), Due::Warning(Duration::from_secs(29)));
        assert_eq!(lifetime.due(at(32)), Due::Nothing);
        assert!(lifetime.next(at(32), instant).unwrap() >= instant + Duration::from_secs(28));

        // Accepted within the leeway of its issuer.
        let mut late = Lifetime::new(at(-10), now, &renewal(true));
        assert_eq!(late.due(now), Due::Warning(Duration::ZERO));
        assert_eq!(late.due(at(25)), Due::End);
    }
}
