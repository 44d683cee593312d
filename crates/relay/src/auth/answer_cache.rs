//! Answers that hold for a while.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::Finding;

/// Answers by the hash of their question, each as old as it may be and no more than so many.
#[derive(Debug)]
pub(crate) struct AnswerCache {
    /// Zero for none at all.
    holds: Duration,
    answers: Mutex<Answers>,
}

#[derive(Debug, Default)]
struct Answers {
    by_key: HashMap<[u8; 32], (Finding, Instant)>,
    /// In the order in which they end, which is that in which they came.
    order: VecDeque<([u8; 32], Instant)>,
}

impl AnswerCache {
    pub(crate) fn new(holds: Duration) -> Self {
        Self { holds, answers: Mutex::default() }
    }

    /// An answer that still holds.
    pub(crate) fn get(&self, key: impl FnOnce() -> Option<[u8; 32]>) -> Option<Finding> {
        if self.holds.is_zero() {
            return None;
        }
        let key = key()?;
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let (finding, until) = answers.by_key.get(&key)?;
        let is_over = match finding {
            Finding::Identity(identity) => identity.expires_at.is_some_and(|end| end <= SystemTime::now()),
            _ => false,
        };
        (Instant::now() < *until && !is_over).then(|| finding.clone())
    }

    /// Keeps an answer.
    pub(crate) fn put(&self, key: impl FnOnce() -> Option<[u8; 32]>, finding: &Finding) {
        if self.holds.is_zero() {
            return;
        }
        let Some(key) = key() else { return };
        let now = Instant::now();
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let Answers { by_key, order } = &mut *answers;
        while let Some((oldest, until)) = order.front().copied()
            && (until <= now || order.len() >= ANSWERS_MAX)
        {
            order.pop_front();
            // It may have been asked anew since.
            if by_key.get(&oldest).is_some_and(|(_, newer)| *newer == until) {
                by_key.remove(&oldest);
            }
        }
        let until = now + self.holds;
        by_key.insert(key, (finding.clone(), until));
        order.push_back((key, until));
    }
}

/// Some ten megabytes of usual claims.
const ANSWERS_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> Finding {
        Finding::Refused { code: "refused", message: "no".to_owned(), data: None }
    }

    fn key(number: usize) -> impl FnOnce() -> Option<[u8; 32]> {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&number.to_le_bytes());
        move || Some(key)
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_holds_for_its_time_and_there_are_only_so_many() {
        let cache = AnswerCache::new(Duration::from_secs(10));
        cache.put(key(0), &refused());
        assert_eq!(cache.get(key(0)), Some(refused()));
        assert_eq!(cache.get(key(1)), None);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(cache.get(key(0)), None);
        for number in 1..2 * ANSWERS_MAX {
            cache.put(key(number), &refused());
        }
        let answers = cache.answers.lock().unwrap();
        assert_eq!((answers.by_key.len(), answers.order.len()), (ANSWERS_MAX, ANSWERS_MAX));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_time_nothing_is_kept() {
        let cache = AnswerCache::new(Duration::ZERO);
        cache.put(key(0), &refused());
        assert_eq!(cache.get(key(0)), None);
    }
}
