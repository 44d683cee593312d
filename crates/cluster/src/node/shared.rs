//! What all parts of a node have.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;

use cluster_proto::connection::Phase;
use cluster_proto::outgoing::{Outgoing, Publication, Standing};
use cluster_proto::peers::Peers;
use cluster_proto::wire::{Bounds, Order, Uid, peek_request_id};
use socketio::{Local, NamespaceName, Published};
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, mpsc};

use super::counters::Counters;
use super::counting::Counting;
use super::incoming::Incoming;
use super::joins::Joins;
use super::news::News;
use super::own_answers::OwnAnswers;
use super::place::{Place, Places};
use super::replies::Replies;
use super::rooms::{Channel, Rooms};
use crate::config::ClusterConfig;
use crate::notice::Notice;

/// What callers, ears and the supervisor share. Each lock is held for a step of its machine and no longer.
pub(crate) struct Shared {
    pub(crate) config: Arc<ClusterConfig>,
    pub(crate) uid: Uid,
    /// The heartbeats' channel.
    pub(crate) heartbeats: String,
    pub(crate) bounds: Bounds,
    pub(crate) local: Local,
    places: RwLock<Arc<Places>>,
    /// What goes to others: events, orders, questions.
    pub(crate) outgoing: Mutex<Outgoing>,
    /// What others asked for. It goes behind the former, and takes no place from it.
    pub(crate) replies: Replies,
    pub(crate) peers: Mutex<Peers>,
    /// What sockets are told.
    pub(crate) orders: Incoming,
    /// What others ask that changes nothing, and is to see nothing that waits.
    pub(crate) questions: Incoming,
    /// What we asked for.
    pub(crate) answers: Incoming,
    /// Of this node, where it hears them itself.
    pub(super) own_answers: OwnAnswers,
    /// How many requests of peers may wait for their answers.
    pub(crate) answering: Arc<Semaphore>,
    /// How many of those that are answered by a number.
    pub(crate) numbering: Arc<Semaphore>,
    /// How many of those that the program answers.
    pub(crate) telling: Arc<Semaphore>,
    /// Answers are made one at a time: each may be as large as all sockets of this node.
    pub(crate) making: Semaphore,
    /// How many events of peers may wait for acknowledgements: the table is this node's own clients' and programs' too.
    pub(crate) acknowledging: Arc<Semaphore>,
    /// How many of them for longer than most.
    pub(crate) acknowledging_long: Arc<Semaphore>,
    /// What we count elsewhere.
    pub(crate) counting: Arc<Counting>,
    /// What rooms peers may have sockets join.
    pub(crate) joins: Joins,
    /// That of the server, for whoever asks from elsewhere.
    pub(crate) runtime: Handle,
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) counters: Counters,
    /// Wakes the supervisor: something waits for it.
    pub(crate) wake: Arc<Notify>,
    /// Bounded by what is under way, each of which is bounded.
    pub(crate) news: mpsc::UnboundedSender<News>,
    pub(crate) notices: mpsc::Sender<Notice>,
    /// Whether it is known how many hear what is published: not in a Redis Cluster, where it is those at one server.
    pub(crate) knows_listeners: bool,
    has_overflown: AtomicBool,
    is_over: AtomicBool,
    asks: AtomicU64,
    /// The ids of our questions that are under way.
    asked: Mutex<HashSet<String>>,
}

/// What a node looks like from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) phase: Phase,
    pub(crate) is_ready: bool,
    pub(crate) is_up: bool,
    pub(crate) failed: Option<String>,
}

/// What it is made of.
pub(crate) struct Parts {
    pub(crate) config: Arc<ClusterConfig>,
    pub(crate) uid: Uid,
    pub(crate) local: Local,
    pub(crate) outgoing: Outgoing,
    pub(crate) peers: Peers,
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) news: mpsc::UnboundedSender<News>,
    pub(crate) notices: mpsc::Sender<Notice>,
    pub(crate) knows_listeners: bool,
}

impl Shared {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { config, uid, local, outgoing, peers, rooms, news, notices, knows_listeners } = parts;
        let mut bounds = Bounds::default();
        bounds.values = config.limits;
        Self {
            heartbeats: cluster_proto::peers::channel(&config.prefix),
            bounds,
            places: RwLock::default(),
            outgoing: Mutex::new(outgoing),
            replies: Replies::new(config.outgoing_bytes_max, config.outgoing_age_max),
            peers: Mutex::new(peers),
            orders: Incoming::new(config.incoming_bytes_max),
            questions: Incoming::new(QUESTIONS_BYTES_MAX),
            answers: Incoming::new(config.incoming_bytes_max),
            own_answers: OwnAnswers::default(),
            answering: Arc::new(Semaphore::new(ANSWERING_MAX)),
            numbering: Arc::new(Semaphore::new(NUMBERING_MAX)),
            telling: Arc::new(Semaphore::new(TELLING_MAX)),
            making: Semaphore::new(1),
            acknowledging: Arc::new(Semaphore::new(ACKNOWLEDGING_MAX)),
            acknowledging_long: Arc::new(Semaphore::new(ACKNOWLEDGING_LONG_MAX)),
            counting: Arc::default(),
            joins: Joins::new(config.rooms_max),
            runtime: Handle::current(),
            counters: Counters::default(),
            wake: Arc::clone(&rooms.wake),
            has_overflown: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            asks: AtomicU64::new(0),
            asked: Mutex::default(),
            config,
            uid,
            local,
            rooms,
            news,
            notices,
            knows_listeners,
        }
    }

    pub(crate) fn is_sharded(&self) -> bool {
        self.config.adapter.is_sharded()
    }

    pub(crate) fn places(&self) -> Arc<Places> {
        Arc::clone(&self.places.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn place(&self, namespace: &NamespaceName) -> Option<Arc<Place>> {
        self.places().by_name.get(namespace.as_str()).cloned()
    }

    /// Serves these namespaces and no others.
    pub(crate) fn serve(&self, namespaces: &[NamespaceName]) {
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        let served: HashSet<&str> = namespaces.iter().map(NamespaceName::as_str).collect();
        let is_served = |name: &str| served.contains(name);
        let removed: Vec<_> = places.by_name.values().filter(|place| !is_served(&place.name)).cloned().collect();
        let is_new = |namespace: &&NamespaceName| !places.by_name.contains_key(namespace.as_str());
        let added: Vec<_> = namespaces
            .iter()
            .filter(is_new)
            .map(|namespace| Arc::new(Place::new(&self.config, namespace.clone(), &self.uid)))
            .collect();
        let kept = places.by_name.values().filter(|place| is_served(&place.name)).cloned();
        let turn = places.turn + 1;
        *places = Arc::new(Places::new(kept.chain(added.iter().cloned()).collect::<Vec<_>>(), turn));
        added.iter().for_each(|place| self.rooms.begin(&place.name));
        // While they are locked: the supervisor hears of namespaces in the order of their changes.
        self.tell(News::Served { added, removed, turn });
    }

    /// Which rooms have come and gone, and where they are. None before the supervisor knows of the namespaces that there are
    /// now, those of this turn: what it has still to hear of them would undo what is done for their rooms. Nor of those that
    /// begin: a namespace is not to wait for its rooms.
    pub(crate) fn changed_rooms(&self, turn: u64, beginning: &HashSet<Arc<str>>) -> Vec<(Arc<Place>, Channel, bool)> {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        if places.turn != turn {
            return Vec::new();
        }
        // Those of a namespace that is gone have gone with it, and come with it if it comes again.
        let in_their_places = |((namespace, channel), is_there): ((NamespaceName, _), _)| {
            Some((Arc::clone(places.by_name.get(namespace.as_str())?), channel, is_there))
        };
        let is_ready = |namespace: &NamespaceName| !beginning.contains(namespace.as_str());
        self.rooms.take(is_ready).into_iter().filter_map(in_their_places).collect()
    }

    /// Hands something in that is to be published, for the next turn of the supervisor.
    pub(crate) fn publish(&self, publication: Publication) -> Published {
        if self.is_over.load(Ordering::Relaxed) {
            return Published::Lost;
        }
        let standing = {
            let mut outgoing = self.outgoing.lock().unwrap_or_else(PoisonError::into_inner);
            outgoing.push(publication, Instant::now())
        };
        self.wake.notify_one();
        match standing {
            Standing::Sent => Published::Sent,
            Standing::Waiting => Published::Waiting,
            Standing::Lost(_) => Published::Lost,
        }
    }

    /// Hands an answer in.
    pub(crate) fn reply(&self, publication: Publication) {
        if !self.is_over.load(Ordering::Relaxed) {
            // It says nowhere whose it is, and comes back where all hear it.
            if self.places().by_subscription.contains_key(&publication.channel) {
                self.own_answers.note(&publication.body);
            }
            self.replies.push(publication);
            self.wake.notify_one();
        }
    }

    /// Whether somebody who asked is still to be answered.
    pub(crate) fn is_answering(&self) -> bool {
        !self.questions.is_empty()
            || self.answering.available_permits() < ANSWERING_MAX
            || self.numbering.available_permits() < NUMBERING_MAX
            || self.telling.available_permits() < TELLING_MAX
    }

    /// Does what a peer asked for.
    pub(crate) fn apply(&self, order: &Order) {
        match order {
            Order::Join { target, rooms } => self.joins.join(&self.local, target, rooms),
            _ => self.local.apply(order.command()),
        }
    }

    pub(crate) fn tell(&self, news: News) {
        // Where nobody listens, it is over.
        let _ = self.news.send(news);
    }

    /// What an operator wants to know. One who does not read is not waited for.
    pub(crate) fn note(&self, notice: Notice) {
        let _ = self.notices.try_send(notice);
    }

    /// Something was dropped because nobody took it in time; said once until [`take_overflow`](Self::take_overflow).
    pub(crate) fn note_overflow(&self) {
        if !self.has_overflown.swap(true, Ordering::Relaxed) {
            self.note(Notice::Overflow);
        }
    }

    pub(crate) fn take_overflow(&self) -> bool {
        self.has_overflown.swap(false, Ordering::Relaxed)
    }

    /// Nothing is published any more.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.rooms.end();
    }

    /// A question is under way.
    pub(crate) fn begin_ask(&self, id: String) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    }

    /// It is not any more.
    pub(crate) fn end_ask(&self, id: &str) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// Whether an answer is to somebody else, or late, as far as it is seen without reading it. On the channel that all share most
    /// are.
    pub(crate) fn is_unasked(&self, answer: &[u8]) -> bool {
        let is_ours = |id: &str| self.asked.lock().unwrap_or_else(PoisonError::into_inner).contains(id);
        peek_request_id(answer).is_some_and(|id| !is_ours(id))
    }

    pub(crate) fn next_ask(&self) -> u64 {
        self.asks.fetch_add(1, Ordering::Relaxed)
    }
}

const ANSWERING_MAX: usize = 256;
const NUMBERING_MAX: usize = 1024;
const TELLING_MAX: usize = 256;
/// They are short, and their answers made one after the other: of ten thousand nobody would wait for the last.
const QUESTIONS_BYTES_MAX: usize = 1 << 20;
/// A sixteenth of what the table has by default.
const ACKNOWLEDGING_MAX: usize = 4096;
const ACKNOWLEDGING_LONG_MAX: usize = 512;
