//! Answers of this node that come back to it.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

/// What this node answers on the channel that all share, it hears itself; and an answer names nobody. So the last ones are
/// remembered until they come. One that is another's and the same letter by letter says nothing else, so either may be taken for
/// the other.
#[derive(Default)]
pub(super) struct OwnAnswers {
    hasher: RandomState,
    under_way: Mutex<VecDeque<u64>>,
}

impl OwnAnswers {
    pub(super) fn note(&self, body: &Bytes) {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if under_way.len() >= UNDER_WAY_MAX {
            under_way.pop_front();
        }
        under_way.push_back(self.hasher.hash_one(body));
    }

    /// Whether it is one of them. It is forgotten then.
    pub(super) fn take(&self, body: &Bytes) -> bool {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if under_way.is_empty() {
            return false;
        }
        let answer = self.hasher.hash_one(body);
        let at = under_way.iter().position(|own| *own == answer);
        at.is_some_and(|at| under_way.remove(at).is_some())
    }
}

/// Those that have not come back when so many more were sent were lost.
const UNDER_WAY_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_answers_are_known_once_and_only_the_last() {
        let own = OwnAnswers::default();
        let answer = |number: usize| Bytes::from(format!("answer {number}"));
        assert!(!own.take(&answer(0)));
        (0..=UNDER_WAY_MAX).for_each(|number| own.note(&answer(number)));
        assert!(!own.take(&answer(0)), "forgotten");
        assert!(own.take(&answer(1)) && !own.take(&answer(1)));
        assert!(own.take(&answer(UNDER_WAY_MAX)) && !own.take(&answer(UNDER_WAY_MAX + 1)));
    }
}
