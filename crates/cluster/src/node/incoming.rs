//! What was heard, and waits to be done.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use cluster_proto::wire::Sender;
use tokio::sync::Notify;

use super::ahead::Whose;
use super::place::Place;

/// A message as it came.
pub(crate) struct Heard {
    pub(crate) place: Arc<Place>,
    pub(crate) channel: Bytes,
    pub(crate) body: Bytes,
    pub(crate) at: Instant,
    /// While it waits and until it is done, sockets may be about to join rooms.
    pub(crate) moving: Option<Moving>,
    /// And until then, questions of its sender do not overtake it.
    pub(crate) holding: Option<Holding>,
}

/// Sockets may be about to join rooms, for as long as this is there.
pub(crate) struct Moving(Arc<Place>);

/// Questions wait, for as long as this is there.
pub(crate) struct Holding(Arc<Place>, Whose);

impl Moving {
    pub(crate) fn begin(place: &Arc<Place>) -> Self {
        place.begin_move();
        Self(Arc::clone(place))
    }
}

impl Holding {
    pub(crate) fn begin(place: &Arc<Place>, sender: Sender<'_>) -> Self {
        let whose = place.ahead.begin(sender);
        Self(Arc::clone(place), whose)
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.0.ahead.end(&self.1);
    }
}

impl Drop for Moving {
    fn drop(&mut self) {
        self.0.end_move();
    }
}

/// A queue between whoever reads from Redis and whoever does what it says, bounded in bytes: reading never waits, or Redis
/// would cut us off.
pub(crate) struct Incoming {
    bytes_max: usize,
    state: Mutex<State>,
    came: Notify,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Heard>,
    bytes: usize,
}

impl Incoming {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, state: Mutex::default(), came: Notify::new() }
    }

    /// Gives back what there is no place for.
    #[must_use]
    pub(crate) fn push(&self, heard: Heard) -> Option<Heard> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = state.bytes.saturating_add(heard.bytes());
        if bytes > self.bytes_max {
            return Some(heard);
        }
        state.bytes = bytes;
        state.queue.push_back(heard);
        drop(state);
        self.came.notify_one();
        None
    }

    /// The next message, in the order they came. For one task.
    pub(crate) async fn next(&self) -> Heard {
        loop {
            if let Some(heard) = self.pop() {
                return heard;
            }
            self.came.notified().await;
        }
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).queue.is_empty()
    }

    fn pop(&self) -> Option<Heard> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let heard = state.queue.pop_front()?;
        state.bytes -= heard.bytes();
        Some(heard)
    }
}

impl Heard {
    /// What it takes, with what the queue adds.
    fn bytes(&self) -> usize {
        self.channel.len() + self.body.len() + size_of::<Self>()
    }
}

#[cfg(test)]
mod tests {
    use cluster_proto::wire::Uid;
    use socketio::NamespaceName;

    use super::*;
    use crate::config::ClusterConfig;

    #[tokio::test]
    async fn what_waits_is_bounded_in_bytes_and_keeps_its_order() {
        let uid = Uid::from_random([7; 15]);
        let place = Arc::new(Place::new(&ClusterConfig::default(), NamespaceName::ROOT, &uid));
        let heard = |body: &'static [u8]| Heard {
            place: Arc::clone(&place),
            channel: Bytes::from_static(b"c"),
            body: Bytes::from_static(body),
            at: Instant::now(),
            moving: None,
            holding: None,
        };
        let incoming = Incoming::new(2 * heard(b"ab").bytes());
        assert!(incoming.push(heard(b"ab")).is_none() && incoming.push(heard(b"cd")).is_none());
        assert!(incoming.push(heard(b"ef")).is_some());
        assert_eq!(incoming.next().await.body, "ab");
        assert!(incoming.push(heard(b"gh")).is_none());
        assert_eq!((incoming.next().await.body, incoming.next().await.body), ("cd".into(), "gh".into()));
    }
}
