//! The way out of the fleet.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use cluster_proto::outgoing::{Pipeline, Publication};
use tokio::sync::oneshot;

use super::Supervisor;
use super::publishing::{send, tell_dropped};
use crate::node::{Queue, Shared};

/// Who leaves is counted no longer, answers what it was asked until then, sends what there still is and its last heartbeat, and
/// closes its connections.
pub(super) struct Leaving {
    until: Instant,
    replies: Vec<oneshot::Sender<()>>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// What there is is being sent.
    Flushing,
    /// The last heartbeat too.
    Bye,
    /// The link closes.
    Closing,
}

impl Leaving {
    pub(super) fn due(&self) -> Option<Instant> {
        (self.stage != Stage::Closing).then_some(self.until)
    }

    /// It has left.
    pub(super) fn left(self) {
        for reply in self.replies {
            let _ = reply.send(());
        }
    }
}

impl Supervisor {
    pub(super) fn leave(&mut self, reply: Option<oneshot::Sender<()>>, now: Instant) {
        if self.leaving.is_none() {
            for place in self.shared.places().by_name.values() {
                self.link.unsubscribe_group(&place.name, now);
            }
        }
        let begun = || Leaving { until: now + PATIENCE, replies: Vec::new(), stage: Stage::Flushing };
        self.leaving.get_or_insert_with(begun).replies.extend(reply);
    }

    /// Says whether the link is to be looked at again.
    pub(super) fn go_on_leaving(&mut self, now: Instant) -> bool {
        let Some(leaving) = &mut self.leaving else { return false };
        let (waiting, in_flight) = {
            let counts = self.shared.outgoing.lock().unwrap_or_else(PoisonError::into_inner).counts();
            let replies = self.shared.replies.lock().counts();
            (counts.waiting + replies.waiting, counts.in_flight + replies.in_flight)
        };
        let open = self.publisher.as_ref().filter(|(connection, _)| self.speaks_on == Some(*connection));
        let is_late = leaving.until <= now || open.is_none();
        let is_asked = self.link.is_counted() || self.shared.is_answering();
        match (leaving.stage, open) {
            (Stage::Flushing, Some((connection, servers))) if waiting == 0 && !is_asked && !is_late => {
                if let Some(bye) = bye(&self.shared, now) {
                    leaving.stage = Stage::Bye;
                    send(servers, *connection, (Queue::Events, bye), &self.shared);
                }
                false
            }
            (Stage::Flushing | Stage::Bye, _) if is_late || (leaving.stage == Stage::Bye && in_flight == 0) => {
                if let Some((connection, servers)) = open.filter(|_| leaving.stage == Stage::Flushing) {
                    bye(&self.shared, now)
                        .into_iter()
                        .for_each(|bye| send(servers, *connection, (Queue::Events, bye), &self.shared));
                }
                leaving.stage = Stage::Closing;
                self.shared.end();
                self.link.leave(now);
                true
            }
            _ => false,
        }
    }
}

/// The last heartbeat. What still waits is not sent any more, and it says so. `None`: Redis takes nothing.
fn bye(shared: &Shared, now: Instant) -> Option<Pipeline> {
    let mut outgoing = shared.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
    let mut peers = shared.peers.lock().unwrap_or_else(PoisonError::into_inner);
    outgoing.give_up();
    tell_dropped(&mut outgoing, &mut peers);
    let bye = Publication::new(false, shared.heartbeats.clone(), peers.bye(now));
    outgoing.append(None, bye, now)
}

/// How long what is still to be sent may take.
const PATIENCE: Duration = Duration::from_secs(1);
