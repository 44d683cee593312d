//! One namespace of this node in the fleet.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use cluster_proto::connection::{Subscription, SubscriptionKind, Wish};
use cluster_proto::outgoing::Publication;
use cluster_proto::wire::{
    Bounds, Classic, ClassicOrigin, Glance, Outgoing, Received, Refused, Response, Sharded, ShardedOrigin, Sought, Uid,
    peek_uid,
};
use socketio::codec::Arguments;
use socketio::{Command, NamespaceName};

use super::ahead::Ahead;
use crate::config::{Adapter, ClusterConfig};

/// A namespace as it is called on the wire, in either protocol.
pub(crate) struct Place {
    pub(crate) name: Arc<str>,
    codec: Codec,
    /// How much was heard that may let sockets join rooms, and is not done yet.
    moves: AtomicUsize,
    /// Of that and of what else moves them, whose it is.
    pub(crate) ahead: Ahead,
    /// What stands behind the uid in what Fanfare nodes write, in JSON and in MessagePack.
    endings: [Vec<u8>; 2],
}

enum Codec {
    Classic(Classic),
    Sharded(Sharded),
}

/// What a channel is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin<'a> {
    /// What every node hears.
    All { room: Option<&'a str> },
    /// What those hear who have the room.
    Room(&'a str),
    /// Answers.
    Answers,
}

impl Place {
    pub(crate) fn new(config: &ClusterConfig, namespace: NamespaceName, uid: &Uid) -> Self {
        let name = namespace.as_str().to_owned();
        let (prefix, uid) = (&config.prefix, uid.clone());
        let codec = match config.adapter {
            Adapter::Classic => Codec::Classic(Classic::new(prefix, namespace, uid, config.parser)),
            Adapter::Sharded(mode) => Codec::Sharded(Sharded::new(prefix, namespace, uid, mode)),
        };
        Self { endings: endings(&name), name: name.into(), codec, moves: AtomicUsize::new(0), ahead: Ahead::default() }
    }

    pub(crate) fn namespace(&self) -> &NamespaceName {
        match &self.codec {
            Codec::Classic(classic) => classic.namespace(),
            Codec::Sharded(sharded) => sharded.namespace(),
        }
    }

    pub(crate) fn is_sharded(&self) -> bool {
        matches!(self.codec, Codec::Sharded(_))
    }

    /// What to subscribe to while the namespace is served.
    pub(crate) fn wishes(&self) -> Vec<Wish> {
        let wish = |kind, channel: &str, is_counted| Wish {
            subscription: Subscription::new(kind, channel.to_owned()),
            group: Arc::clone(&self.name),
            is_counted,
        };
        match &self.codec {
            Codec::Classic(classic) => {
                let [requests, answers, own] = classic.subscriptions();
                let channel = |channel, is_counted| wish(SubscriptionKind::Channel, channel, is_counted);
                let pattern = wish(SubscriptionKind::Pattern, classic.pattern(), false);
                vec![pattern, channel(answers, false), channel(own, false), channel(requests, true)]
            }
            Codec::Sharded(sharded) => {
                let [all, own] = sharded.subscriptions();
                let channel = |channel, is_counted| wish(SubscriptionKind::Sharded, channel, is_counted);
                vec![channel(own, false), channel(all, true)]
            }
        }
    }

    /// What to subscribe to while somebody here is in a room, if anything.
    pub(crate) fn room_wish(&self, room: &str, is_own: bool) -> Option<Wish> {
        let Codec::Sharded(sharded) = &self.codec else { return None };
        let subscription = Subscription::new(SubscriptionKind::Sharded, sharded.room_channel(room, is_own)?);
        Some(Wish { subscription, group: Arc::clone(&self.name), is_counted: false })
    }

    /// The channel whose subscribers are as many as there are nodes.
    pub(crate) fn counted(&self) -> Subscription {
        match &self.codec {
            Codec::Classic(classic) => {
                Subscription::new(SubscriptionKind::Channel, classic.counted_channel().to_owned())
            }
            Codec::Sharded(sharded) => {
                Subscription::new(SubscriptionKind::Sharded, sharded.counted_channel().to_owned())
            }
        }
    }

    pub(crate) fn origin<'a>(&self, channel: &'a [u8]) -> Option<Origin<'a>> {
        match &self.codec {
            Codec::Classic(classic) => classic.origin(channel).map(|origin| match origin {
                ClassicOrigin::Events { room } => Origin::All { room },
                ClassicOrigin::Requests => Origin::All { room: None },
                ClassicOrigin::Responses => Origin::Answers,
            }),
            Codec::Sharded(sharded) => sharded.origin(channel).map(|origin| match origin {
                ShardedOrigin::All => Origin::All { room: None },
                ShardedOrigin::Room(room) => Origin::Room(room),
                ShardedOrigin::Own => Origin::Answers,
            }),
        }
    }

    /// Whether what comes on a channel may let sockets join rooms.
    pub(crate) fn may_move(&self, channel: &[u8]) -> bool {
        match &self.codec {
            Codec::Classic(classic) => matches!(classic.origin(channel), Some(ClassicOrigin::Requests)),
            Codec::Sharded(sharded) => matches!(sharded.origin(channel), Some(ShardedOrigin::All)),
        }
    }

    /// What of such a message is seen without reading it.
    pub(crate) fn glance<'a>(&self, body: &'a [u8]) -> Glance<'a> {
        match &self.codec {
            Codec::Classic(classic) => classic.glance(body),
            Codec::Sharded(sharded) => sharded.glance(body),
        }
    }

    /// Something was heard that may let sockets join rooms. Until it is done, nobody can say which rooms there are.
    pub(crate) fn begin_move(&self) {
        self.moves.fetch_add(1, Ordering::SeqCst);
    }

    /// It is done.
    pub(crate) fn end_move(&self) {
        self.moves.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether sockets may be about to join rooms.
    pub(crate) fn is_moving(&self) -> bool {
        self.moves.load(Ordering::SeqCst) > 0
    }

    pub(crate) fn is_own(&self, body: &[u8]) -> bool {
        match &self.codec {
            Codec::Classic(classic) => classic.is_own(body),
            Codec::Sharded(sharded) => sharded.is_own(body),
        }
    }

    /// The uid of whoever sent it, if it is written as a Fanfare node does.
    pub(crate) fn sender<'a>(&self, body: &'a [u8]) -> Option<&'a str> {
        match &self.codec {
            Codec::Classic(_) => peek_uid(body),
            Codec::Sharded(_) => {
                let [json, msgpack] = &self.endings;
                let uid = uid_before(body, json, b"\"uid\":\"").or_else(|| uid_before(body, msgpack, b"\xa3uid\xb4"));
                std::str::from_utf8(uid?).ok()
            }
        }
    }

    pub(crate) fn read(&self, channel: &[u8], body: Bytes, bounds: &Bounds) -> Result<Option<Received>, Refused> {
        match &self.codec {
            Codec::Classic(classic) => match classic.origin(channel) {
                Some(origin) => classic.read(origin, body, bounds),
                None => Ok(None),
            },
            Codec::Sharded(sharded) => match sharded.origin(channel) {
                Some(origin) => sharded.read(origin, body, bounds),
                None => Ok(None),
            },
        }
    }

    pub(crate) fn tell(&self, command: &Command<'_>) -> Option<Publication> {
        let outgoing = match &self.codec {
            Codec::Classic(classic) => classic.tell(command),
            Codec::Sharded(sharded) => sharded.tell(command),
        };
        let missed = Some(Arc::clone(&self.name));
        outgoing.map(|outgoing| Publication { missed, ..self.for_all(outgoing) })
    }

    /// `None`: there is no such question in this fleet.
    pub(crate) fn ask(&self, id: &str, sought: Sought<'_>) -> Option<Publication> {
        let outgoing = match &self.codec {
            Codec::Classic(classic) => Some(classic.ask(id, sought)),
            Codec::Sharded(sharded) => sharded.ask(id, sought),
        };
        let missed = matches!(sought, Sought::EmitWithAck { .. }).then(|| Arc::clone(&self.name));
        outgoing.map(|outgoing| Publication { missed, ..self.for_all(outgoing) })
    }

    pub(crate) fn server_side_emit(&self, data: &Arguments) -> Publication {
        self.for_all(match &self.codec {
            Codec::Classic(classic) => classic.server_side_emit(data),
            Codec::Sharded(sharded) => sharded.server_side_emit(data),
        })
    }

    /// An answer to whoever asked, preferably on a channel of its own. `knows_listeners`: whether it can be found out that nobody
    /// listens there.
    pub(crate) fn answer(
        &self,
        response: &Response,
        asker: Option<&str>,
        knows_listeners: bool,
    ) -> Option<Publication> {
        match &self.codec {
            Codec::Classic(classic) => {
                // A Fanfare node always listens; of others it is seen, or not known.
                let asker = asker.filter(|asker| knows_listeners || asker.len() == UID_LEN);
                let outgoing = classic.answer(response, asker);
                let [_, shared, _] = classic.subscriptions();
                let otherwise = (outgoing.channel != shared).then(|| Bytes::from(shared.to_owned()));
                Some(Publication { otherwise, ..publication(false, outgoing) })
            }
            Codec::Sharded(sharded) => sharded.answer(response, asker?).map(|outgoing| publication(true, outgoing)),
        }
    }

    /// Counted where every node hears it.
    fn for_all(&self, outgoing: Outgoing) -> Publication {
        let publication = publication(self.is_sharded(), outgoing);
        let is_for_all = matches!(self.origin(&publication.channel), Some(Origin::All { .. }));
        Publication { counted: is_for_all.then(|| Arc::clone(&self.name)), ..publication }
    }
}

fn publication(is_sharded: bool, outgoing: Outgoing) -> Publication {
    Publication::new(is_sharded, outgoing.channel, outgoing.body)
}

/// What the sharded protocol has behind the uid.
fn endings(namespace: &str) -> [Vec<u8>; 2] {
    let json = serde_json::to_string(namespace).unwrap_or_default();
    let mut msgpack = b"\xa3nsp".to_vec();
    match u8::try_from(namespace.len()) {
        Ok(len @ ..32) => msgpack.push(0xa0 | len),
        Ok(len) => msgpack.extend([0xd9, len]),
        // Longer ones are counted by nobody.
        Err(_) => msgpack.clear(),
    }
    msgpack.extend(namespace.as_bytes());
    [format!("\",\"nsp\":{json}}}").into_bytes(), msgpack]
}

/// The uid that stands between two texts at the end.
fn uid_before<'a>(body: &'a [u8], ending: &[u8], beginning: &[u8]) -> Option<&'a [u8]> {
    let (rest, uid) = body.strip_suffix(ending)?.split_last_chunk::<UID_LEN>()?;
    rest.ends_with(beginning).then_some(uid)
}

/// The namespaces that are served.
#[derive(Default)]
pub(crate) struct Places {
    /// By what is subscribed to for each: a message says by what it was heard.
    pub(crate) by_subscription: HashMap<Bytes, Arc<Place>>,
    pub(crate) by_name: HashMap<Arc<str>, Arc<Place>>,
    /// A channel may be a room's in one namespace and all of another, as with `/` and `/#x`: then a message is heard for both.
    pub(crate) are_ambiguous: bool,
    /// How often it was said before which there are.
    pub(crate) turn: u64,
}

impl Places {
    pub(crate) fn new(places: impl IntoIterator<Item = Arc<Place>>, turn: u64) -> Self {
        let mut all = Self { turn, ..Self::default() };
        for place in places {
            let wishes = place.wishes().into_iter();
            all.by_subscription.extend(wishes.map(|wish| (wish.subscription.channel, Arc::clone(&place))));
            all.are_ambiguous |= place.name.contains('#');
            all.by_name.insert(Arc::clone(&place.name), place);
        }
        all
    }
}

/// The uid of a Fanfare node.
const UID_LEN: usize = 20;

#[cfg(test)]
mod tests {
    use cluster_proto::wire::Mode;
    use socketio::{Target, codec::EventName};

    use super::*;

    #[test]
    fn who_sent_it_is_seen_in_either_protocol_and_format() {
        let uid = Uid::from_random([7; 15]);
        for adapter in [Adapter::Classic, Adapter::Sharded(Mode::Dynamic)] {
            for namespace in ["/", "/a\"b", "/a-namespace-with-a-name-of-more-than-31-bytes"] {
                let config = ClusterConfig { adapter, ..ClusterConfig::default() };
                let namespace = NamespaceName::try_from(namespace).unwrap();
                let place = Place::new(&config, namespace.clone(), &uid);
                let plain = Arguments::serialize(&(1, "x")).unwrap();
                let binary = Arguments::serialize(&(socketio::Attachment(Bytes::from_static(b"abc")),)).unwrap();
                for arguments in [plain, binary] {
                    let name = EventName::new("e").unwrap();
                    let command = Command::Emit {
                        target: Target::everyone(namespace.clone()),
                        name: name.raw(),
                        arguments: &arguments,
                        id: None,
                        delivery: socketio::engineio::proto::Delivery::Reliable,
                        receipt: None,
                    };
                    let told = place.tell(&command).unwrap();
                    assert_eq!(place.sender(&told.body), Some(uid.as_str()), "{adapter:?} {namespace}");
                    assert!(place.is_own(&told.body) && told.counted.is_some());
                }
            }
        }
    }
}
