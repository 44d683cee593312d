//! All other Fanfare nodes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::event::{Event, Events, Gone};
use super::heartbeat::{Heartbeat, HeartbeatError};
use super::me::Me;
use super::peer::{Identity, Peer, Presence};
use super::resets::Resets;

/// Times and bounds of [`Peers`].
#[derive(Debug, Clone)]
pub struct PeersConfig {
    /// Whether this node speaks as the sharded adapter does. Of who speaks otherwise it hears nothing but heartbeats, which are
    /// for others.
    pub is_sharded: bool,
    /// How often this node says how much it sent. What is missed is known so much later at most.
    pub every: Duration,
    /// How many others are kept, those included that are gone and may come back. More are not compared.
    pub peers_max: usize,
    /// What is done where something was missed.
    pub on_gap: OnGap,
    /// Over how long its sockets are closed then.
    pub reset_spread: Duration,
    /// How long a namespace rests after that.
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
/// A loss is one wherever it happens: what a sender drops it counts as sent ([`handle_unsent`](Peers::handle_unsent)), so
/// every other node misses it; what a receiver has no room for it counts as missed ([`handle_dropped`](Peers::handle_dropped)).
///
/// While the link is lost nobody is late. What was said meanwhile is missed, and is known at the next heartbeats. So it is
/// with a peer whose own way was lost, for however long it is remembered.
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
    events: Events,
    missed: u64,
    unnamed: u64,
    surplus: u64,
    ignored: u64,
}

impl Default for PeersConfig {
    fn default() -> Self {
        Self {
            is_sharded: false,
            every: Duration::from_secs(1),
            peers_max: 1024,
            on_gap: OnGap::Count,
            reset_spread: Duration::ZERO,
            reset_rest: Duration::from_secs(30),
        }
    }
}

impl Peers {
    /// Nobody yet. `uid`: as whom this node sends, new at each start; `start`: when that was, in milliseconds since 1970.
    pub fn new(mut config: PeersConfig, uid: String, name: Option<String>, start: u64, now: Instant) -> Self {
        config.every = config.every.clamp(Heartbeat::EVERY_MIN, Heartbeat::EVERY_MAX);
        let mut me = Me::new(uid, name, start, now);
        me.is_sharded = config.is_sharded;
        Self {
            resets: Resets::new(config.reset_spread.min(TIME_MAX), config.reset_rest.min(TIME_MAX)),
            config,
            me,
            served: Vec::new(),
            peers: HashMap::new(),
            look: None,
            is_joined: false,
            is_up: false,
            events: Events::default(),
            missed: 0,
            unnamed: 0,
            surplus: 0,
            ignored: 0,
        }
    }

    /// A namespace is served from now on: its channels are subscribed. What was sent before this is called is nothing that was
    /// missed; where it was called already nothing changes.
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
        self.me.joined(now);
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
        self.me.lost();
    }

    /// There is a connection to publish on ([`Link::publisher`](crate::connection::Link::publisher)): also while this node
    /// hears nothing it tells the others what it sent. `keeps_order`: whether what is published there keeps its order over
    /// all channels; else a heartbeat says nothing of what came before it, and does not count it.
    pub fn handle_up(&mut self, keeps_order: bool, now: Instant) {
        self.is_up = true;
        self.me.up(keeps_order, now);
    }

    /// There is none any more.
    pub fn handle_down(&mut self) {
        self.is_up = false;
    }

    /// A message goes to Redis that every node hears: it is in a pipeline which is sent before the next heartbeat is written.
    pub fn handle_sent(&mut self, namespace: &Arc<str>) {
        self.me.sent(namespace);
    }

    /// So many messages were dropped that were to go to Redis: no other node will hear them, and each is to know.
    pub fn handle_unsent(&mut self, namespace: &Arc<str>, messages: u64) {
        self.me.count(namespace, messages);
    }

    /// A message was heard that every node hears, before anything else is decided about it.
    pub fn handle_message(&mut self, uid: &str, namespace: &str) {
        if let Some(peer) = self.peers.get_mut(uid) {
            peer.hear(namespace);
        }
    }

    /// One of this node's own came back, of those that every node hears.
    pub fn handle_own(&mut self) {
        self.me.hear();
    }

    /// A message was heard, and dropped because there was no room for it. `uid`: whose it was, if that is known.
    pub fn handle_dropped(&mut self, uid: Option<&str>, namespace: &Arc<str>, now: Instant) {
        self.missed = self.missed.saturating_add(1);
        match uid.and_then(|uid| self.peers.get_mut(uid)) {
            Some(peer) => peer.missed = peer.missed.saturating_add(1),
            None => self.unnamed = self.unnamed.saturating_add(1),
        }
        if self.config.on_gap == OnGap::Reset && self.served.contains(namespace) {
            self.resets.want(namespace, now);
        }
    }

    /// The heartbeat to be sent now, if one is due.
    pub fn poll_heartbeat(&mut self, now: Instant) -> Option<Vec<u8>> {
        if !self.is_up || self.me.due().is_none_or(|due| due > now) {
            return None;
        }
        let heartbeat = self.me.heartbeat(self.config.every, now);
        if self.is_joined {
            self.me.expect(now);
        }
        Some(heartbeat.encode())
    }

    /// The last heartbeat: this node leaves. There is none after it.
    pub fn bye(&mut self, now: Instant) -> Vec<u8> {
        self.me.bye(self.config.every, now).encode()
    }

    /// A heartbeat was heard.
    pub fn handle_heartbeat(&mut self, body: &[u8], now: Instant) -> Result<(), HeartbeatError> {
        let heartbeat = Heartbeat::decode(body)?;
        if heartbeat.uid == self.me.uid {
            if self.me.is_double(&heartbeat, now) {
                self.events.push(Event::SameUid);
            }
            return Ok(());
        }
        if heartbeat.is_sharded != self.config.is_sharded {
            return Ok(());
        }
        if heartbeat.is_hello {
            self.me.hasten(now);
        }
        match self.peers.get(&heartbeat.uid).map(|peer| peer.identity(&heartbeat)) {
            Some(Identity::Same) => self.beat(&heartbeat, now),
            Some(Identity::Another) => {
                self.remove(&heartbeat.uid, Gone::Restarted);
                self.appear(&heartbeat, now);
            }
            // Who leaves and was never there is nobody.
            None if heartbeat.is_bye => {}
            None => self.appear(&heartbeat, now),
        }
        if heartbeat.is_bye {
            self.remove(&heartbeat.uid, Gone::Left);
        }
        Ok(())
    }

    /// When [`handle_timeout`](Peers::handle_timeout) or [`poll_heartbeat`](Peers::poll_heartbeat) is to be called, if ever.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let beat = self.is_up.then(|| self.me.due()).flatten();
        let look = self.look.filter(|_| self.is_joined);
        [beat, look, self.resets.poll_timeout()].into_iter().flatten().min()
    }

    /// Looks who is late or gone, and whether clients are to fetch anew.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.is_joined && self.look.is_some_and(|look| look <= now) {
            self.look_around(now);
        }
        while let Some(namespace) = self.resets.next(now) {
            self.events.push(Event::Reset { namespace });
        }
    }

    /// What is to be done or known next, if anything is.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// The others.
    pub fn peers(&self, now: Instant) -> impl Iterator<Item = PeerView<'_>> {
        let there = self.peers.iter().filter(|(_, peer)| peer.presence != Presence::Gone);
        there.map(move |(uid, peer)| PeerView {
            uid,
            name: peer.name.as_deref(),
            is_late: peer.presence == Presence::Late,
            silence: peer.silence(now),
            missed: peer.missed,
            surplus: peer.surplus,
        })
    }

    /// How long a message takes to Redis and back, by the last heartbeat that came back, or the one that does not.
    pub fn lag(&self, now: Instant) -> Option<Duration> {
        self.me.lag(now)
    }

    /// How many messages were missed of all that ever were peers, and of whoever else.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// How many of these are of no Fanfare node that was known then: they were heard, and there was no room for them.
    pub fn missed_unnamed(&self) -> u64 {
        self.unnamed
    }

    /// How many messages came twice, or after they had been counted as missed.
    pub fn surplus(&self) -> u64 {
        self.surplus
    }

    /// How many heartbeats came of nodes that there was no place for.
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    fn appear(&mut self, heartbeat: &Heartbeat, now: Instant) {
        self.replace(heartbeat);
        if self.peers.len() >= self.config.peers_max && !self.forget_one() {
            self.ignored = self.ignored.saturating_add(1);
            return;
        }
        let peer = Peer::new(heartbeat, &self.served, now);
        self.look = self.look.into_iter().chain([peer.due()]).min();
        self.events.push(Event::Appeared { uid: heartbeat.uid.clone(), name: peer.name.clone() });
        self.peers.insert(heartbeat.uid.clone(), peer);
    }

    /// Who was started later under the same name is the same node anew. Should the older one still be there, it will say so.
    fn replace(&mut self, heartbeat: &Heartbeat) {
        let before = self.peers.iter_mut().find(|(_, peer)| peer.was_before(heartbeat));
        if let Some((uid, peer)) = before {
            peer.leave();
            self.events.push(Event::Gone { uid: uid.clone(), name: peer.name.clone(), how: Gone::Restarted });
        }
    }

    /// Makes room, if one of them is gone: the one that has been for the longest.
    fn forget_one(&mut self) -> bool {
        let gone = self.peers.iter().filter(|(_, peer)| peer.presence == Presence::Gone);
        let Some(uid) = gone.min_by_key(|(_, peer)| peer.heard_at()).map(|(uid, _)| uid.clone()) else { return false };
        self.peers.remove(&uid).is_some()
    }

    fn beat(&mut self, heartbeat: &Heartbeat, now: Instant) {
        let Some(peer) = self.peers.get_mut(&heartbeat.uid) else { return };
        let (missed, surplus) = (peer.missed, peer.surplus);
        let (events, resets, on_gap) = (&mut self.events, &mut self.resets, self.config.on_gap);
        let before = peer.beat(heartbeat, now, |namespace, count| {
            events.push(Event::Missed { uid: heartbeat.uid.clone(), namespace: namespace.clone(), count });
            if on_gap == OnGap::Reset {
                resets.want(namespace, now);
            }
        });
        self.missed = self.missed.saturating_add(peer.missed - missed);
        self.surplus = self.surplus.saturating_add(peer.surplus - surplus);
        // It may beat faster from now on.
        self.look = self.look.into_iter().chain([peer.due()]).min();
        match before {
            None | Some(Presence::Here) => {}
            Some(Presence::Late) => self.events.push(Event::Back { uid: heartbeat.uid.clone() }),
            Some(Presence::Gone) => {
                self.events.push(Event::Appeared { uid: heartbeat.uid.clone(), name: peer.name.clone() });
            }
        }
    }

    /// For good.
    fn remove(&mut self, uid: &str, how: Gone) {
        if let Some(peer) = self.peers.remove(uid).filter(|peer| peer.presence != Presence::Gone) {
            self.events.push(Event::Gone { uid: uid.to_owned(), name: peer.name, how });
        }
    }

    fn look_around(&mut self, now: Instant) {
        let due = self.peers.iter_mut().filter(|(_, peer)| peer.due() <= now);
        let mut forgotten = Vec::new();
        for (uid, peer) in due {
            if peer.presence == Presence::Here {
                peer.presence = Presence::Late;
                // Nobody may have looked for long.
                if peer.due() > now {
                    self.events.push(Event::Late { uid: uid.clone() });
                    continue;
                }
            }
            match peer.presence {
                Presence::Gone => forgotten.push(uid.clone()),
                _ => {
                    peer.leave();
                    self.events.push(Event::Gone { uid: uid.clone(), name: peer.name.clone(), how: Gone::Silent });
                }
            }
        }
        forgotten.iter().for_each(|uid| drop(self.peers.remove(uid)));
        self.resets.tidy(now);
        self.look = self.peers.values().map(Peer::due).min();
    }
}

/// A day.
const TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);
