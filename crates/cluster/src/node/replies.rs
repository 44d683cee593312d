//! Answers on their way to whoever asked.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cluster_proto::outgoing::{Loss, Outgoing, OutgoingConfig, Publication, Standing};
use tokio::sync::Notify;

use super::counters::Counter;
use super::seldom::Seldom;

/// A queue of their own, so that they take no place from events; what is taken from it goes behind those.
pub(crate) struct Replies {
    answer_bytes_max: usize,
    queue: Mutex<Outgoing>,
    /// Whoever makes an answer waits here until there is place for it.
    gone: Notify,
    too_large: Counter,
    notes: Seldom,
}

impl Replies {
    /// An answer may be as large as all that may wait of events.
    pub(crate) fn new(answer_bytes_max: usize, age_max: Duration) -> Self {
        let config = OutgoingConfig {
            // One that is as large as may be, and small ones.
            bytes_max: answer_bytes_max.saturating_mul(2),
            age_max,
            // Few at a time are between events.
            pipelines_max: 2,
            ..OutgoingConfig::default()
        };
        Self {
            answer_bytes_max,
            queue: Mutex::new(Outgoing::new(config)),
            gone: Notify::new(),
            too_large: Counter::default(),
            notes: Seldom::new(NOTED),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Outgoing> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, publication: Publication) {
        if publication.body.len() > self.answer_bytes_max {
            return self.lose();
        }
        let standing = self.lock().push(publication, Instant::now());
        if standing == Standing::Lost(Loss::TooMuch) {
            self.note();
        }
    }

    /// Waits until there is place for an answer of any size. For one task, which makes it then.
    pub(crate) async fn place(&self) {
        while self.lock().bytes() > self.answer_bytes_max / 2 {
            // What waits goes, or gets too old, which nobody is told.
            let _ = tokio::time::timeout(LOOKED_AGAIN, self.gone.notified()).await;
        }
    }

    /// Redis has taken some.
    pub(crate) fn note_gone(&self) {
        self.gone.notify_one();
    }

    /// How large an answer may be.
    pub(crate) fn answer_bytes_max(&self) -> usize {
        self.answer_bytes_max
    }

    /// An answer is too large to be sent, or to be made.
    pub(crate) fn lose(&self) {
        self.too_large.add(1);
        self.note();
    }

    pub(crate) fn too_large(&self) -> u64 {
        self.too_large.get()
    }

    fn note(&self) {
        if self.notes.passes() {
            tracing::warn!("an answer to another node is too large, or too many wait: whoever asked gets none");
        }
    }
}

const LOOKED_AGAIN: Duration = Duration::from_millis(100);
const NOTED: Duration = Duration::from_secs(60);
