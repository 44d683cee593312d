//! How many lines one place in the program may write.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::{Level, Metadata};

/// A budget for each place that writes lines: so many at once, and then so many a second. Whatever is written for each event
/// or request, a client could else fill the disk with.
///
/// There is an entry for each place in the program, so there are only so many.
#[derive(Debug, Default)]
pub(crate) struct Budgets {
    places: Mutex<HashMap<Identifier, Place>>,
}

/// What one place has left.
#[derive(Debug)]
struct Place {
    lines: f64,
    at: Instant,
    left_out: Option<LeftOut>,
}

/// Lines of one place that were not written.
#[derive(Debug)]
pub(crate) struct LeftOut {
    pub(crate) metadata: &'static Metadata<'static>,
    /// What the first of them said.
    pub(crate) like: String,
    pub(crate) lines: u64,
}

/// Whether a line may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    Yes,
    No,
    /// No, and it is the first of which nothing was reported.
    NoLonger,
}

impl Budgets {
    /// Asks for one line, which says `what`.
    pub(crate) fn pass(
        &self,
        metadata: &'static Metadata<'static>,
        now: Instant,
        what: impl FnOnce() -> String,
    ) -> Pass {
        if !is_bounded(metadata) {
            return Pass::Yes;
        }
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let full = || Place { lines: LINES_AT_ONCE, at: now, left_out: None };
        places.entry(metadata.callsite()).or_insert_with(full).pass(metadata, now, what)
    }

    /// What was left out since this was asked last.
    pub(crate) fn take_left_out(&self) -> Vec<LeftOut> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = places.values_mut().filter_map(|place| place.left_out.take()).collect();
        all.sort_by_key(|left_out| (left_out.metadata.file(), left_out.metadata.line()));
        all
    }
}

impl Place {
    fn pass(&mut self, metadata: &'static Metadata<'static>, now: Instant, what: impl FnOnce() -> String) -> Pass {
        let gained = now.saturating_duration_since(self.at).as_secs_f64() * LINES_PER_S;
        self.lines = (self.lines + gained).min(LINES_AT_ONCE);
        self.at = now;
        if self.lines >= 1.0 {
            self.lines -= 1.0;
            return Pass::Yes;
        }
        match &mut self.left_out {
            Some(left_out) => {
                left_out.lines += 1;
                Pass::No
            }
            None => {
                self.left_out = Some(LeftOut { metadata, like: what(), lines: 1 });
                Pass::NoLonger
            }
        }
    }
}

/// Lines at `info` are those of what an operator does, and one for the end of each session, none of which is to be missing.
/// Nor is the number of those that were lost.
fn is_bounded(metadata: &Metadata<'_>) -> bool {
    *metadata.level() != Level::INFO && metadata.target() != super::queue::TARGET
}

/// How soon it is said that lines are left out.
pub(crate) const REPORT_AFTER: Duration = Duration::from_secs(5);

/// Enough to watch a client or two, whatever they do.
const LINES_AT_ONCE: f64 = 100.0;

/// With some five places that are busy at once, and 250 bytes a line, a gigabyte a day.
const LINES_PER_S: f64 = 10.0;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Subscriber};

    use super::*;

    /// Asks the budget for every event.
    struct Asking {
        budgets: Arc<Budgets>,
        passed: Arc<Mutex<Vec<Pass>>>,
        now: Arc<Mutex<Instant>>,
    }

    impl Subscriber for Asking {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn event(&self, event: &Event<'_>) {
            let now = *self.now.lock().unwrap();
            self.passed.lock().unwrap().push(self.budgets.pass(event.metadata(), now, || "busy".to_owned()));
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn a_place_has_a_hundred_lines_and_ten_a_second_and_no_other_pays_for_it() {
        let (budgets, passed) = (Arc::<Budgets>::default(), Arc::<Mutex<Vec<Pass>>>::default());
        let now = Arc::new(Mutex::new(Instant::now()));
        let asking = Asking { budgets: Arc::clone(&budgets), passed: Arc::clone(&passed), now: Arc::clone(&now) };
        let taken = || std::mem::take(&mut *passed.lock().unwrap());
        let count = |passes: Vec<Pass>| passes.iter().filter(|pass| **pass == Pass::Yes).count();
        tracing::subscriber::with_default(asking, || {
            let busy = || (0..1000).for_each(|_| tracing::debug!("busy"));
            busy();
            let passes = taken();
            assert_eq!(passes[99..102], [Pass::Yes, Pass::NoLonger, Pass::No]);
            assert_eq!(count(passes), 100);
            tracing::debug!("another");
            tracing::error!("a third");
            assert_eq!(count(taken()), 2);
            let left_out = budgets.take_left_out();
            let left_out: Vec<_> = left_out.iter().map(|left_out| (&*left_out.like, left_out.lines)).collect();
            assert_eq!(left_out, [("busy", 900)]);
            assert!(budgets.take_left_out().is_empty(), "it was said");

            *now.lock().unwrap() += Duration::from_secs(3);
            busy();
            assert_eq!(count(taken()), 30);
            *now.lock().unwrap() += Duration::from_secs(3600);
            busy();
            assert_eq!(count(taken()), 100);
        });
    }

    #[test]
    fn what_is_told_of_each_session_is_never_left_out_nor_is_what_was_lost() {
        let (budgets, passed) = (Arc::<Budgets>::default(), Arc::<Mutex<Vec<Pass>>>::default());
        let asking = Asking { budgets, passed: Arc::clone(&passed), now: Arc::new(Mutex::new(Instant::now())) };
        tracing::subscriber::with_default(asking, || {
            for _ in 0..1000 {
                tracing::info!("session closed");
                tracing::warn!(target: super::super::queue::TARGET, "log lines were lost");
            }
        });
        assert!(passed.lock().unwrap().iter().all(|pass| *pass == Pass::Yes));
    }
}
