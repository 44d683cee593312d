//! What is to be published, and waits for Redis.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

/// Bounds of an [`Outgoing`].
#[derive(Debug, Clone)]
pub struct OutgoingConfig {
    /// How much may wait for Redis or its reply, in bytes of memory.
    pub bytes_max: usize,
    /// How long something may wait until it is sent. What comes later is a flood of what was.
    pub age_max: Duration,
    /// How many pipelines may have no reply: more than one, so that a turn need not wait for the one before; few, since all
    /// that is in them is lost with the connection.
    pub pipelines_max: usize,
    /// How large a pipeline may be, in bytes. A larger message goes alone.
    pub pipeline_bytes_max: usize,
    /// How long a pipeline may have no reply. Then its connection is of no use.
    pub reply_timeout: Duration,
}

/// A message on its way to a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// `SPUBLISH` instead of `PUBLISH`.
    pub is_sharded: bool,
    /// Where to.
    pub channel: Bytes,
    /// What.
    pub body: Bytes,
    /// Of which namespace it is, where every node of it hears it
    /// ([`Peers::handle_sent`](crate::peers::Peers::handle_sent)).
    pub counted: Option<Arc<str>>,
    /// Of which namespace clients miss something, if it is dropped here
    /// ([`Peers::handle_unsent`](crate::peers::Peers::handle_unsent)). Questions and answers are missed by whoever asked.
    pub missed: Option<Arc<str>>,
    /// Where to publish it instead, if nobody listens there: an older asker has no channel of its own.
    pub otherwise: Option<Bytes>,
}

/// What becomes of a message, as far as it is known when it is handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It goes with the next pipeline.
    Sent,
    /// It waits until Redis is back, or answers; not for long.
    Waiting,
    /// It does not go.
    Lost(Loss),
}

/// Why a message was lost to the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// The link was down for as long as it could wait.
    NotJoined,
    /// The link was up, but too slow to take it in time.
    TooOld,
    /// Too much waits already.
    TooMuch,
    /// It was sent, and the connection died before the reply. Whether it arrived is not known, so it is not sent again: at
    /// most once.
    Unknown,
    /// Redis did not take it.
    Refused,
}

/// What was, and what is: of every message exactly one. `accepted` is the sum of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutgoingCounts {
    /// Handed in.
    pub accepted: u64,
    /// Taken by Redis.
    pub published: u64,
    /// Lost, by [`Loss`].
    pub lost: [u64; 5],
    /// Waiting to be sent.
    pub waiting: u64,
    /// Sent, without a reply.
    pub in_flight: u64,
}

/// Messages that are sent together.
#[derive(Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// What to reply to.
    pub number: u64,
    /// In this order.
    pub publications: Vec<Publication>,
}

/// The queue between the node and Redis: nothing of a local delivery waits for it.
///
/// Once a turn a driver [`take`](Outgoing::take)s what was collected, sends it as one pipeline, and says what came of it by
/// [`handle_published`](Outgoing::handle_published), or for all at once by [`handle_down`](Outgoing::handle_down). The order
/// is kept, so who waits goes first.
#[derive(Debug)]
pub struct Outgoing {
    config: OutgoingConfig,
    waiting: VecDeque<Waiting>,
    in_flight: VecDeque<InFlight>,
    /// Of both.
    bytes: usize,
    is_up: bool,
    number: u64,
    accepted: u64,
    published: u64,
    lost: [u64; 5],
    /// What was dropped and nobody was told of, by namespace.
    dropped: BTreeMap<Arc<str>, u64>,
}

#[derive(Debug)]
struct Waiting {
    publication: Publication,
    until: Instant,
}

#[derive(Debug)]
struct InFlight {
    number: u64,
    messages: u64,
    bytes: usize,
    until: Instant,
}

impl Default for OutgoingConfig {
    fn default() -> Self {
        Self {
            bytes_max: 8 << 20,
            age_max: Duration::from_secs(2),
            pipelines_max: 8,
            pipeline_bytes_max: 256 << 10,
            reply_timeout: Duration::from_secs(5),
        }
    }
}

impl Publication {
    /// A message that nobody counts.
    pub fn new(is_sharded: bool, channel: impl Into<Bytes>, body: impl Into<Bytes>) -> Self {
        Self { is_sharded, channel: channel.into(), body: body.into(), counted: None, missed: None, otherwise: None }
    }

    /// What it takes, with what the queue adds: small ones are not free.
    pub fn bytes(&self) -> usize {
        self.channel.len() + self.body.len() + size_of::<Waiting>()
    }
}

impl Loss {
    /// All of them, in the order of [`OutgoingCounts::lost`].
    pub const ALL: [Self; 5] = [Self::NotJoined, Self::TooOld, Self::TooMuch, Self::Unknown, Self::Refused];

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotJoined => "not_joined",
            Self::TooOld => "too_old",
            Self::TooMuch => "too_much",
            Self::Unknown => "unknown",
            Self::Refused => "refused",
        }
    }
}

impl Outgoing {
    /// An empty queue, to a link that is down. Times over a day count as a day.
    pub fn new(mut config: OutgoingConfig) -> Self {
        config.pipelines_max = config.pipelines_max.max(1);
        config.age_max = config.age_max.min(TIME_MAX);
        config.reply_timeout = config.reply_timeout.clamp(Duration::from_millis(1), TIME_MAX);
        Self {
            config,
            waiting: VecDeque::new(),
            in_flight: VecDeque::new(),
            bytes: 0,
            is_up: false,
            number: 0,
            accepted: 0,
            published: 0,
            lost: [0; 5],
            dropped: BTreeMap::new(),
        }
    }

    /// There is a connection to publish on ([`Link::publisher`](crate::connection::Link::publisher)).
    pub fn handle_up(&mut self) {
        self.is_up = true;
    }

    /// There is none any more, or another one: what is in flight is lost.
    pub fn handle_down(&mut self) {
        self.is_up = false;
        for pipeline in std::mem::take(&mut self.in_flight) {
            self.bytes -= pipeline.bytes;
            self.lose(Loss::Unknown, pipeline.messages);
        }
    }

    /// Hands in a message.
    ///
    /// Where too much waits it is the new one that goes: of it one can still say so, of the others it was said that they
    /// wait.
    pub fn push(&mut self, publication: Publication, now: Instant) -> Standing {
        self.accepted += 1;
        let bytes = publication.bytes();
        let loss = match self.is_up {
            false if self.config.age_max.is_zero() => Some(Loss::NotJoined),
            _ if self.bytes.saturating_add(bytes) > self.config.bytes_max => Some(Loss::TooMuch),
            _ => None,
        };
        if let Some(loss) = loss {
            self.drop(publication, loss);
            return Standing::Lost(loss);
        }
        self.bytes += bytes;
        let until = now + self.config.age_max.max(TURN);
        self.waiting.push_back(Waiting { publication, until });
        match self.can_take() {
            true => Standing::Sent,
            false => Standing::Waiting,
        }
    }

    /// What goes now. `None`: nothing waits, or nothing can go. To be called until then, once a turn and whenever a reply
    /// came.
    pub fn take(&mut self, now: Instant) -> Option<Pipeline> {
        self.drop_old(now);
        if !self.can_take() || self.waiting.is_empty() {
            return None;
        }
        let (mut publications, mut bytes) = (Vec::new(), 0);
        while let Some(first) = self.waiting.front() {
            let size = first.publication.bytes();
            if !publications.is_empty() && bytes + size > self.config.pipeline_bytes_max {
                break;
            }
            bytes += size;
            publications.extend(self.waiting.pop_front().map(|waiting| waiting.publication));
        }
        Some(self.fly(publications, bytes, now))
    }

    /// Adds a message behind what was taken, or sends it alone: one that speaks of what went before it, as a heartbeat
    /// does, cannot be written before that is known. It is never kept: `None`, and it is lost, where nothing can go.
    pub fn append(&mut self, taken: Option<Pipeline>, last: Publication, now: Instant) -> Option<Pipeline> {
        let bytes = last.bytes();
        match (taken, self.in_flight.back_mut()) {
            (Some(mut pipeline), Some(flying)) if flying.number == pipeline.number => {
                self.accepted += 1;
                self.bytes += bytes;
                flying.bytes += bytes;
                flying.messages += 1;
                pipeline.publications.push(last);
                Some(pipeline)
            }
            (taken, _) => {
                if taken.is_some() || !self.can_take() || !self.waiting.is_empty() {
                    return taken;
                }
                self.accepted += 1;
                self.bytes += bytes;
                Some(self.fly(vec![last], bytes, now))
            }
        }
    }

    /// A pipeline was answered; so many of its messages were refused.
    pub fn handle_published(&mut self, number: u64, refused: usize) {
        let Some(at) = self.in_flight.iter().position(|flying| flying.number == number) else { return };
        let Some(flying) = self.in_flight.remove(at) else { return };
        let refused = flying.messages.min(refused as u64);
        self.bytes -= flying.bytes;
        self.published += flying.messages - refused;
        self.lose(Loss::Refused, refused);
    }

    /// When [`handle_timeout`](Outgoing::handle_timeout) is to be called, if ever.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let old = self.waiting.front().map(|waiting| waiting.until);
        old.into_iter().chain(self.overdue()).min()
    }

    /// Drops what is too old. `true`: a reply is overdue, and the connection is of no use
    /// ([`Link::handle_silent`](crate::connection::Link::handle_silent)); what was on it is lost.
    #[must_use]
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        self.drop_old(now);
        let is_overdue = self.overdue().is_some_and(|at| at <= now);
        if is_overdue {
            self.handle_down();
        }
        is_overdue
    }

    /// In which namespace messages were dropped since this was asked, and how many: until `None`, before each heartbeat. What was in flight
    /// is not among them: that it was sent has been told.
    pub fn poll_dropped(&mut self) -> Option<(Arc<str>, u64)> {
        self.dropped.pop_first()
    }

    /// Drops all that waits, and is not going to be sent in time.
    pub fn give_up(&mut self) {
        let loss = if self.is_up { Loss::TooOld } else { Loss::NotJoined };
        for waiting in std::mem::take(&mut self.waiting) {
            self.bytes -= waiting.publication.bytes();
            self.drop(waiting.publication, loss);
        }
    }

    /// What became of all that was handed in.
    pub fn counts(&self) -> OutgoingCounts {
        OutgoingCounts {
            accepted: self.accepted,
            published: self.published,
            lost: self.lost,
            waiting: self.waiting.len() as u64,
            in_flight: self.in_flight.iter().map(|flying| flying.messages).sum(),
        }
    }

    /// How much is held, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn can_take(&self) -> bool {
        self.is_up && self.in_flight.len() < self.config.pipelines_max
    }

    fn fly(&mut self, publications: Vec<Publication>, bytes: usize, now: Instant) -> Pipeline {
        self.number += 1;
        let (number, until) = (self.number, now + self.config.reply_timeout);
        self.in_flight.push_back(InFlight { number, messages: publications.len() as u64, bytes, until });
        Pipeline { number, publications }
    }

    fn drop_old(&mut self, now: Instant) {
        let loss = if self.is_up { Loss::TooOld } else { Loss::NotJoined };
        while self.waiting.front().is_some_and(|waiting| waiting.until <= now) {
            if let Some(old) = self.waiting.pop_front() {
                self.bytes -= old.publication.bytes();
                self.drop(old.publication, loss);
            }
        }
    }

    fn overdue(&self) -> Option<Instant> {
        self.in_flight.front().map(|flying| flying.until)
    }

    /// It never goes to Redis.
    fn drop(&mut self, publication: Publication, loss: Loss) {
        self.lose(loss, 1);
        if let Some(namespace) = publication.missed {
            *self.dropped.entry(namespace).or_default() += 1;
        }
    }

    fn lose(&mut self, loss: Loss, messages: u64) {
        self.lost[loss as usize] += messages;
    }
}

/// What is not to wait at all still has the turn in which it was handed in.
const TURN: Duration = Duration::from_millis(100);

/// A day: nothing waits longer.
const TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);
