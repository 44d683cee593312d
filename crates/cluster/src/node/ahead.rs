//! What was heard and not done yet, as far as questions behind it are to see it done.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use cluster_proto::wire::Sender;

/// How much of each sender is on its way that moves sockets. A question of that sender does not overtake it, so that who has
/// let sockets into a room and then asks who is in it sees them.
#[derive(Default)]
pub(crate) struct Ahead(Mutex<HashMap<Whose, usize>>);

/// Whose a move is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Whose {
    Uid(Box<str>),
    /// An emitter's, which asks nothing.
    Nobodys,
    Unknown,
}

impl Ahead {
    /// A move was heard. To be told when it [is done](Self::end).
    pub(crate) fn begin(&self, sender: Sender<'_>) -> Whose {
        let whose = match sender {
            Sender::Named(uid) => Whose::Uid(uid.into()),
            Sender::Nobody => Whose::Nobodys,
            Sender::Unknown => Whose::Unknown,
        };
        let mut ahead = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *ahead.entry(whose.clone()).or_default() += 1;
        whose
    }

    /// It is done.
    pub(crate) fn end(&self, whose: &Whose) {
        let mut ahead = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(number) = ahead.get_mut(whose) else { return };
        *number -= 1;
        if *number == 0 {
            ahead.remove(whose);
            if ahead.is_empty() {
                // Those who came and went under many names leave nothing.
                *ahead = HashMap::new();
            }
        }
    }

    /// Whether nothing is ahead that a question of this sender is to see done.
    pub(crate) fn is_clear_for(&self, sender: Sender<'_>) -> bool {
        let ahead = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match sender {
            _ if ahead.is_empty() => true,
            Sender::Named(uid) => !ahead.contains_key(&Whose::Unknown) && !ahead.contains_key(&Whose::Uid(uid.into())),
            // An old server's, which does not say who it is.
            Sender::Nobody | Sender::Unknown => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_waits_for_its_senders_moves_and_no_others() {
        let (ahead, [a, b]) = (Ahead::default(), ["a", "b"].map(Sender::Named));
        let clear = |ahead: &Ahead| [a, b, Sender::Nobody].map(|sender| ahead.is_clear_for(sender));
        assert_eq!(clear(&ahead), [true; 3]);
        let moves = [ahead.begin(a), ahead.begin(a), ahead.begin(Sender::Nobody)];
        assert_eq!(clear(&ahead), [false, true, false], "who does not say who it is waits for all");
        ahead.end(&moves[0]);
        assert_eq!(clear(&ahead), [false, true, false]);
        ahead.end(&moves[1]);
        assert_eq!(clear(&ahead), [true, true, false]);
        let unknown = ahead.begin(Sender::Unknown);
        assert_eq!(clear(&ahead), [false; 3], "it may be anybody's");
        ahead.end(&unknown);
        ahead.end(&moves[2]);
        assert_eq!(clear(&ahead), [true; 3]);
        assert_eq!(ahead.0.lock().unwrap().capacity(), 0);
    }
}
