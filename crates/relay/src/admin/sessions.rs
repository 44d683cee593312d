//! Who has logged in and may come back without a password.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::auth::sha256;

/// The sessions of administrators, by the hashes of their ids: how long it takes to look for one says nothing of those there are.
///
/// Each ends a day after its login, whatever happens meanwhile. The oldest goes when there are [`SESSIONS_MAX`]: a page that comes
/// back by its password has another session each time.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    ends_at: HashMap<[u8; 32], Instant>,
}

impl Sessions {
    /// Begins one. `random` are bytes that nobody can guess; what is given back is for whoever has logged in, and kept nowhere.
    pub(super) fn begin(&mut self, random: [u8; 16], now: Instant) -> String {
        self.ends_at.retain(|_, ends_at| *ends_at > now);
        if self.ends_at.len() >= SESSIONS_MAX
            && let Some(oldest) = self.ends_at.iter().min_by_key(|(_, ends_at)| **ends_at).map(|(id, _)| *id)
        {
            self.ends_at.remove(&oldest);
        }
        let id: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        self.ends_at.insert(sha256(id.as_bytes()), now + LIFETIME);
        id
    }

    /// Whether somebody who says this id has logged in.
    pub(super) fn has(&self, id: &str, now: Instant) -> bool {
        self.ends_at.get(&sha256(id.as_bytes())).is_some_and(|ends_at| *ends_at > now)
    }

    /// How many there are.
    pub(super) fn count(&self, now: Instant) -> usize {
        self.ends_at.values().filter(|ends_at| **ends_at > now).count()
    }

    /// Ends them all: there is another password.
    pub(super) fn end_all(&mut self) {
        self.ends_at.clear();
    }
}

/// As the reference's store has it.
const LIFETIME: Duration = Duration::from_secs(86_400);

/// More than people who watch.
const SESSIONS_MAX: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_lasts_a_day() {
        let (mut sessions, now) = (Sessions::default(), Instant::now());
        let id = sessions.begin([0xab; 16], now);
        assert_eq!(id, "ab".repeat(16));
        let almost = now + LIFETIME - Duration::from_millis(1);
        assert!(sessions.has(&id, now) && sessions.has(&id, almost));
        assert!(!sessions.has(&id, now + LIFETIME));
        assert_eq!((sessions.count(almost), sessions.count(now + LIFETIME)), (1, 0));
    }

    #[test]
    fn what_is_no_session_is_none() {
        let (mut sessions, now) = (Sessions::default(), Instant::now());
        let id = sessions.begin([1; 16], now);
        for forged in ["", "01", &id[1..], &id.replace("01", "02"), &format!("{id}01"), &"f".repeat(100_000)] {
            assert!(!sessions.has(forged, now), "{forged}");
        }
        sessions.end_all();
        assert!(!sessions.has(&id, now));
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let (mut sessions, now) = (Sessions::default(), Instant::now());
        let begun = |sessions: &mut Sessions, number: usize| {
            let mut random = [0; 16];
            random[..8].copy_from_slice(&number.to_be_bytes());
            sessions.begin(random, now + Duration::from_secs(number as u64))
        };
        let ids: Vec<_> = (0..SESSIONS_MAX + 2).map(|number| begun(&mut sessions, number)).collect();
        let later = now + Duration::from_secs(5000);
        assert_eq!(sessions.count(later), SESSIONS_MAX);
        assert!(!sessions.has(&ids[0], later) && !sessions.has(&ids[1], later));
        assert!(ids[2..].iter().all(|id| sessions.has(id, later)));
    }
}
