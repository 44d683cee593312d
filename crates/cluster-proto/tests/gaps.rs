//! What is lost between nodes, wherever it is lost, is missed and nothing else is: the queue of each node and what it tells the
//! others, over a Redis that stands still, cuts off and is slow, in virtual time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fanfare_cluster_proto::outgoing::{Outgoing, OutgoingConfig, Pipeline, Publication};
use fanfare_cluster_proto::peers::{Event, OnGap, Peers, PeersConfig};

#[test]
fn what_waited_too_long_is_missed_by_all() {
    let mut fleet = Fleet::joined(3);
    fleet.cut(0);
    (0..5).for_each(|_| fleet.publish(0, "/"));
    fleet.pass(Duration::from_secs(4));
    assert_eq!((fleet.missed(1), fleet.missed(2)), (0, 0), "it cannot be known yet");
    fleet.publish(0, "/");
    fleet.mend(0);
    fleet.pass(Duration::from_secs(2));
    assert_eq!((fleet.missed(1), fleet.missed(2)), (5, 5), "the sixth had not waited too long");
    assert_eq!(fleet.nodes[0].missed_by_others(), 5);
    assert_eq!(fleet.resets(1), [("/".to_owned(), 1)]);
}

#[test]
fn who_was_away_for_longer_than_it_is_waited_for_still_says_what_it_lost() {
    for minutes in [1, 30] {
        let mut fleet = Fleet::joined(2);
        fleet.cut(0);
        (0..7).for_each(|_| fleet.publish(0, "/chat"));
        fleet.pass(Duration::from_secs(60 * minutes));
        assert_eq!(fleet.nodes[1].peers.peers(fleet.now).count(), 0, "it is gone");
        fleet.mend(0);
        fleet.pass(Duration::from_secs(2));
        assert_eq!((fleet.missed(1), fleet.resets(1)), (7, vec![("/chat".to_owned(), 1)]));
        assert_eq!(fleet.nodes[1].peers.peers(fleet.now).next().map(|peer| peer.missed), Some(7));
    }
}

#[test]
fn who_is_away_for_hours_is_forgotten_and_begins_anew() {
    let mut fleet = Fleet::joined(2);
    fleet.cut(0);
    fleet.publish(0, "/");
    fleet.pass(Duration::from_secs(60 * 70));
    fleet.mend(0);
    fleet.pass(Duration::from_secs(2));
    assert_eq!((fleet.missed(1), fleet.nodes[1].peers.peers(fleet.now).count()), (0, 1));
}

#[test]
fn what_there_is_no_room_for_is_missed_by_all_and_what_waits_is_not() {
    let mut fleet = Fleet::joined(2);
    fleet.stall(0);
    // The queue takes some twenty; the rest is dropped, while the first ones wait and are heard later.
    (0..50).for_each(|_| fleet.publish(0, "/"));
    fleet.pass(Duration::from_millis(1_500));
    fleet.mend(0);
    fleet.pass(Duration::from_secs(2));
    let heard = fleet.nodes[1].heard;
    assert!((10..40).contains(&heard), "{heard}");
    assert_eq!(fleet.missed(1), 50 - heard);
    assert_eq!(fleet.surplus(1), 0, "nothing that waited was counted before it went");
}

#[test]
fn what_the_receiver_has_no_room_for_is_missed_once() {
    let mut fleet = Fleet::joined(3);
    fleet.nodes[1].room = 3;
    (0..10).for_each(|_| fleet.publish(0, "/"));
    fleet.pass(Duration::from_secs(3));
    assert_eq!((fleet.missed(1), fleet.missed(2)), (7, 0), "at that node alone");
    assert_eq!(fleet.resets(1), [("/".to_owned(), 1)]);
    assert_eq!(fleet.resets(2), []);
    // Of a Node server, which counts nothing.
    fleet.nodes[2].peers.handle_dropped(Some("emitter"), &Arc::from("/chat"), fleet.now);
    fleet.nodes[2].peers.handle_dropped(None, &Arc::from("/not-served"), fleet.now);
    fleet.pass(Duration::from_secs(3));
    assert_eq!((fleet.missed(2), fleet.nodes[2].peers.missed_unnamed()), (2, 2));
    assert_eq!(fleet.resets(2), [("/chat".to_owned(), 1)]);
}

#[test]
fn questions_and_answers_are_missed_by_nobody_else() {
    let mut fleet = Fleet::joined(2);
    fleet.cut(0);
    let question = Publication { counted: Some(Arc::from("/")), ..Publication::new(false, "c", "q") };
    fleet.nodes[0].outgoing.push(question, fleet.now);
    fleet.pass(Duration::from_secs(5));
    fleet.mend(0);
    fleet.pass(Duration::from_secs(5));
    assert_eq!((fleet.missed(1), fleet.nodes[0].outgoing.counts().lost.iter().sum::<u64>()), (0, 1));
}

#[test]
fn who_leaves_says_what_it_could_not_send_and_nothing_after_it() {
    let mut fleet = Fleet::joined(2);
    fleet.publish(0, "/");
    fleet.pass(Duration::from_millis(10));
    fleet.nodes[0].outgoing.push(message("/"), fleet.now);
    let now = fleet.now;
    let node = &mut fleet.nodes[0];
    node.outgoing.give_up();
    node.tell_dropped();
    let bye = Publication::new(false, "heartbeats", node.peers.bye(now));
    let last = node.outgoing.append(None, bye, now).unwrap();
    fleet.deliver(0, last);
    assert_eq!(fleet.missed(1), 1);
    fleet.pass(Duration::from_secs(30));
    assert_eq!(fleet.nodes[1].peers.peers(fleet.now).count(), 0, "and it is not there again");
    assert_eq!(fleet.nodes[0].peers.poll_heartbeat(fleet.now), None);
    assert_eq!(fleet.missed(1), 1);
}

#[test]
fn node_that_starts_anew_is_no_gap() {
    let mut fleet = Fleet::joined(2);
    (0..9).for_each(|_| fleet.publish(0, "/"));
    fleet.pass(Duration::from_secs(1));
    for start in 0..3 {
        fleet.restart(0, start);
        (0..start).for_each(|_| fleet.publish(0, "/"));
        fleet.pass(Duration::from_secs(20));
    }
    assert_eq!((fleet.missed(1), fleet.resets(1)), (0, vec![]));
}

#[test]
fn where_messages_keep_no_order_nothing_is_compared() {
    let mut fleet = Fleet::joined(2);
    let now = fleet.now;
    fleet.nodes[0].peers.handle_up(false, now);
    for _ in 0..20 {
        fleet.publish(0, "/");
        fleet.pass(Duration::from_millis(300));
    }
    assert_eq!((fleet.missed(1), fleet.surplus(1)), (0, 0));
}

/// A clone sends under this node's uid: neither hears the other, and the one that beats less often would not see it by heartbeats.
#[test]
fn more_own_messages_than_were_sent_are_somebody_elses() {
    let mut fleet = Fleet::joined(1);
    for _ in 0..5 {
        fleet.publish(0, "/");
        fleet.pass(Duration::from_secs(1));
    }
    assert!(!fleet.events(0).contains(&Event::SameUid));
    fleet.nodes[0].peers.handle_own();
    fleet.pass(Duration::from_secs(2));
    assert_eq!(fleet.events(0), [Event::SameUid]);
    fleet.nodes[0].peers.handle_own();
    fleet.pass(Duration::from_secs(60));
    assert_eq!(fleet.events(0), [], "not each time");
    fleet.pass(Duration::from_secs(600));
    fleet.nodes[0].peers.handle_own();
    fleet.pass(Duration::from_secs(2));
    assert_eq!(fleet.events(0), [Event::SameUid], "but again");
}

/// Whatever is dropped where, in whatever order nodes are cut off, stalled, start anew, and have no room: who was there all
/// the time has missed exactly what others published and it did not take; and nothing is reset that missed nothing.
#[test]
fn what_is_missed_is_what_did_not_arrive() {
    for seed in 0..400 {
        let mut dice = Dice(seed);
        let mut fleet = Fleet::joined(3);
        for _ in 0..80 {
            let node = dice.below(3) as usize;
            match dice.below(12) {
                0 => fleet.cut(node),
                1 => fleet.stall(node),
                2 | 3 => fleet.mend(node),
                4 => fleet.nodes[node].room = dice.below(4),
                5 => fleet.nodes[node].room = u64::MAX,
                6 => fleet.pass(Duration::from_secs(dice.below(40))),
                7 => fleet.pass(Duration::from_millis(dice.below(3_000))),
                _ => fleet.publish(node, ["/", "/chat"][dice.below(2) as usize]),
            }
        }
        (0..3).for_each(|node| fleet.mend(node));
        fleet.nodes.iter_mut().for_each(|node| node.room = u64::MAX);
        fleet.pass(Duration::from_secs(60));
        for node in 0..3 {
            let published: u64 = (0..3).filter(|other| *other != node).map(|other| fleet.nodes[other].published).sum();
            let (missed, heard) = (fleet.missed(node), fleet.nodes[node].heard);
            assert_eq!(missed + heard, published, "node {node}, seed {seed}");
            assert_eq!(fleet.surplus(node), 0, "node {node}, seed {seed}");
            assert_eq!(missed > 0, !fleet.resets(node).is_empty(), "node {node}, seed {seed}");
        }
    }
}

/// A node: its queue, and what it knows of the others.
struct Node {
    uid: String,
    outgoing: Outgoing,
    peers: Peers,
    way: Way,
    /// How many messages it has room for, and took.
    room: u64,
    heard: u64,
    published: u64,
    events: Vec<Event>,
}

/// The way between a node and Redis.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Well,
    /// Its publisher is gone. What it hears it hears.
    Cut,
    /// What it sends is not replied to, and arrives when the way is mended.
    Stalled,
}

struct Fleet {
    nodes: Vec<Node>,
    /// What arrives when the way is mended.
    held: BTreeMap<usize, Vec<Pipeline>>,
    now: Instant,
}

impl Node {
    fn new(uid: String, start: u64, now: Instant) -> Self {
        // So that they are not closed for what is no part of this.
        let config = PeersConfig { on_gap: OnGap::Reset, reset_rest: Duration::ZERO, ..PeersConfig::default() };
        let outgoing = OutgoingConfig {
            bytes_max: 5_000,
            pipelines_max: 1,
            reply_timeout: Duration::from_secs(3600 * 24),
            ..OutgoingConfig::default()
        };
        let mut node = Self {
            outgoing: Outgoing::new(outgoing),
            peers: Peers::new(config, uid.clone(), None, start, now),
            way: Way::Well,
            room: u64::MAX,
            heard: 0,
            published: 0,
            events: Vec::new(),
            uid,
        };
        node.peers.serve(Arc::from("/"));
        node.peers.serve(Arc::from("/chat"));
        node.outgoing.handle_up();
        node.peers.handle_up(true, now);
        node.peers.handle_joined(None, now);
        node
    }

    fn tell_dropped(&mut self) {
        while let Some((namespace, messages)) = self.outgoing.poll_dropped() {
            self.peers.handle_unsent(&namespace, messages);
        }
    }

    fn missed_by_others(&self) -> u64 {
        self.outgoing.counts().lost.iter().sum()
    }

    /// What goes now, as a driver does it.
    fn turn(&mut self, now: Instant) -> Vec<Pipeline> {
        assert!(!self.outgoing.handle_timeout(now));
        self.peers.handle_timeout(now);
        let mut pipelines = Vec::new();
        loop {
            let taken = self.outgoing.take(now);
            self.tell_dropped();
            for publication in taken.iter().flat_map(|pipeline| &pipeline.publications) {
                publication.counted.iter().for_each(|namespace| self.peers.handle_sent(namespace));
            }
            let pipeline = match self.peers.poll_heartbeat(now) {
                None => taken,
                Some(body) => self.outgoing.append(taken, Publication::new(false, "heartbeats", body), now),
            };
            let Some(pipeline) = pipeline else { return pipelines };
            pipelines.push(pipeline);
        }
    }

    fn due(&self) -> Option<Instant> {
        [self.outgoing.poll_timeout(), self.peers.poll_timeout()].into_iter().flatten().min()
    }
}

impl Fleet {
    /// All know each other, and have compared once.
    fn joined(count: usize) -> Self {
        let now = Instant::now();
        let node = |number: usize| Node::new(format!("n{number}"), 100, now);
        let mut fleet = Self { nodes: (0..count).map(node).collect(), held: BTreeMap::new(), now };
        fleet.pass(Duration::from_secs(3));
        (0..count).for_each(|node| drop(fleet.events(node)));
        fleet
    }

    fn restart(&mut self, node: usize, start: u64) {
        self.nodes[node] = Node::new(format!("n{node}-{start}"), 200 + start, self.now);
        // Whoever starts does not speak before the others know it: what it says before is its own.
        self.pass(Duration::from_secs(1));
    }

    fn publish(&mut self, from: usize, namespace: &str) {
        self.nodes[from].published += 1;
        let _ = self.nodes[from].outgoing.push(message(namespace), self.now);
    }

    fn cut(&mut self, node: usize) {
        self.held.remove(&node);
        let it = &mut self.nodes[node];
        it.way = Way::Cut;
        it.outgoing.handle_down();
        it.peers.handle_down();
    }

    fn stall(&mut self, node: usize) {
        if self.nodes[node].way == Way::Well {
            self.nodes[node].way = Way::Stalled;
        }
    }

    fn mend(&mut self, node: usize) {
        if self.nodes[node].way == Way::Cut {
            self.nodes[node].outgoing.handle_up();
            self.nodes[node].peers.handle_up(true, self.now);
        }
        self.nodes[node].way = Way::Well;
        for pipeline in self.held.remove(&node).unwrap_or_default() {
            self.deliver(node, pipeline);
        }
    }

    fn deliver(&mut self, from: usize, pipeline: Pipeline) {
        let sender = self.nodes[from].uid.clone();
        for publication in pipeline.publications {
            for (to, node) in self.nodes.iter_mut().enumerate() {
                match &publication.counted {
                    None if publication.channel == "heartbeats" => {
                        node.peers.handle_heartbeat(&publication.body, self.now).expect("it is one");
                    }
                    None => {}
                    Some(_) if to == from => node.peers.handle_own(),
                    Some(namespace) => {
                        node.peers.handle_message(&sender, namespace);
                        match node.room.checked_sub(1) {
                            Some(room) => {
                                node.heard += 1;
                                node.room = if node.room == u64::MAX { node.room } else { room };
                            }
                            None => node.peers.handle_dropped(Some(&sender), namespace, self.now),
                        }
                    }
                }
            }
        }
        self.nodes[from].outgoing.handle_published(pipeline.number, 0);
    }

    fn turn(&mut self) {
        loop {
            let mut is_done = true;
            for node in 0..self.nodes.len() {
                for pipeline in self.nodes[node].turn(self.now) {
                    is_done = false;
                    match self.nodes[node].way {
                        Way::Stalled => self.held.entry(node).or_default().push(pipeline),
                        _ => self.deliver(node, pipeline),
                    }
                }
                let node = &mut self.nodes[node];
                node.events.extend(std::iter::from_fn(|| node.peers.poll_event()));
            }
            if is_done {
                return;
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        self.turn();
        while let Some(due) = self.nodes.iter().filter_map(Node::due).min().filter(|due| *due <= end) {
            assert!(due >= self.now, "a timeout moves it on");
            self.now = due;
            self.turn();
        }
        self.now = end;
        self.turn();
    }

    fn missed(&self, node: usize) -> u64 {
        self.nodes[node].peers.missed()
    }

    fn surplus(&self, node: usize) -> u64 {
        self.nodes[node].peers.surplus()
    }

    fn events(&mut self, node: usize) -> Vec<Event> {
        std::mem::take(&mut self.nodes[node].events)
    }

    /// How often each namespace was reset.
    fn resets(&self, node: usize) -> Vec<(String, usize)> {
        let mut resets = BTreeMap::new();
        for event in &self.nodes[node].events {
            if let Event::Reset { namespace } = event {
                *resets.entry(namespace.to_string()).or_default() += 1;
            }
        }
        resets.into_iter().collect()
    }
}

fn message(namespace: &str) -> Publication {
    let namespace: Arc<str> = Arc::from(namespace);
    let missed = Some(Arc::clone(&namespace));
    let body = Bytes::from(vec![b'x'; 100]);
    Publication { counted: Some(namespace), missed, ..Publication::new(false, "events", body) }
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ word >> 31) % bound
    }
}
