//! What became of events and of those who wanted to come in, counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use policy::{Code, Rules};
use socketio::NamespaceName;

use crate::auth;

/// Over all namespaces, and over all generations of what holds in them.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    taken: Mutex<AllTaken>,
    /// In the order of [`Code::ALL`]: an event's refusal is counted without a lock.
    refused: [AtomicU64; Code::ALL.len()],
    connects_refused: Mutex<BTreeMap<&'static str, u64>>,
}

/// What rules took.
#[derive(Debug, Default)]
struct AllTaken {
    /// By namespace, and by the event that a rule is about. Whoever the rule still holds for has the counter too.
    by_rule: BTreeMap<(NamespaceName, String), Arc<AtomicU64>>,
    /// By rules that are gone.
    by_others: u64,
}

/// How many events each rule of a namespace took, by its number. Counted without a lock.
#[derive(Debug)]
pub(super) struct Taken(Box<[Arc<AtomicU64>]>);

impl Taken {
    pub(super) fn count(&self, number: usize) {
        if let Some(count) = self.0.get(number) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Counts {
    /// Those of a namespace's rules. A rule about an event that there is one about goes on with its count.
    pub(super) fn of(&self, namespace: &NamespaceName, rules: &Rules) -> Taken {
        let mut numbers: Vec<(usize, &str)> = rules.numbers().collect();
        numbers.sort_unstable();
        let mut taken = locked(&self.taken);
        taken.forget_those_gone();
        let by_rule = &mut taken.by_rule;
        let count = |(_, on): (usize, &str)| Arc::clone(by_rule.entry((namespace.clone(), on.to_owned())).or_default());
        Taken(numbers.into_iter().map(count).collect())
    }

    pub(super) fn refused(&self, code: Code) {
        if let Some(count) = self.refused.get(code as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn connect_refused(&self, code: &'static str) {
        *locked(&self.connects_refused).entry(code).or_default() += 1;
    }

    /// How many events went on.
    pub(crate) fn relayed_count(&self) -> u64 {
        let taken = locked(&self.taken);
        taken.by_others + taken.by_rule.values().map(|count| count.load(Ordering::Relaxed)).sum::<u64>()
    }

    /// How many events each rule took, by namespace and by the event that it is about.
    pub(crate) fn taken_counts(&self) -> Vec<(NamespaceName, String, u64)> {
        let mut taken = locked(&self.taken);
        taken.forget_those_gone();
        let count = |((namespace, on), count): (&(NamespaceName, String), &Arc<AtomicU64>)| {
            (namespace.clone(), on.clone(), count.load(Ordering::Relaxed))
        };
        taken.by_rule.iter().map(count).collect()
    }

    /// How many events went nowhere, by why; for why there were any.
    pub(crate) fn refused_counts(&self) -> BTreeMap<&'static str, u64> {
        self.all_refused_counts().into_iter().filter(|(_, count)| *count > 0).collect()
    }

    /// The same, with the codes that there were none of.
    pub(crate) fn all_refused_counts(&self) -> BTreeMap<&'static str, u64> {
        let counts = Code::ALL.iter().zip(&self.refused);
        counts.map(|(code, count)| (code.label(), count.load(Ordering::Relaxed))).collect()
    }

    /// How many were not let into a namespace, by why; for why there were any.
    pub(crate) fn connects_refused_counts(&self) -> BTreeMap<&'static str, u64> {
        locked(&self.connects_refused).clone()
    }

    /// The same, with the codes that there were none of.
    pub(crate) fn all_connects_refused_counts(&self) -> BTreeMap<&'static str, u64> {
        let codes = auth::CODES.into_iter().chain([UNAVAILABLE, Code::NoValue.label()]);
        let mut counts: BTreeMap<_, _> = codes.map(|code| (code, 0)).collect();
        counts.extend(self.connects_refused_counts());
        counts
    }
}

impl AllTaken {
    /// Those that hold for nobody any more. Nobody counts there, or will: whoever does has one from here, under the lock.
    fn forget_those_gone(&mut self) {
        let Self { by_rule, by_others } = self;
        by_rule.retain(|_, count| match Arc::get_mut(count) {
            None => true,
            Some(count) => {
                *by_others += *count.get_mut();
                false
            }
        });
    }
}

/// Nobody could say who it is.
pub(super) const UNAVAILABLE: &str = "unavailable";

fn locked<T>(counts: &Mutex<T>) -> MutexGuard<'_, T> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}
