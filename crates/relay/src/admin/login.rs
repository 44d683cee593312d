//! Whether somebody who says a name and a password is an administrator.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::config::PasswordHash;
use super::tries::Tries;
use crate::auth::sha256;

/// The way in by a password. A hash takes some hundred milliseconds of a core, on purpose: so one is made at a time, on a thread
/// that serves nobody; few wait for it, and who tries too often does not even wait.
#[derive(Debug)]
pub(super) struct Logins {
    tries: Mutex<Tries>,
    waiting: Arc<Semaphore>,
    working: Arc<Semaphore>,
}

/// What came of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Login {
    Right,
    Wrong,
    /// Not looked at, since this address tried too often. It may come back after so long.
    TooOften(Duration),
    /// Not looked at, since too many others are.
    Busy,
}

/// What somebody says.
pub(super) struct Credentials {
    pub(super) username: String,
    pub(super) password: String,
}

/// What is right.
pub(super) struct Expected {
    pub(super) username: Box<str>,
    pub(super) password: PasswordHash,
}

impl Default for Logins {
    fn default() -> Self {
        Self {
            tries: Mutex::default(),
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            working: Arc::new(Semaphore::new(1)),
        }
    }
}

impl Logins {
    /// Compares, for somebody at this address. Dropped before it is done, what has begun goes on, and counts as under way.
    pub(super) async fn judge(
        &self,
        address: Option<IpAddr>,
        said: Credentials,
        expected: Expected,
        now: Instant,
    ) -> Login {
        let Ok(place) = Arc::clone(&self.waiting).try_acquire_owned() else { return Login::Busy };
        if let Err(wait) = self.tries().take(address, now) {
            return Login::TooOften(wait);
        }
        // It is never closed.
        let Ok(turn) = Arc::clone(&self.working).acquire_owned().await else { return Login::Busy };
        let compare = move || {
            let is_right = is_right(&said, &expected);
            drop((turn, place));
            is_right
        };
        match spawn_blocking(compare).await {
            Ok(true) => {
                self.tries().give_back(address);
                Login::Right
            }
            Ok(false) => Login::Wrong,
            // The runtime ends, or a panic, which says nothing of the password.
            Err(_) => Login::Busy,
        }
    }

    fn tries(&self) -> std::sync::MutexGuard<'_, Tries> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long it takes does not say whether the name is right.
fn is_right(said: &Credentials, expected: &Expected) -> bool {
    let names = [said.username.as_bytes(), expected.username.as_bytes()].map(sha256);
    let has_name = verify_slices_are_equal(&names[0], &names[1]).is_ok();
    let has_password = bcrypt::verify(said.password.as_bytes(), expected.password.as_str()).unwrap_or(false);
    has_name & has_password
}

/// Some seconds of work, so that nobody waits for longer than a page does.
const WAITING_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn expected() -> Expected {
        let hash = bcrypt::hash("right", 4).unwrap();
        Expected { username: "admin".into(), password: PasswordHash::parse(&hash).unwrap() }
    }

    fn said(username: &str, password: &str) -> Credentials {
        Credentials { username: username.into(), password: password.into() }
    }

    fn address(last: u8) -> Option<IpAddr> {
        Some(Ipv4Addr::new(192, 0, 2, last).into())
    }

    #[tokio::test]
    async fn both_have_to_be_right() {
        let (logins, now) = (Logins::default(), Instant::now());
        for (username, password, outcome) in [
            ("admin", "right", Login::Right),
            ("admin", "wrong", Login::Wrong),
            ("root", "right", Login::Wrong),
            ("", "", Login::Wrong),
            ("admin", &"x".repeat(10_000), Login::Wrong),
            ("admin", "right\0", Login::Wrong),
        ] {
            let login = logins.judge(address(1), said(username, password), expected(), now).await;
            assert_eq!(login, outcome, "{username} {}", password.len());
        }
    }

    #[tokio::test]
    async fn who_guesses_is_not_looked_at_and_who_knows_may_come_as_often_as_it_likes() {
        let (logins, now) = (Logins::default(), Instant::now());
        for _ in 0..10 {
            assert_eq!(logins.judge(address(1), said("admin", "x"), expected(), now).await, Login::Wrong);
        }
        // Not even the right one, or guessing would go on as fast as before.
        let login = logins.judge(address(1), said("admin", "right"), expected(), now).await;
        assert_eq!(login, Login::TooOften(Duration::from_secs(10)));
        for _ in 0..30 {
            assert_eq!(logins.judge(address(2), said("admin", "right"), expected(), now).await, Login::Right);
        }
    }

    #[tokio::test]
    async fn few_wait_and_the_others_are_told_to_come_back() {
        let (logins, now) = (Arc::new(Logins::default()), Instant::now());
        let turn = Arc::clone(&logins.working).acquire_owned().await.unwrap();
        let mut all = tokio::task::JoinSet::new();
        for last in 0..50 {
            let logins = Arc::clone(&logins);
            all.spawn(async move { logins.judge(address(last), said("admin", "right"), expected(), now).await });
        }
        for _ in 0..50 - WAITING_MAX {
            assert_eq!(all.join_next().await.unwrap().unwrap(), Login::Busy);
        }
        drop(turn);
        assert_eq!(all.join_all().await, [Login::Right; WAITING_MAX]);
    }
}
