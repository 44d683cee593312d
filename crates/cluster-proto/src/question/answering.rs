//! Broadcasts of other nodes whose acknowledgements this node collects.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

/// Times and bounds of [`Answering`].
#[derive(Debug, Clone)]
pub struct AnsweringConfig {
    /// How many may be under way.
    pub broadcasts_max: usize,
    /// How long one lasts that does not say. The reference keeps it until every client has answered or left.
    pub timeout: Duration,
    /// How long one lasts that says more.
    pub timeout_max: Duration,
}

/// A broadcast that is being acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Broadcast(u64);

/// There are too many under way. Say that no client was asked, so that nobody waits for it, and deliver without
/// acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy;

/// The broadcasts with acknowledgement that came from others, each until all clients have answered, or time is up.
///
/// What is kept of one (who asked, and its request id) is `R`; it comes back with each answer, and is given back at the
/// end.
#[derive(Debug)]
pub struct Answering<R> {
    config: AnsweringConfig,
    broadcasts: HashMap<Broadcast, Underway<R>>,
    due: BTreeSet<(Instant, Broadcast)>,
    number: u64,
}

#[derive(Debug)]
struct Underway<R> {
    request: R,
    clients: u64,
    until: Instant,
}

impl Default for AnsweringConfig {
    fn default() -> Self {
        Self {
            broadcasts_max: 4096,
            timeout: Duration::from_secs(60),
            // The name of a peer's flag is no reason to keep something for days.
            timeout_max: Duration::from_secs(10 * 60),
        }
    }
}

impl<R> Answering<R> {
    /// None yet.
    pub fn new(mut config: AnsweringConfig) -> Self {
        config.timeout_max = config.timeout_max.min(TIME_MAX);
        Self { config, broadcasts: HashMap::new(), due: BTreeSet::new(), number: 0 }
    }

    /// A broadcast came that asks `clients` of this node. `timeout`: what its flags say. `Ok(None)`: nobody is asked, so
    /// there is nothing to keep.
    pub fn begin(
        &mut self,
        request: R,
        clients: u64,
        timeout: Option<Duration>,
        now: Instant,
    ) -> Result<Option<Broadcast>, Busy> {
        if clients == 0 {
            return Ok(None);
        }
        if self.broadcasts.len() >= self.config.broadcasts_max {
            return Err(Busy);
        }
        self.number += 1;
        let broadcast = Broadcast(self.number);
        let until = now + timeout.unwrap_or(self.config.timeout).min(self.config.timeout_max);
        self.due.insert((until, broadcast));
        self.broadcasts.insert(broadcast, Underway { request, clients, until });
        Ok(Some(broadcast))
    }

    /// A client acknowledged: whom to tell. `None`: too late. With the last one it is over.
    pub fn handle_ack(&mut self, broadcast: Broadcast) -> Option<R>
    where
        R: Clone,
    {
        let underway = self.broadcasts.get_mut(&broadcast)?;
        underway.clients -= 1;
        match underway.clients {
            0 => self.end(broadcast),
            _ => Some(underway.request.clone()),
        }
    }

    /// A client left without a word. The asker is not told: the wire has no words for it.
    pub fn handle_gone(&mut self, broadcast: Broadcast) {
        if let Some(underway) = self.broadcasts.get_mut(&broadcast) {
            underway.clients -= 1;
            if underway.clients == 0 {
                self.end(broadcast);
            }
        }
    }

    /// When [`handle_timeout`](Answering::handle_timeout) is to be called, if ever.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.due.first().map(|(until, _)| *until)
    }

    /// The next one whose time is up: its acknowledgements are waited for no longer. To be called until `None`.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<(Broadcast, R)> {
        let (_, broadcast) = self.due.first().copied().filter(|(until, _)| *until <= now)?;
        self.end(broadcast).map(|request| (broadcast, request))
    }

    /// How many are under way.
    pub fn len(&self) -> usize {
        self.broadcasts.len()
    }

    /// Whether none is under way.
    pub fn is_empty(&self) -> bool {
        self.broadcasts.is_empty()
    }

    fn end(&mut self, broadcast: Broadcast) -> Option<R> {
        let underway = self.broadcasts.remove(&broadcast)?;
        self.due.remove(&(underway.until, broadcast));
        Some(underway.request)
    }
}

/// A day.
const TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);
