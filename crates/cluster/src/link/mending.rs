//! What of a Redis Cluster is away is looked for, while the rest is used.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;

use super::dial::{Charted, Connector, Purpose};
use super::patience::Patience;
use super::server::{Ended, Server};
use super::slots::Slots;

/// Looks for the masters of one side of the link that are away. Dropped, it does so no longer.
pub(super) struct Mender {
    connector: Connector,
    purpose: Purpose,
    /// Called when something was found.
    ended: Ended,
    slots: Arc<Charted>,
    found: Arc<Mutex<Found>>,
    task: Option<AbortHandle>,
}

/// What was found since it was last asked for.
#[derive(Default)]
pub(super) struct Found {
    /// Masters that are there again.
    pub(super) servers: Vec<(usize, Server)>,
    /// The map is another: a replica has taken a master's place, or slots have moved.
    pub(super) has_moved: bool,
}

impl Mender {
    pub(super) fn new(connector: Connector, purpose: Purpose, ended: Ended, slots: Charted) -> Self {
        Self { connector, purpose, ended, slots: Arc::new(slots), found: Arc::default(), task: None }
    }

    pub(super) fn slots(&self) -> &Slots {
        &self.slots.map
    }

    pub(super) fn take(&self) -> Found {
        std::mem::take(&mut *self.found.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks for these from now on, and whether the map is another where it has a gap.
    pub(super) fn mend(&mut self, away: Vec<usize>) {
        self.rest();
        if away.is_empty() && self.slots.map.is_whole() {
            return;
        }
        let search = Search {
            connector: self.connector.clone(),
            purpose: self.purpose.clone(),
            ended: Arc::clone(&self.ended),
            slots: Arc::clone(&self.slots),
            found: Arc::clone(&self.found),
        };
        self.task = Some(tokio::spawn(search.run(away)).abort_handle());
    }

    fn rest(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

impl Drop for Mender {
    fn drop(&mut self) {
        self.rest();
    }
}

struct Search {
    connector: Connector,
    purpose: Purpose,
    ended: Ended,
    slots: Arc<Charted>,
    found: Arc<Mutex<Found>>,
}

impl Search {
    /// Until all are there, or the map is another.
    async fn run(self, mut away: Vec<usize>) {
        loop {
            tokio::time::sleep(PAUSE.mul_f64(0.5 + rand::random::<f64>())).await;
            // Where nobody knows the map, it may still be the same.
            if self.connector.slots(&self.purpose, TIME_MAX).await.is_ok_and(|now| now.map != self.slots.map) {
                return self.tell(|found| found.has_moved = true);
            }
            let mut still = Vec::new();
            for master in away {
                let endpoint = self.slots.endpoint(master);
                let opening = self.connector.open(&endpoint, &self.purpose, &self.ended);
                match Patience::new(TIME_MAX).wait(opening, &endpoint).await {
                    Ok(server) => self.tell(|found| found.servers.push((master, server))),
                    Err(_) => still.push(master),
                }
            }
            away = still;
            if away.is_empty() && self.slots.map.is_whole() {
                return;
            }
        }
    }

    fn tell(&self, what: impl FnOnce(&mut Found)) {
        what(&mut self.found.lock().unwrap_or_else(PoisonError::into_inner));
        (self.ended)();
    }
}

/// Half of it to half as much again: a fleet that lost the same master does not come back at one moment.
const PAUSE: Duration = Duration::from_secs(1);
const TIME_MAX: Duration = Duration::from_millis(1500);
