//! What the servers say, in the words of the link's machine.

use std::sync::{Arc, Mutex, PoisonError};

use cluster_proto::connection::Reply;
use redis::{RedisError, Value};

use super::server::words;

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// What the machine is to know.
    Reply(Reply),
    /// The connection is of no use any more.
    Gone(String),
    /// The connection ended, which is told by itself.
    Nothing,
}

/// What became of a pipeline.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Published {
    /// How many heard each, in order; `None`: it was refused.
    pub(crate) listeners: Vec<Option<u64>>,
    /// A slot is elsewhere by now.
    pub(crate) has_moved: bool,
    /// What was refused first, in Redis' words.
    pub(crate) error: Option<String>,
}

pub(super) fn heard(reply: Result<Value, RedisError>) -> Heard {
    match reply {
        Ok(_) => Heard::Reply(Reply::Done),
        Err(error) => refused(&error),
    }
}

pub(super) fn refused(error: &RedisError) -> Heard {
    match error.code() {
        Some("MOVED" | "ASK") => Heard::Gone(format!("a slot has moved: {}", words(error))),
        // Nobody has the slot, for now.
        Some("CLUSTERDOWN") => Heard::Reply(Reply::Away(words(error))),
        Some(_) => Heard::Reply(Reply::Error(words(error))),
        None if error.is_unrecoverable_error() => Heard::Nothing,
        None => Heard::Reply(Reply::Error(words(error))),
    }
}

/// Whether `ROLE` says so.
pub(super) fn is_replica(role: &Value) -> bool {
    match role {
        Value::Array(parts) => parts.first().is_some_and(|role| *role == Value::BulkString(b"slave".to_vec())),
        _ => false,
    }
}

/// `[channel, number]`, or the same as a map.
pub(super) fn counted(reply: Result<Value, RedisError>) -> Heard {
    let number = match reply {
        Err(error) => return refused(&error),
        Ok(Value::Array(parts)) => parts.into_iter().nth(1),
        Ok(Value::Map(pairs)) => pairs.into_iter().next().map(|(_, number)| number),
        Ok(_) => None,
    };
    Heard::Reply(match number {
        Some(Value::Int(number)) => Reply::Count(u64::try_from(number).unwrap_or(0)),
        _ => Reply::Error("no number".to_owned()),
    })
}

/// Several replies that are one.
pub(super) struct Gathering<F>(Mutex<Option<(usize, Heard, F)>>);

impl<F: FnOnce(Heard)> Gathering<F> {
    pub(super) fn new(awaited: usize, then: F) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Some((awaited, Heard::Reply(Reply::Done), then)))))
    }

    /// Counts are added; what is wrong is the reply, and what ends a connection at once.
    pub(super) fn add(&self, heard: Heard) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((awaited, sum, then)) = state.take() else { return };
        let sum = match (sum, heard) {
            (_, Heard::Nothing) => return,
            (_, gone @ Heard::Gone(_)) => return then(gone),
            (error @ Heard::Reply(Reply::Error(_)), _) => error,
            // Who is away has nobody to count.
            (sum, Heard::Reply(Reply::Away(_))) => sum,
            (Heard::Reply(Reply::Count(a)), Heard::Reply(Reply::Count(b))) => {
                Heard::Reply(Reply::Count(a.saturating_add(b)))
            }
            (_, other) => other,
        };
        match awaited {
            0 | 1 => then(sum),
            _ => *state = Some((awaited - 1, sum, then)),
        }
    }
}

/// The replies of several servers to parts of one pipeline.
pub(super) struct Results<F>(Mutex<Option<(usize, Published, F)>>);

impl<F: FnOnce(Option<Published>)> Results<F> {
    /// `error`: why some of it goes to nobody.
    pub(super) fn new(len: usize, awaited: usize, error: Option<String>, then: F) -> Arc<Self> {
        let published = Published { listeners: vec![None; len], has_moved: false, error };
        if awaited == 0 {
            then(Some(published));
            return Arc::new(Self(Mutex::new(None)));
        }
        Arc::new(Self(Mutex::new(Some((awaited, published, then)))))
    }

    /// The connection ended. What arrived, nobody knows.
    pub(super) fn end(&self) {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((_, _, then)) = state {
            then(None);
        }
    }

    pub(super) fn add(&self, places: &[usize], replies: Vec<Value>) {
        self.change(|published| {
            for (place, reply) in places.iter().zip(replies) {
                published.note(*place, reply);
            }
        });
    }

    /// One of several servers has no replies.
    pub(super) fn miss(&self, error: String) {
        self.change(|published| published.error = published.error.take().or(Some(error)));
    }

    fn change(&self, how: impl FnOnce(&mut Published)) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((awaited, mut published, then)) = state.take() else { return };
        how(&mut published);
        match awaited {
            0 | 1 => then(Some(published)),
            _ => *state = Some((awaited - 1, published, then)),
        }
    }
}

impl Published {
    fn note(&mut self, place: usize, reply: Value) {
        match reply {
            Value::Int(listeners) => {
                if let Some(entry) = self.listeners.get_mut(place) {
                    *entry = Some(u64::try_from(listeners).unwrap_or(0));
                }
            }
            Value::ServerError(error) => {
                self.has_moved |= matches!(error.code(), "MOVED" | "ASK");
                self.error.get_or_insert_with(|| words(&error.into()));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(replies: Vec<Heard>) -> Option<Heard> {
        let said = Arc::new(Mutex::new(None));
        let then = {
            let said = Arc::clone(&said);
            move |heard| *said.lock().unwrap() = Some(heard)
        };
        let all = Gathering::new(replies.len(), then);
        replies.into_iter().for_each(|reply| all.add(reply));
        said.lock().unwrap().take()
    }

    #[test]
    fn counts_are_added_whatever_servers_say() {
        let count = |number| Heard::Reply(Reply::Count(number));
        let away = || Heard::Reply(Reply::Away("x".to_owned()));
        let error = || Heard::Reply(Reply::Error("x".to_owned()));
        assert_eq!(gathered(vec![count(1), count(2)]), Some(count(3)));
        assert_eq!(gathered(vec![count(u64::MAX), count(u64::MAX)]), Some(count(u64::MAX)));
        assert_eq!(gathered(vec![away(), count(2), away()]), Some(count(2)));
        assert_eq!(gathered(vec![count(1), error(), count(2)]), Some(error()));
        assert_eq!(gathered(vec![Heard::Gone("y".to_owned()), count(1)]), Some(Heard::Gone("y".to_owned())));
        assert_eq!(gathered(vec![count(1), Heard::Nothing]), None);
    }
}
