//! What administrators did, counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// A count for each of some words, all known beforehand.
#[derive(Debug)]
pub(super) struct Words<const N: usize> {
    words: [&'static str; N],
    counts: [AtomicU64; N],
}

/// All counts.
#[derive(Debug)]
pub(crate) struct Counts {
    /// Who came, and how that ended.
    pub(super) logins: Words<9>,
    /// What was asked for.
    pub(super) commands: Words<5>,
    /// What was not told in development mode.
    pub(super) left_out: Words<2>,
}

impl<const N: usize> Words<N> {
    const fn new(words: [&'static str; N]) -> Self {
        Self { words, counts: [const { AtomicU64::new(0) }; N] }
    }

    pub(super) fn add(&self, word: &str, count: u64) {
        if let Some((_, counter)) = self.words.iter().zip(&self.counts).find(|(known, _)| **known == word) {
            counter.fetch_add(count, Ordering::Relaxed);
        }
    }

    pub(super) fn all(&self) -> BTreeMap<&'static str, u64> {
        self.words.iter().zip(&self.counts).map(|(word, count)| (*word, count.load(Ordering::Relaxed))).collect()
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            logins: Words::new([
                "password",
                "session",
                "unasked",
                "invalid_credentials",
                "forwarded",
                "too_often",
                "busy",
                "full",
                "changed",
            ]),
            commands: Words::new(["emit", "join", "leave", "disconnect", "refused"]),
            left_out: Words::new(["client", "event"]),
        }
    }
}
