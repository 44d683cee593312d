//! All other Fanfare nodes.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::heartbeat::{Heartbeat, HeartbeatError};
use super::peer::Peer;
use super::resets::Resets;

/// Times and bounds of [`Peers`].
#[derive(Debug, Clone)]
pub struct PeersConfig {
    /// How often this node says how much it sent. What is missed is known so much later at most.
    pub every: Duration,
    /// How many others are kept. More are not compared.
    pub peers_max: usize,
    /// What is done where something was missed.
    pub on_gap: OnGap,
    /// How long a namespace rests after its sockets were closed for that.
    pub reset_rest: Duration,
}

/// What is done where something was missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnGap {
    /// It is counted.
    #[default]
    Count,
    /// It is counted, and this node's sockets of the namespace are closed, so that clients fetch anew.
    Reset,
}

/// What is to be done, or to be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Another node is there.
    Appeared {
        /// As whom it sends.
        uid: String,
        /// What its operator calls it.
        name: Option<String>,
    },
    /// Nothing was heard of it for some heartbeats.
    Late {
        /// Of whom.
        uid: String,
    },
    /// It is heard again.
    Back {
        /// Who.
        uid: String,
    },
    /// It is there no more.
    Gone {
        /// Who.
        uid: String,
        /// What its operator called it.
        name: Option<String>,
        /// How.
        how: Gone,
    },
    /// It sent what was not heard here.
    Missed {
        /// Who.
        uid: String,
        /// In which namespace.
        namespace: Arc<str>,
        /// How many messages.
        count: u64,
    },
    /// Somebody else sends as this node: they do not hear each other.
    SameUid,
    /// Close this node's sockets of the namespace, spread over a while.
    Reset {
        /// Which one.
        namespace: Arc<str>,
    },
}

/// How a peer went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// It said so.
    Left,
    /// It said nothing more.
    Silent,
    /// It is there anew.
    Restarted,
}

/// A peer, for whoever wants to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerView<'a> {
    /// As whom it sends.
    pub uid: &'a str,
    /// What its operator calls it.
    pub name: Option<&'a str>,
    /// Whether heartbeats are missing.
    pub is_late: bool,
    /// How long nothing was heard of it.
    pub silence: Duration,
    /// How many of its messages were not heard here.
    pub missed: u64,
    /// How many of its messages were heard twice, or too late.
    pub surplus: u64,
}

/// The other Fanfare nodes, what they have sent and what of it was heard; and this one's own heartbeat.
///
/// Counted is what every node hears: messages to a namespace. Where rooms have channels of their own that only some
/// subscribe to (the sharded adapter), those are counted by nobody. Who counts what it sends does so when a message goes to
/// Redis, and writes the heartbeat behind it on the same connection; who counts what it hears does so before it looks
/// whether anybody here wants it.
///
/// While the link is lost nobody is late. What was said meanwhile is missed, and is known at the next heartbeats.
#[derive(Debug)]
pub struct Peers {
    config: PeersConfig,
    me: Me,
    served: Vec<Arc<str>>,
    peers: HashMap<String, Peer>,
    /// Not before this is any peer late or gone.
    look: Option<Instant>,
    is_joined: bool,
    is_up: bool,
    resets: Resets,
    events: VecDeque<Event>,
    missed: u64,
    ignored: u64,
}

/// This node, as it tells the others.
#[derive(Debug)]
struct Me {
    uid: String,
    name: Option<String>,
    start: u64,
    sent: BTreeMap<Arc<str>, u64>,
    /// From where the next heartbeat names namespaces, where one does not hold them all.
    cursor: usize,
    beat: u64,
    beat_at: Option<Instant>,
    next: Instant,
    is_hello: bool,
    /// Own heartbeats that have not come back yet.
    under_way: VecDeque<(u64, Instant)>,
    lag: Option<Duration>,
    has_double: bool,
}

impl Default for PeersConfig {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(1),
            peers_max: 1024,
            on_gap: OnGap::Count,
            reset_rest: Duration::from_secs(30),
        }
    }
}

impl Peers {
    /// Nobody yet. `uid`: as whom this node sends, new at each start; `start`: when that was, in milliseconds since 1970.
    pub fn new(mut config: PeersConfig, uid: String, name: Option<String>, start: u64, now: Instant) -> Self {
        config.every = config.every.clamp(Heartbeat::EVERY_MIN, Heartbeat::EVERY_MAX);
        let me = Me {
            uid,
            name,
            start,
            sent: BTreeMap::new(),
            cursor: 0,
            beat: 0,
            beat_at: None,
            next: now,
            is_hello: true,
            under_way: VecDeque::new(),
            lag: None,
            has_double: false,
        };
        Self {
            resets: Resets::new(config.reset_rest.min(TIME_MAX)),
            config,
            me,
            served: Vec::new(),
            peers: HashMap::new(),
            look: None,
            is_joined: false,
            is_up: false,
            events: VecDeque::new(),
            missed: 0,
            ignored: 0,
        }
    }

    /// A namespace is served from now on: its channels are subscribed.
    pub fn serve(&mut self, namespace: Arc<str>) {
        if !self.served.contains(&namespace) {
            self.peers.values_mut().for_each(|peer| peer.serve(&namespace));
            self.served.push(namespace);
        }
    }

    /// It is served no more.
    pub fn unserve(&mut self, namespace: &str) {
        self.served.retain(|served| **served != *namespace);
        self.peers.values_mut().for_each(|peer| peer.unserve(namespace));
        self.resets.forget(namespace);
    }

    /// The link is joined. `deaf`: for how long nothing was heard that was heard before
    /// ([`Notice::Joined`](crate::connection::Notice::Joined)).
    pub fn handle_joined(&mut self, deaf: Option<Duration>, now: Instant) {
        self.is_joined = true;
        (self.me.next, self.me.is_hello) = (now, true);
        self.peers.values_mut().for_each(|peer| peer.excuse(now));
        self.look = self.peers.values().map(Peer::due).min();
        // What Node servers and emitters said meanwhile nobody counts.
        if deaf.is_some() && self.config.on_gap == OnGap::Reset {
            self.served.iter().for_each(|namespace| self.resets.want(namespace, now));
        }
    }

    /// Of these namespaces not all was heard for a while, though the link was joined
    /// ([`Notice::Whole`](crate::connection::Notice::Whole)).
    pub fn handle_deaf(&mut self, namespaces: &[Arc<str>], now: Instant) {
        if self.config.on_gap == OnGap::Reset {
            let deaf = self.served.iter().filter(|namespace| namespaces.contains(namespace));
            deaf.for_each(|namespace| self.resets.want(namespace, now));
        }
    }

    /// The link is lost.
    pub fn handle_lost(&mut self) {
        self.is_joined = false;
        self.me.under_way.clear();
        self.me.lag = None;
    }

    /// There is a connection to publish on ([`Link::publisher`](crate::connection::Link::publisher)): also while this node
    /// hears nothing it tells the others what it sent.
    pub fn handle_up(&mut self, now: Instant) {
        self.is_up = true;
        self.me.next = now;
    }

    /// There is none any more.
    pub fn handle_down(&mut self) {
        self.is_up = false;
    }

    /// A message goes to Redis that every node hears: it is in a pipeline which is sent before the next heartbeat is written.
    pub fn handle_sent(&mut self, namespace: &Arc<str>) {
        match self.me.sent.get_mut(namespace) {
            Some(sent) => *sent += 1,
            None => drop(self.me.sent.insert(namespace.clone(), 1)),
        }
    }

    /// A message was heard that every node hears, before anything else is decided about it.
    pub fn handle_message(&mut self, uid: &str, namespace: &str) {
        if let Some(peer) = self.peers.get_mut(uid) {
            peer.hear(namespace);
        }
    }

    /// The heartbeat to be sent now, if one is due.
    pub fn poll_heartbeat(&mut self, now: Instant) -> Option<Vec<u8>> {
        if !self.is_up || self.me.next > now {
            return None;
        }
        let heartbeat = self.me.heartbeat(&self.config, now, false);
        if self.is_joined {
            self.me.expect(now);
        }
        Some(heartbeat.encode())
    }

    /// The last heartbeat: this node leaves.
    pub fn bye(&mut self, now: Instant) -> Vec<u8> {
        self.me.heartbeat(&self.config, now, true).encode()
    }

    /// A heartbeat was heard.
    pub fn handle_heartbeat(&mut self, body: &[u8], now: Instant) -> Result<(), HeartbeatError> {
        let heartbeat = Heartbeat::decode(body)?;
        if heartbeat.uid == self.me.uid {
            if self.me.is_double(&heartbeat, now) {
                self.events.push_back(Event::SameUid);
            }
            return Ok(());
        }
        if heartbeat.is_hello {
            self.me.hasten(now);
        }
        match self.peers.get(&heartbeat.uid).map(|peer| peer.start == heartbeat.start) {
            Some(true) => self.beat(&heartbeat, now),
            Some(false) => {
                self.remove(&heartbeat.uid, Gone::Restarted);
                self.appear(&heartbeat, now);
            }
            None => self.appear(&heartbeat, now),
        }
        if heartbeat.is_bye {
            self.remove(&heartbeat.uid, Gone::Left);
        }
        Ok(())
    }

    /// When [`handle_timeout`](Peers::handle_timeout) or [`poll_heartbeat`](Peers::poll_heartbeat) is to be called, if ever.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let beat = self.is_up.then_some(self.me.next);
        let look = self.look.filter(|_| self.is_joined);
        [beat, look, self.resets.poll_timeout()].into_iter().flatten().min()
    }

    /// Looks who is late or gone, and whether clients are to fetch anew.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.is_joined && self.look.is_some_and(|look| look <= now) {
            self.look_around(now);
        }
        while let Some(namespace) = self.resets.next(now) {
            self.events.push_back(Event::Reset { namespace });
        }
    }

    /// What is to be done or known next, if anything is.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The others.
    pub fn peers(&self, now: Instant) -> impl Iterator<Item = PeerView<'_>> {
        self.peers.iter().map(move |(uid, peer)| PeerView {
            uid,
            name: peer.name.as_deref(),
            is_late: peer.is_late,
            silence: peer.silence(now),
            missed: peer.missed,
            surplus: peer.surplus,
        })
    }

    /// How long a message takes to Redis and back, by the last heartbeat that came back, or the one that does not.
    pub fn lag(&self, now: Instant) -> Option<Duration> {
        let waited = self.me.under_way.front().map(|(_, sent)| now.saturating_duration_since(*sent));
        self.me.lag.into_iter().chain(waited).max()
    }

    /// How many messages were missed of all that ever were peers.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// How many heartbeats came of nodes that there was no place for.
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    fn appear(&mut self, heartbeat: &Heartbeat, now: Instant) {
        self.replace(heartbeat);
        if self.peers.len() >= self.config.peers_max {
            self.ignored += 1;
            return;
        }
        let peer = Peer::new(heartbeat, &self.served, now);
        self.look = self.look.into_iter().chain([peer.due()]).min();
        self.events.push_back(Event::Appeared { uid: heartbeat.uid.clone(), name: peer.name.clone() });
        self.peers.insert(heartbeat.uid.clone(), peer);
    }

    /// Who was started later under the same name is the same node anew.
    fn replace(&mut self, heartbeat: &Heartbeat) {
        let is_before =
            |peer: &Peer| peer.name.is_some() && peer.name == heartbeat.name && peer.start < heartbeat.start;
        let before = self.peers.iter().find(|(_, peer)| is_before(peer)).map(|(uid, _)| uid.clone());
        if let Some(uid) = before {
            self.remove(&uid, Gone::Restarted);
        }
    }

    fn beat(&mut self, heartbeat: &Heartbeat, now: Instant) {
        let Some(peer) = self.peers.get_mut(&heartbeat.uid) else { return };
        let (was_late, before) = (peer.is_late, peer.missed);
        let (events, resets, on_gap) = (&mut self.events, &mut self.resets, self.config.on_gap);
        let is_new = peer.beat(heartbeat, now, |namespace, count| {
            events.push_back(Event::Missed { uid: heartbeat.uid.clone(), namespace: namespace.clone(), count });
            if on_gap == OnGap::Reset {
                resets.want(namespace, now);
            }
        });
        self.missed = self.missed.saturating_add(peer.missed - before);
        // It may beat faster from now on.
        self.look = self.look.into_iter().chain([peer.due()]).min();
        if is_new && was_late {
            self.events.push_back(Event::Back { uid: heartbeat.uid.clone() });
        }
    }

    fn remove(&mut self, uid: &str, how: Gone) {
        if let Some(peer) = self.peers.remove(uid) {
            self.events.push_back(Event::Gone { uid: uid.to_owned(), name: peer.name, how });
        }
    }

    fn look_around(&mut self, now: Instant) {
        let mut gone = Vec::new();
        for (uid, peer) in &mut self.peers {
            if peer.gone_at() <= now {
                gone.push(uid.clone());
            } else if !peer.is_late && peer.late_at() <= now {
                peer.is_late = true;
                self.events.push_back(Event::Late { uid: uid.clone() });
            }
        }
        gone.sort_unstable();
        gone.iter().for_each(|uid| self.remove(uid, Gone::Silent));
        self.look = self.peers.values().map(Peer::due).min();
    }
}

impl Me {
    fn heartbeat(&mut self, config: &PeersConfig, now: Instant, is_bye: bool) -> Heartbeat {
        self.beat += 1;
        (self.beat_at, self.next) = (Some(now), now + config.every);
        let is_partial = self.sent.len() > Heartbeat::NAMESPACES_MAX;
        let first = if is_partial { self.cursor % self.sent.len() } else { 0 };
        self.cursor = first + Heartbeat::NAMESPACES_MAX;
        let named = self.sent.iter().cycle().skip(first).take(self.sent.len().min(Heartbeat::NAMESPACES_MAX));
        Heartbeat {
            version: Heartbeat::VERSION,
            uid: self.uid.clone(),
            name: self.name.clone(),
            start: self.start,
            beat: self.beat,
            every: config.every,
            sent: named.map(|(namespace, sent)| (namespace.to_string(), *sent)).collect(),
            is_partial,
            is_hello: std::mem::take(&mut self.is_hello),
            is_bye,
        }
    }

    /// The heartbeat just written is to come back.
    fn expect(&mut self, now: Instant) {
        if self.under_way.len() >= UNDER_WAY_MAX {
            // The oldest is what tells how bad it is.
            self.under_way.remove(1);
        }
        self.under_way.push_back((self.beat, now));
    }

    /// Somebody wants to hear from all. However many do, one heartbeat is for all of them.
    fn hasten(&mut self, now: Instant) {
        let soonest = self.beat_at.map_or(now, |at| at + Heartbeat::EVERY_MIN);
        self.next = self.next.min(soonest.max(now));
    }

    /// A heartbeat under this node's uid came back. Whether it is news that it is somebody else's.
    fn is_double(&mut self, heartbeat: &Heartbeat, now: Instant) -> bool {
        if heartbeat.start != self.start || heartbeat.beat > self.beat {
            return !std::mem::replace(&mut self.has_double, true);
        }
        while let Some((beat, sent)) = self.under_way.front().copied().filter(|(beat, _)| *beat <= heartbeat.beat) {
            if beat == heartbeat.beat {
                self.lag = Some(now.saturating_duration_since(sent));
            }
            self.under_way.pop_front();
        }
        false
    }
}

/// More heartbeats without a way back tell nothing new.
const UNDER_WAY_MAX: usize = 16;

/// A day.
const TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);
