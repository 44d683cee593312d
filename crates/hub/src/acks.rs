//! The acknowledgements the server waits for.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque, hash_map};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use socketio_codec::{AckId, Arguments, Namespace};

use crate::SocketId;

/// The events sent with a request for acknowledgement, to one socket or to many, and who still owes an answer.
///
/// Exact: only a socket the event was queued to can answer, once; one that disconnects, or answers too late, is
/// missing; and every entry resolves, at its deadline at the latest.
///
/// Ids count from 0 in each namespace, not per socket, so that an event for many is encoded once.
///
/// Order of calls for one event: [`open`](Self::open) gives the id to encode; emit with a
/// [`Receipt::collecting`](crate::Receipt::collecting); when it reports, [`sent`](Self::sent). An answer may come
/// before that (the client is faster than the last lane): it is kept until then. After each `handle_…` and `sent`,
/// take what is done from [`poll_resolved`](Self::poll_resolved), and complete it after the lock is released.
///
/// ```
/// use std::time::{Duration, Instant};
/// use fanfare_hub::{Acks, AcksConfig, SocketId};
/// use socketio_codec::{Arguments, Namespace};
///
/// let (now, root) = (Instant::now(), Namespace::ROOT);
/// let [ann, bob] = [1, 2].map(|n| SocketId::from_random([n; 15]));
/// let mut acks = Acks::new(AcksConfig::default());
/// let id = acks.open(&root, now + Duration::from_secs(5), |answers| {
///     assert_eq!(answers.received.len(), 1);
///     assert_eq!(answers.missing.len(), 1);
/// })?;
/// acks.sent(&root, id, vec![ann, bob]);
/// assert!(acks.handle_ack(&root, id, ann, Arguments::EMPTY));
/// acks.handle_disconnect(bob);
/// acks.poll_resolved().expect("nobody is left to answer").complete();
/// # Ok::<(), fanfare_hub::AcksFull>(())
/// ```
pub struct Acks {
    config: AcksConfig,
    /// The namespaces in which ids were given out, and the next id of each. The server's own, so they are few.
    namespaces: HashMap<Namespace, u32>,
    next_ids: Vec<u64>,
    entries: BTreeMap<Key, Entry>,
    /// Who owes an answer to what.
    awaited: BTreeSet<(SocketId, Key)>,
    deadlines: BTreeSet<(Instant, Key)>,
    /// Entries that wait for [`Acks::sent`].
    unsent: BTreeSet<Key>,
    answer_bytes: usize,
    resolved: VecDeque<Resolved>,
}

/// How much may be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AcksConfig {
    /// Events at a time. 65,536: an entry without answers takes some 200 bytes.
    pub entries_max: usize,
    /// Answers owed at a time, over all events; one event for more sockets than that is still taken when it is the
    /// first. 1,048,576, at some 40 bytes each.
    pub awaited_max: usize,
    /// Bytes of all answers kept until their event is resolved. 64 MiB: ten thousand clients that answer one
    /// broadcast by a megabyte each must not take ten gigabytes. A client whose answer does not fit is missing.
    pub answer_bytes_max: usize,
}

impl Default for AcksConfig {
    fn default() -> Self {
        Self { entries_max: 65_536, awaited_max: 1 << 20, answer_bytes_max: 64 << 20 }
    }
}

/// What came of asking for acknowledgement: each socket the event was queued to is in one of the two.
#[derive(Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answers {
    /// The answers. They come in no particular order.
    pub received: Vec<(SocketId, Arguments)>,
    /// Those that disconnected or did not answer in time.
    pub missing: Vec<SocketId>,
    /// Whether it was settled by its deadline. If that came before the lanes had reported, both lists are empty.
    pub timed_out: bool,
}

/// What somebody is to be told: by [`complete`](Self::complete), once the table is not locked any more.
pub struct Resolved(News);

enum News {
    Settled(Answers, Complete),
    Progress(Progress, Follow),
}

type Complete = Box<dyn FnOnce(Answers) + Send>;
type Follow = Arc<dyn Fn(Progress) + Send + Sync>;

/// What is known of acknowledgements as they come, in this order.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// So many sockets have the event.
    Reached(usize),
    /// One of them answered.
    Answered(SocketId, Arguments),
    /// No more answers are waited for.
    Over,
}

/// Who waits for an event's acknowledgement.
enum Waiting {
    /// For all of it together.
    Whole(Complete),
    /// For each as it comes.
    Each(Follow),
}

/// As many acknowledgements are waited for as the configuration allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcksFull;

/// The number of a namespace, and an id in it.
type Key = (u32, AckId);

struct Entry {
    stage: Stage,
    answers: Answers,
    deadline: Instant,
    waiting: Waiting,
}

/// How far an entry is:
///
/// ```text
///   open ──► Unsent ── sent ──► Sent ── last answer, disconnect or deadline ──► resolved
///              └─────────────────────── deadline ─────────────────────────────────▲
/// ```
enum Stage {
    /// On its way to the lanes: who gets it is not known yet. Whoever answered all the same has `Some`, whoever is
    /// lost has `None`: what came first stands.
    Unsent { early: HashMap<SocketId, Option<Arguments>> },
    /// Queued on its recipients. These had not answered then, and `owed` of them still have not.
    Sent { sockets: Vec<SocketId>, owed: usize },
}

impl Acks {
    /// A table that waits for nothing.
    pub fn new(config: AcksConfig) -> Self {
        Self {
            config,
            namespaces: HashMap::new(),
            next_ids: Vec::new(),
            entries: BTreeMap::new(),
            awaited: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            unsent: BTreeSet::new(),
            answer_bytes: 0,
            resolved: VecDeque::new(),
        }
    }

    /// Gives the id for an event that asks for acknowledgement, and waits for its answers until `deadline`.
    ///
    /// # Errors
    /// [`AcksFull`] if a bound of the configuration is reached; `complete` is then dropped uncalled.
    pub fn open(
        &mut self,
        namespace: &Namespace,
        deadline: Instant,
        complete: impl FnOnce(Answers) + Send + 'static,
    ) -> Result<AckId, AcksFull> {
        self.open_for(namespace, deadline, Waiting::Whole(Box::new(complete)))
    }

    /// The same for who wants to have each answer as it comes; none is kept.
    ///
    /// # Errors
    /// [`AcksFull`] likewise.
    pub fn follow(
        &mut self,
        namespace: &Namespace,
        deadline: Instant,
        follow: impl Fn(Progress) + Send + Sync + 'static,
    ) -> Result<AckId, AcksFull> {
        self.open_for(namespace, deadline, Waiting::Each(Arc::new(follow)))
    }

    fn open_for(&mut self, namespace: &Namespace, deadline: Instant, waiting: Waiting) -> Result<AckId, AcksFull> {
        if self.entries.len() >= self.config.entries_max || self.awaited.len() >= self.config.awaited_max {
            return Err(AcksFull);
        }
        let number = self.namespace_number(namespace);
        let next_id = &mut self.next_ids[number as usize];
        let id = AckId::new(*next_id).ok_or(AcksFull)?;
        *next_id += 1;
        let key = (number, id);
        self.deadlines.insert((deadline, key));
        self.unsent.insert(key);
        self.entries.insert(
            key,
            Entry { stage: Stage::Unsent { early: HashMap::new() }, answers: Answers::default(), deadline, waiting },
        );
        Ok(id)
    }

    /// The lanes are done with event `id`: it was queued to `sockets`, each of which owes one answer.
    pub fn sent(&mut self, namespace: &Namespace, id: AckId, sockets: Vec<SocketId>) {
        let Some(key) = self.key(namespace, id) else { return };
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let Stage::Unsent { early } = &mut entry.stage else { return };
        let mut early = std::mem::take(early);
        if let Waiting::Each(follow) = &entry.waiting {
            self.resolved.push_back(Resolved(News::Progress(Progress::Reached(sockets.len()), Arc::clone(follow))));
        }
        let mut owed = sockets;
        owed.retain(|socket| match early.remove(socket) {
            Some(answer) => {
                self.answer_bytes -= entry.add(*socket, answer, &mut self.resolved);
                false
            }
            None => self.awaited.insert((*socket, key)),
        });
        let is_settled = owed.is_empty();
        entry.stage = Stage::Sent { owed: owed.len(), sockets: owed };
        self.unsent.remove(&key);
        // Those left answered what they were never sent.
        self.answer_bytes -= early.values().flatten().map(size).sum::<usize>();
        if is_settled {
            self.resolve(key, false);
        }
    }

    /// `socket` answered event `id`. False if nobody waits for that, or not any more: it is then ignored.
    pub fn handle_ack(&mut self, namespace: &Namespace, id: AckId, socket: SocketId, arguments: Arguments) -> bool {
        let Some(key) = self.key(namespace, id) else { return false };
        let fits = size(&arguments) <= self.config.answer_bytes_max.saturating_sub(self.answer_bytes);
        // It is kept until the last one has answered, and by whoever asked for it for as long as they like: as it
        // came, a hundred bytes would keep a megabyte that was read with them, which no bound here counts.
        self.settle(key, socket, fits.then(|| arguments.detached()))
    }

    /// Nobody waits for the answers to event `id` any more: its entry is gone, and whoever asked is not told.
    ///
    /// False if it was settled already.
    pub fn cancel(&mut self, namespace: &Namespace, id: AckId) -> bool {
        let Some(key) = self.key(namespace, id) else { return false };
        self.take(key).is_some()
    }

    /// `socket` is gone: it is missing wherever it still owes an answer.
    pub fn handle_disconnect(&mut self, socket: SocketId) {
        let owed = self.awaited.range((socket, FIRST_KEY)..=(socket, LAST_KEY));
        let keys: Vec<Key> = owed.map(|(_, key)| *key).chain(self.unsent.iter().copied()).collect();
        for key in keys {
            self.settle(key, socket, None);
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Settles each entry whose deadline is not after `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(&(deadline, key)) = self.deadlines.first()
            && deadline <= now
        {
            self.resolve(key, true);
        }
    }

    /// The next event that is settled.
    pub fn poll_resolved(&mut self) -> Option<Resolved> {
        self.resolved.pop_front()
    }

    /// The events that wait for answers.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is waited for and nothing kept.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
            && self.awaited.is_empty()
            && self.deadlines.is_empty()
            && self.unsent.is_empty()
            && self.answer_bytes == 0
    }

    /// Notes what became of one socket's answer, if it owes one.
    fn settle(&mut self, key: Key, socket: SocketId, answer: Option<Arguments>) -> bool {
        let Some(entry) = self.entries.get_mut(&key) else { return false };
        let bytes = answer.as_ref().map_or(0, size);
        match &mut entry.stage {
            Stage::Unsent { early } => match early.entry(socket) {
                hash_map::Entry::Occupied(_) => false,
                hash_map::Entry::Vacant(place) => {
                    place.insert(answer);
                    self.answer_bytes += bytes;
                    true
                }
            },
            Stage::Sent { owed, .. } => {
                if !self.awaited.remove(&(socket, key)) {
                    return false;
                }
                *owed -= 1;
                let is_settled = *owed == 0;
                self.answer_bytes += bytes;
                self.answer_bytes -= entry.add(socket, answer, &mut self.resolved);
                if is_settled {
                    self.resolve(key, false);
                }
                true
            }
        }
    }

    /// Settles an entry; whoever still owes an answer to it is missing.
    fn resolve(&mut self, key: Key, timed_out: bool) {
        if let Some((mut answers, waiting)) = self.take(key) {
            answers.timed_out = timed_out;
            self.resolved.push_back(Resolved(match waiting {
                Waiting::Whole(complete) => News::Settled(answers, complete),
                Waiting::Each(follow) => News::Progress(Progress::Over, follow),
            }));
        }
    }

    /// Takes an entry out of everything.
    fn take(&mut self, key: Key) -> Option<(Answers, Waiting)> {
        let Entry { stage, mut answers, deadline, waiting } = self.entries.remove(&key)?;
        self.deadlines.remove(&(deadline, key));
        self.unsent.remove(&key);
        let given_back = match stage {
            Stage::Unsent { early } => early.into_values().flatten().map(|answer| size(&answer)).sum(),
            Stage::Sent { sockets, .. } => {
                let owed = sockets.into_iter().filter(|socket| self.awaited.remove(&(*socket, key)));
                answers.missing.extend(owed);
                answers.received.iter().map(|(_, answer)| size(answer)).sum::<usize>()
            }
        };
        self.answer_bytes -= given_back;
        Some((answers, waiting))
    }

    fn key(&self, namespace: &Namespace, id: AckId) -> Option<Key> {
        Some((*self.namespaces.get(namespace)?, id))
    }

    fn namespace_number(&mut self, namespace: &Namespace) -> u32 {
        if let Some(&number) = self.namespaces.get(namespace) {
            return number;
        }
        let number = self.next_ids.len() as u32;
        self.next_ids.push(0);
        self.namespaces.insert(namespace.clone(), number);
        number
    }
}

impl Entry {
    /// Notes what became of one socket's answer, and gives how many bytes of it are not kept.
    fn add(&mut self, socket: SocketId, answer: Option<Arguments>, resolved: &mut VecDeque<Resolved>) -> usize {
        match (&self.waiting, answer) {
            (Waiting::Each(follow), Some(answer)) => {
                let bytes = size(&answer);
                let progress = Progress::Answered(socket, answer);
                resolved.push_back(Resolved(News::Progress(progress, Arc::clone(follow))));
                bytes
            }
            (Waiting::Each(_), None) => 0,
            (Waiting::Whole(_), answer) => {
                self.answers.add(socket, answer);
                0
            }
        }
    }
}

impl Answers {
    fn add(&mut self, socket: SocketId, answer: Option<Arguments>) {
        match answer {
            Some(arguments) => self.received.push((socket, arguments)),
            None => self.missing.push(socket),
        }
    }
}

impl Resolved {
    /// Tells whoever asked. Not while the table is locked: they may ask again.
    pub fn complete(self) {
        match self.0 {
            News::Settled(answers, complete) => complete(answers),
            News::Progress(progress, follow) => follow(progress),
        }
    }
}

impl fmt::Debug for Resolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut resolved = f.debug_tuple("Resolved");
        match &self.0 {
            News::Settled(answers, _) => resolved.field(answers),
            News::Progress(progress, _) => resolved.field(progress),
        };
        resolved.finish()
    }
}

impl fmt::Display for AcksFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many acknowledgements are waited for")
    }
}

impl std::error::Error for AcksFull {}

/// What an answer keeps in memory, its attachments included.
fn size(answer: &Arguments) -> usize {
    let attachments = answer.attachments().iter().map(|bytes| size_of_val(bytes) + bytes.len());
    size_of::<(SocketId, Arguments)>() + answer.as_bytes().len() + attachments.sum::<usize>()
}

const FIRST_KEY: Key = (
    0,
    match AckId::new(0) {
        Some(id) => id,
        None => AckId::MAX,
    },
);
const LAST_KEY: Key = (u32::MAX, AckId::MAX);
