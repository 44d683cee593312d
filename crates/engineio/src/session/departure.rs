//! Sessions that end some at a time.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use engineio_proto::{CloseReason, Recipient};
use rand::seq::SliceRandom;

use crate::session::link::Link;
use crate::shared::Shared;

/// Ends sessions some at a time, in random order, so that their clients do not come back elsewhere all at once.
///
/// Each is ended as by [`Engine::close`](crate::Engine::close). Those who are at rest go first: for whom nothing waits, and
/// from whom nothing has come since the last call, so that they wait for no answer either. When only others are left, they go
/// too, who has most waiting last.
pub struct Departure {
    shared: Arc<Shared>,
    /// Who has not been looked at.
    crowd: VecDeque<Arc<Link>>,
    /// Who goes with the next call, if they are still at rest then; with what had come from them.
    next: Vec<(Arc<Link>, u64)>,
    /// Who was busy when they were looked at; with what had come from them.
    busy: Vec<(Arc<Link>, u64)>,
}

impl Departure {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, crowd: VecDeque::new(), next: Vec::new(), busy: Vec::new() }
    }

    /// Ends `count` sessions, or as many as there are. Meant to be called every few milliseconds.
    pub fn end(&mut self, count: usize) {
        if self.crowd.is_empty() && self.next.is_empty() && self.busy.is_empty() {
            self.gather();
        }
        let mut left = count;
        for (link, received) in std::mem::take(&mut self.next) {
            if link.is_shut() {
                continue;
            }
            let now = received_from(&link);
            if link.meter().waiting() > 0 || now != received {
                self.busy.push((link, now));
            } else if left > 0 {
                link.close(CloseReason::Shutdown);
                left -= 1;
            } else {
                self.crowd.push_front(link);
            }
        }
        if left > 0 && self.crowd.is_empty() {
            self.end_busy(left);
        }
        // Twice as many, as some will not be at rest any more.
        let shortlist = self.crowd.len().min((count * 2).max(SHORTLIST_MIN));
        self.next.extend(self.crowd.drain(..shortlist).map(|link| {
            let received = received_from(&link);
            (link, received)
        }));
    }

    /// Ends everybody.
    pub fn end_all(&self) {
        self.shared.registry.close_all(CloseReason::Shutdown);
    }

    /// Who is there now: at the beginning, and again when all of those have gone, as some may have slipped in.
    fn gather(&mut self) {
        let mut links = self.shared.registry.links();
        links.retain(|link| !link.is_shut());
        links.shuffle(&mut rand::rng());
        self.crowd = links.into();
    }

    fn end_busy(&mut self, count: usize) {
        self.busy.retain(|(link, _)| !link.is_shut());
        // Those who are most at rest are at the end.
        self.busy.sort_by_cached_key(|(link, received)| {
            let waiting = link.meter().waiting();
            Reverse((waiting > 0, received_from(link) != *received, waiting))
        });
        for (link, _) in self.busy.drain(self.busy.len().saturating_sub(count)..) {
            link.close(CloseReason::Shutdown);
        }
        for (link, received) in &mut self.busy {
            *received = received_from(link);
        }
    }
}

fn received_from(link: &Link) -> u64 {
    link.meter().traffic().received
}

impl fmt::Debug for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Departure").finish_non_exhaustive()
    }
}

/// So that where one goes in a while it is most often somebody at rest.
const SHORTLIST_MIN: usize = 8;
