//! What is done with a message in the task that reads from Redis.

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use cluster_proto::connection::Connection;
use cluster_proto::wire::{Glance, Sort};
use redis::{PushInfo, PushKind, Value};
use socketio::Room;

use super::incoming::{Heard, Holding, Incoming, Moving};
use super::news::News;
use super::place::{Origin, Place};
use super::shared::Shared;

/// The ear of one connection: it looks whose a message is and whether anybody here wants it, and puts it where it waits.
pub(crate) struct Ear {
    shared: Arc<Shared>,
    connection: Connection,
}

impl Ear {
    pub(crate) fn new(shared: Arc<Shared>, connection: Connection) -> Self {
        Self { shared, connection }
    }

    pub(crate) fn hear(&self, push: PushInfo) {
        let PushInfo { kind, data } = push;
        let mut parts = data.into_iter().map(text);
        match kind {
            PushKind::PMessage => {
                if let (Some(pattern), Some(channel), Some(body)) =
                    (next(&mut parts), next(&mut parts), next(&mut parts))
                {
                    self.by_subscription(&pattern, channel, body);
                }
            }
            PushKind::Message => {
                if let (Some(channel), Some(body)) = (next(&mut parts), next(&mut parts)) {
                    if *channel == *self.shared.heartbeats.as_bytes() {
                        return self.heartbeat(&body);
                    }
                    self.by_subscription(&channel.clone(), channel, body);
                }
            }
            PushKind::SMessage => {
                if let (Some(channel), Some(body)) = (next(&mut parts), next(&mut parts)) {
                    self.sharded(channel, body);
                }
            }
            PushKind::Subscribe | PushKind::SSubscribe => {
                if let Some(channel) = next(&mut parts) {
                    self.subscribed(&channel);
                }
            }
            PushKind::SUnsubscribe => {
                if let Some(channel) = next(&mut parts) {
                    self.shared.tell(News::Unsubscribed(self.connection, channel));
                }
            }
            _ => {}
        }
    }

    fn by_subscription(&self, subscription: &Bytes, channel: Bytes, body: Bytes) {
        let places = self.shared.places();
        if let Some(place) = places.by_subscription.get(subscription) {
            self.message(place, channel, body);
        }
    }

    /// A room's channel is subscribed to by itself. What could be two namespaces' is read for both: the message says whose it is.
    fn sharded(&self, channel: Bytes, body: Bytes) {
        let places = self.shared.places();
        for place in places.by_name.values().filter(|place| place.origin(&channel).is_some()) {
            self.message(place, channel.clone(), body.clone());
        }
    }

    /// The last channel of a namespace is confirmed: from here on all of it is heard. Nothing was missed before, since nobody
    /// promised to hear it; after a reconnection it is, which `serve` knows.
    fn subscribed(&self, channel: &Bytes) {
        let places = self.shared.places();
        if let Some(place) = places.by_subscription.get(channel).filter(|place| place.counted().channel == *channel) {
            let mut peers = self.shared.peers.lock().unwrap_or_else(PoisonError::into_inner);
            peers.serve(Arc::clone(&place.name));
        }
    }

    fn message(&self, place: &Arc<Place>, channel: Bytes, body: Bytes) {
        let shared = &*self.shared;
        let Some(origin) = place.origin(&channel) else { return };
        if place.is_own(&body) {
            // What may be heard twice is no evidence of another who sends under this uid.
            if matches!(origin, Origin::All { .. }) && !shared.places().are_ambiguous {
                shared.peers.lock().unwrap_or_else(PoisonError::into_inner).handle_own();
            }
            return;
        }
        if origin == Origin::Answers && shared.own_answers.take(&body) {
            return;
        }
        shared.counters.received.add(1);
        let (room, queue) = match origin {
            Origin::Answers if shared.is_unasked(&body) => return,
            Origin::Answers => (None, &shared.answers),
            Origin::Room(room) => (Some(room), &shared.orders),
            Origin::All { room } => {
                if let Some(uid) = place.sender(&body) {
                    let mut peers = shared.peers.lock().unwrap_or_else(PoisonError::into_inner);
                    peers.handle_message(uid, &place.name);
                }
                (room, &shared.orders)
            }
        };
        // Somebody may be about to join it, by what was heard before.
        let is_nobodys = |room| !place.is_moving() && !shared.local.has_room(place.namespace(), &Room::from(room));
        if room.is_some_and(is_nobodys) {
            return shared.counters.unwanted.add(1);
        }
        let is_answer = origin == Origin::Answers;
        let mut heard =
            Heard { place: Arc::clone(place), channel, body, at: Instant::now(), moving: None, holding: None };
        if is_answer || !place.may_move(&heard.channel) {
            return self.put(queue, heard, is_answer);
        }
        let Glance { sort, sender } = place.glance(&heard.body);
        // A question changes nothing: nothing waits for it, and it only for what its sender had done before.
        let is_question = sort == Sort::Question && heard.body.len() <= QUESTION_LEN_MAX;
        if is_question {
            // Who asks misses its answer; no client misses anything.
            let is_clear = place.ahead.is_clear_for(sender);
            let queue = if is_clear { &shared.questions } else { queue };
            if queue.push(heard).is_some() {
                shared.counters.unanswered.add(1);
            }
            return;
        }
        heard.moving = Some(Moving::begin(place));
        heard.holding = (sort == Sort::Move).then(|| Holding::begin(place, sender));
        self.put(queue, heard, false);
    }

    fn put(&self, queue: &Incoming, heard: Heard, is_answer: bool) {
        if let Some(heard) = queue.push(heard) {
            self.shared.counters.dropped.add(1);
            self.shared.note_overflow();
            if !is_answer {
                self.missed(&heard);
            }
        }
    }

    /// It was heard, and is missed all the same: by whoever sent it, where that is known.
    fn missed(&self, heard: &Heard) {
        let Heard { place, body, .. } = heard;
        let mut peers = self.shared.peers.lock().unwrap_or_else(PoisonError::into_inner);
        peers.handle_dropped(place.sender(body), &place.name, Instant::now());
    }

    /// It goes the way of the messages before it, so it is compared with what came of them here and now.
    fn heartbeat(&self, body: &[u8]) {
        let mut peers = self.shared.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if peers.handle_heartbeat(body, Instant::now()).is_err() {
            self.shared.counters.heartbeats_malformed.add(1);
        }
        drop(peers);
        self.shared.wake.notify_one();
    }
}

fn text(value: Value) -> Option<Bytes> {
    match value {
        Value::BulkString(bytes) => Some(bytes.into()),
        Value::SimpleString(text) => Some(text.into()),
        _ => None,
    }
}

fn next(parts: &mut impl Iterator<Item = Option<Bytes>>) -> Option<Bytes> {
    parts.next().flatten()
}

/// What is longer carries values for programs, and waits like an event.
const QUESTION_LEN_MAX: usize = 64 << 10;
