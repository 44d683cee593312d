//! The keys at an address, fetched now and then.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::breaker::{FAILURES_MAX, OPEN};
use super::hold::pause;
use super::key::Key;

/// A JWK set by its address. One task fetches it, however many ask, and ends when nobody could ask any more.
#[derive(Debug)]
pub(crate) struct Jwks {
    state: watch::Receiver<State>,
    begun: Instant,
    /// Somebody looks for a key that is not there.
    wanted: Arc<Notify>,
}

#[derive(Debug, Clone, Default)]
struct State {
    /// What was fetched last, and when.
    keys: Option<(Arc<[Key]>, Instant)>,
    /// How many fetches have begun, and how many of these have ended.
    begun: u64,
    ended: u64,
    /// How many failed in a row.
    failures: u32,
}

impl Jwks {
    /// Begins to fetch, by `fetch`, which is bounded in time.
    pub(crate) fn start<F>(name: String, fetch: impl Fn() -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<Vec<Key>, String>> + Send + 'static,
    {
        let (publish, state) = watch::channel(State::default());
        let wanted = Arc::new(Notify::new());
        tokio::spawn(keep_fetching(name, fetch, publish, Arc::clone(&wanted)));
        Self { state, begun: Instant::now(), wanted }
    }

    /// The keys, however stale within the bound.
    pub(crate) fn keys(&self) -> Option<Arc<[Key]>> {
        self.state.borrow().usable()
    }

    /// The keys as a fetch finds them that begins after this; `None` if none succeeds in time.
    pub(crate) async fn newer_keys(&self, until: Instant) -> Option<Arc<[Key]>> {
        let mut state = self.state.clone();
        let awaited = state.borrow().begun + 1;
        self.wanted.notify_one();
        let is_newer = |state: &State| state.ended >= awaited && state.failures == 0;
        timeout_at(until, state.wait_for(is_newer)).await.ok()?.ok()?.usable()
    }

    /// Waits for any keys at all.
    pub(crate) async fn first_keys(&self, until: Instant) -> Option<Arc<[Key]>> {
        let mut state = self.state.clone();
        let found = timeout_at(until, state.wait_for(|state| state.usable().is_some())).await.ok()?.ok()?;
        found.usable()
    }

    /// How long ago they were fetched; while they never were, how long that has been tried.
    pub(crate) fn age(&self) -> Duration {
        self.state.borrow().keys.as_ref().map_or(self.begun, |(_, fetched)| *fetched).elapsed()
    }

    /// Until when it makes no sense to ask; `None` while there are keys, or there may be in a moment.
    pub(crate) fn is_down(&self) -> Option<Duration> {
        let state = self.state.borrow();
        (state.failures >= FAILURES_MAX && state.usable().is_none()).then_some(OPEN)
    }
}

impl State {
    fn usable(&self) -> Option<Arc<[Key]>> {
        let (keys, fetched) = self.keys.as_ref()?;
        (fetched.elapsed() < STALE_MAX).then(|| Arc::clone(keys))
    }
}

/// The task.
async fn keep_fetching<F>(
    name: String,
    fetch: impl Fn() -> F + Send + 'static,
    publish: watch::Sender<State>,
    wanted: Arc<Notify>,
) where
    F: Future<Output = Result<Vec<Key>, String>> + Send + 'static,
{
    // When somebody who looked for a key may cause a fetch again.
    let mut causes_from = Instant::now();
    loop {
        publish.send_modify(|state| state.begun += 1);
        let fetched = tokio::select! {
            fetched = fetch() => fetched,
            () = publish.closed() => return,
        };
        let failures = publish.borrow().failures;
        let next = match &fetched {
            Ok(keys) => {
                tracing::debug!(url = name, keys = keys.len(), "keys fetched");
                Instant::now() + REFRESH
            }
            Err(error) => {
                // Once when it begins to matter, and not with each attempt.
                if failures + 1 == FAILURES_MAX {
                    tracing::warn!(url = name, error, "keys cannot be fetched; those that are known hold for a day");
                } else {
                    tracing::debug!(url = name, error, "keys cannot be fetched");
                }
                Instant::now() + if failures + 1 < FAILURES_MAX { pause(failures) } else { OPEN }
            }
        };
        publish.send_modify(|state| {
            state.ended += 1;
            match fetched {
                Ok(keys) => (state.keys, state.failures) = (Some((keys.into(), Instant::now())), 0),
                Err(_) => state.failures = state.failures.saturating_add(1),
            }
        });
        tokio::select! {
            () = sleep_until(next) => {}
            () = async { wanted.notified().await; sleep_until(causes_from).await } => {
                causes_from = Instant::now() + APART;
            }
            () = publish.closed() => return,
        }
    }
}

/// How old keys become before they are fetched again.
const REFRESH: Duration = Duration::from_secs(300);

/// How soon a key that is missing has them fetched again: a million of unknown names are one fetch.
const APART: Duration = Duration::from_secs(30);

/// How long keys hold while they cannot be fetched.
const STALE_MAX: Duration = Duration::from_secs(24 * 3600);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use super::*;
    use crate::auth::secret::Secret;

    /// A server that answers, or not, and counts.
    #[derive(Default)]
    struct Server {
        fetches: AtomicUsize,
        is_away: AtomicBool,
    }

    fn served(server: &Arc<Server>) -> Jwks {
        let server = Arc::clone(server);
        Jwks::start("test".to_owned(), move || {
            let server = Arc::clone(&server);
            async move {
                server.fetches.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(10)).await;
                if server.is_away.load(Ordering::Relaxed) {
                    Err("away".to_owned())
                } else {
                    Ok(vec![Key::secret(&Secret([1].into()))])
                }
            }
        })
    }

    fn in_s(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn keys_are_fetched_at_the_start_and_every_five_minutes() {
        let server = Arc::new(Server::default());
        let jwks = served(&server);
        assert!(jwks.keys().is_none());
        assert!(jwks.first_keys(in_s(1)).await.is_some());
        tokio::time::sleep(Duration::from_secs(200)).await;
        assert_eq!(jwks.age().as_secs(), 200);
        tokio::time::sleep(Duration::from_secs(3400)).await;
        assert!(jwks.age() <= Duration::from_secs(300));
        assert_eq!(server.fetches.load(Ordering::Relaxed), 12);
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_look_for_an_unknown_key_there_is_one_fetch_in_30_s() {
        let server = Arc::new(Server::default());
        let jwks = Arc::new(served(&server));
        jwks.first_keys(in_s(1)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
        let asking: Vec<_> = (0..1000)
            .map(|_| {
                let jwks = Arc::clone(&jwks);
                tokio::spawn(async move { jwks.newer_keys(in_s(5)).await.is_some() })
            })
            .collect();
        for found in asking {
            assert!(found.await.unwrap(), "the one fetch is everybody's");
        }
        assert_eq!(server.fetches.load(Ordering::Relaxed), 2);
        // Too soon for another: whoever waits less than that is not answered.
        assert!(jwks.newer_keys(in_s(5)).await.is_none());
        assert_eq!(server.fetches.load(Ordering::Relaxed), 2);
        assert!(jwks.newer_keys(in_s(26)).await.is_some());
        assert_eq!(server.fetches.load(Ordering::Relaxed), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn keys_hold_for_a_day_while_the_server_is_away_and_come_back_with_it() {
        let server = Arc::new(Server::default());
        let jwks = served(&server);
        jwks.first_keys(in_s(1)).await.unwrap();
        server.is_away.store(true, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(23 * 3600)).await;
        assert!(jwks.keys().is_some());
        assert_eq!(jwks.is_down(), None);
        assert!(jwks.newer_keys(in_s(10)).await.is_none(), "there may be newer ones");
        assert!(jwks.age() >= Duration::from_secs(23 * 3600), "whatever was tried since");
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert!(jwks.keys().is_none());
        assert_eq!(jwks.is_down(), Some(OPEN));
        server.is_away.store(false, Ordering::Relaxed);
        assert!(jwks.first_keys(in_s(6)).await.is_some());
        assert_eq!(jwks.is_down(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_away_is_asked_at_growing_pauses_and_then_every_five_seconds() {
        let server = Arc::new(Server::default());
        server.is_away.store(true, Ordering::Relaxed);
        let jwks = served(&server);
        tokio::time::sleep(Duration::from_secs(60)).await;
        let fetches = server.fetches.load(Ordering::Relaxed);
        assert!((12..=18).contains(&fetches), "{fetches}");
        assert_eq!(jwks.age(), Duration::from_secs(60), "of none at all");
        assert_eq!(jwks.is_down(), Some(OPEN));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_fetches_for_nobody() {
        let server = Arc::new(Server::default());
        drop(served(&server));
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert!(server.fetches.load(Ordering::Relaxed) <= 1);
    }
}
