//! Fanfare nodes that tell each other what they sent, in virtual time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fanfare_cluster_proto::peers::{Event, Gone, Heartbeat, HeartbeatError, OnGap, Peers, PeersConfig};

#[test]
fn nodes_find_each_other_at_once() {
    let mut fleet = Fleet::new(3, OnGap::Count);
    fleet.pass(Duration::ZERO);
    for node in 0..3 {
        let appeared = |event: &Event| matches!(event, Event::Appeared { .. });
        assert_eq!(fleet.events(node).iter().filter(|event| appeared(event)).count(), 2);
        assert_eq!(fleet.nodes[node].peers(fleet.now).count(), 2);
    }
}

#[test]
fn who_hears_all_misses_nothing() {
    let mut fleet = Fleet::joined(2, OnGap::Reset);
    for _ in 0..100 {
        fleet.send(0, "/");
        fleet.send(1, "/chat");
        fleet.pass(Duration::from_millis(70));
    }
    assert!(fleet.events(0).is_empty() && fleet.events(1).is_empty());
    assert!(fleet.nodes[0].lag(fleet.now).unwrap() < Duration::from_secs(1));
}

#[test]
fn what_was_sent_and_not_heard_is_missed() {
    let mut fleet = Fleet::joined(2, OnGap::Count);
    fleet.send(0, "/");
    fleet.lose_next = 3;
    for _ in 0..5 {
        fleet.send(0, "/");
    }
    fleet.send(0, "/chat");
    fleet.pass(Duration::from_secs(1));
    assert_eq!(fleet.events(1), [missed("n0", "/", 3)]);
    fleet.send(0, "/");
    fleet.pass(Duration::from_secs(10));
    assert_eq!(fleet.events(1), [], "it is counted once");
    let peer = fleet.nodes[1].peers(fleet.now).next().unwrap();
    assert_eq!((peer.missed, peer.surplus, fleet.nodes[1].missed()), (3, 0, 3));
}

#[test]
fn lost_heartbeat_loses_no_count() {
    let mut fleet = Fleet::joined(2, OnGap::Count);
    fleet.send(0, "/");
    fleet.is_deaf[1] = true;
    fleet.send(0, "/");
    fleet.pass(Duration::from_millis(1_500));
    fleet.is_deaf[1] = false;
    fleet.send(0, "/");
    fleet.pass(Duration::from_secs(1));
    assert_eq!(fleet.events(1), [missed("n0", "/", 1)]);
}

#[test]
fn own_outage_makes_nobody_late_and_what_was_missed_is_counted() {
    let mut fleet = Fleet::joined(2, OnGap::Count);
    fleet.is_deaf[1] = true;
    fleet.nodes[1].handle_lost();
    (0..7).for_each(|_| fleet.send(0, "/"));
    fleet.pass(Duration::from_secs(60));
    assert_eq!(fleet.events(1), []);
    fleet.is_deaf[1] = false;
    fleet.nodes[1].handle_joined(Some(Duration::from_secs(60)), fleet.now);
    fleet.pass(Duration::from_millis(100));
    assert_eq!(fleet.events(1), [missed("n0", "/", 7)], "at once: a hello is answered");
}

#[test]
fn what_was_sent_before_is_not_missed() {
    let mut fleet = Fleet::new(2, OnGap::Count);
    fleet.is_deaf[1] = true;
    (0..9).for_each(|_| fleet.send(0, "/"));
    fleet.pass(Duration::from_secs(3));
    fleet.is_deaf[1] = false;
    fleet.nodes[1].handle_joined(None, fleet.now);
    fleet.pass(Duration::from_secs(3));
    assert_eq!(fleet.nodes[1].missed(), 0);
}

#[test]
fn namespace_that_is_served_later_begins_anew() {
    let mut fleet = Fleet::joined(2, OnGap::Count);
    fleet.nodes[1].unserve("/chat");
    (0..5).for_each(|_| fleet.send(0, "/chat"));
    fleet.pass(Duration::from_secs(2));
    fleet.nodes[1].serve(Arc::from("/chat"));
    fleet.pass(Duration::from_secs(2));
    assert_eq!(fleet.events(1), []);
    fleet.lose_next = 1;
    fleet.send(0, "/chat");
    fleet.pass(Duration::from_secs(1));
    assert_eq!(fleet.events(1), [missed("n0", "/chat", 1)]);
}

#[test]
fn silent_peer_is_late_and_then_gone_and_may_come_back() {
    let mut fleet = Fleet::joined(2, OnGap::Count);
    fleet.is_frozen[0] = true;
    fleet.pass(Duration::from_millis(2_600));
    assert_eq!(fleet.events(1), []);
    fleet.pass(Duration::from_millis(500));
    assert_eq!(fleet.events(1), [Event::Late { uid: "n0".into() }]);
    assert!(fleet.nodes[1].peers(fleet.now).all(|peer| peer.is_late));
    fleet.is_frozen[0] = false;
    fleet.pass(Duration::from_secs(1));
    assert_eq!(fleet.events(1), [Event::Back { uid: "n0".into() }]);
    fleet.is_frozen[0] = true;
    fleet.pass(Duration::from_secs(11));
    assert_eq!(fleet.events(1), [Event::Late { uid: "n0".into() }, gone("n0", None, Gone::Silent)]);
    fleet.is_frozen[0] = false;
    fleet.pass(Duration::from_secs(1));
    assert_eq!(fleet.events(1), [Event::Appeared { uid: "n0".into(), name: None }]);
}

#[test]
fn who_leaves_is_gone_at_once() {
    let mut fleet = Fleet::joined(2, OnGap::Count);
    let bye = fleet.nodes[0].bye(fleet.now);
    fleet.nodes[1].handle_heartbeat(&bye, fleet.now).unwrap();
    assert_eq!(fleet.events(1), [gone("n0", None, Gone::Left)]);
}

#[test]
fn restarted_peer_is_another_with_counts_of_its_own() {
    let mut fleet = Fleet::joined(1, OnGap::Count);
    let now = fleet.now;
    let name = || Some("berlin-1".to_owned());
    let hears = |fleet: &mut Fleet, uid: &str, start, beat, sent: u64| {
        let heartbeat = Heartbeat { name: name(), ..heartbeat(uid, start, beat, sent) };
        fleet.nodes[0].handle_heartbeat(&heartbeat.encode(), now).unwrap();
        fleet.events(0)
    };
    assert_eq!(hears(&mut fleet, "a", 1, 1, 500), [Event::Appeared { uid: "a".into(), name: name() }]);
    let anew = [gone("a", name(), Gone::Restarted), Event::Appeared { uid: "b".into(), name: name() }];
    assert_eq!(hears(&mut fleet, "b", 2, 1, 0), anew);
    assert_eq!(hears(&mut fleet, "b", 2, 2, 3), [missed("b", "/", 3)]);
    let same_uid = [gone("b", name(), Gone::Restarted), Event::Appeared { uid: "b".into(), name: name() }];
    assert_eq!(hears(&mut fleet, "b", 9, 1, 0), same_uid);
    assert_eq!(fleet.nodes[0].missed(), 3);
}

#[test]
fn old_heartbeats_say_nothing() {
    let mut fleet = Fleet::joined(1, OnGap::Count);
    for (beat, sent) in [(5, 10), (4, 0), (5, 999), (0, 7)] {
        fleet.nodes[0].handle_heartbeat(&heartbeat("a", 1, beat, sent).encode(), fleet.now).unwrap();
    }
    fleet.events(0);
    fleet.nodes[0].handle_heartbeat(&heartbeat("a", 1, 6, 11).encode(), fleet.now).unwrap();
    assert_eq!(fleet.events(0), [missed("a", "/", 1)]);
}

#[test]
fn what_is_heard_twice_is_surplus() {
    let mut fleet = Fleet::joined(1, OnGap::Count);
    fleet.nodes[0].handle_heartbeat(&heartbeat("a", 1, 1, 10).encode(), fleet.now).unwrap();
    (0..3).for_each(|_| fleet.nodes[0].handle_message("a", "/"));
    fleet.nodes[0].handle_heartbeat(&heartbeat("a", 1, 2, 11).encode(), fleet.now).unwrap();
    let peer = fleet.nodes[0].peers(fleet.now).next().unwrap();
    assert_eq!((peer.missed, peer.surplus), (0, 2));
}

#[test]
fn own_uid_of_somebody_else_is_said_once() {
    let mut fleet = Fleet::joined(1, OnGap::Count);
    for beat in 1..4 {
        fleet.nodes[0].handle_heartbeat(&heartbeat("n0", 77, beat, 0).encode(), fleet.now).unwrap();
    }
    assert_eq!(fleet.events(0), [Event::SameUid]);
}

#[test]
fn gap_resets_the_namespace_and_not_too_often() {
    let mut fleet = Fleet::joined(2, OnGap::Reset);
    let reset = || Event::Reset { namespace: Arc::from("/") };
    fleet.lose_next = 1;
    fleet.send(0, "/");
    fleet.pass(Duration::from_secs(1));
    assert_eq!(fleet.events(1), [missed("n0", "/", 1), reset()]);
    for _ in 0..2 {
        fleet.lose_next = 1;
        fleet.send(0, "/");
        fleet.pass(Duration::from_secs(1));
        assert_eq!(fleet.events(1), [missed("n0", "/", 1)]);
    }
    fleet.pass(Duration::from_secs(30));
    assert_eq!(fleet.events(1), [reset()], "what was missed meanwhile is not forgotten");
    fleet.pass(Duration::from_secs(60));
    assert_eq!(fleet.events(1), []);
}

#[test]
fn resets_of_one_namespace_do_not_overlap_however_long_they_take() {
    let now = Instant::now();
    let spread = Duration::from_secs(600);
    let config = PeersConfig { on_gap: OnGap::Reset, reset_spread: spread, ..PeersConfig::default() };
    let mut node = Peers::new(config, "n".into(), None, 1, now);
    node.serve(Arc::from("/"));
    let mut resets = Vec::new();
    for second in 0..2_000 {
        let now = now + Duration::from_secs(second);
        node.handle_dropped(None, &Arc::from("/"), now);
        // Served anew, while sockets that were there before are still being closed.
        if second == 100 {
            node.unserve("/");
            node.serve(Arc::from("/"));
        }
        node.handle_timeout(now);
        resets.extend(node.poll_event().map(|_| second));
    }
    assert_eq!(resets, [0, 630, 1260, 1890]);
}

#[test]
fn forged_heartbeats_are_bounded_in_what_they_make_known_and_keep_no_reset_from_it() {
    let now = Instant::now();
    let mut node = Peers::new(PeersConfig { on_gap: OnGap::Reset, ..PeersConfig::default() }, "n".into(), None, 1, now);
    node.serve(Arc::from("/"));
    node.handle_joined(None, now);
    for start in 1..50_000 {
        node.handle_heartbeat(&heartbeat("a", start, 1, 0).encode(), now).unwrap();
    }
    node.handle_heartbeat(&heartbeat("a", 49_999, 2, 1).encode(), now).unwrap();
    node.handle_timeout(now);
    let events: Vec<_> = std::iter::from_fn(|| node.poll_event()).collect();
    assert!(events.len() <= 4097, "{}", events.len());
    assert_eq!(events.last(), Some(&Event::Reset { namespace: Arc::from("/") }));
    assert_eq!((node.peers(now).count(), node.missed()), (1, 1));
}

#[test]
fn who_leaves_and_was_never_there_is_nobody() {
    let mut fleet = Fleet::joined(1, OnGap::Count);
    for number in 0..10 {
        let bye = Heartbeat { is_bye: true, ..heartbeat(&format!("p{number}"), 1, 1, 0) };
        fleet.nodes[0].handle_heartbeat(&bye.encode(), fleet.now).unwrap();
    }
    assert_eq!(fleet.events(0), []);
}

#[test]
fn newcomers_take_the_places_of_those_who_are_gone_and_never_of_those_who_are_there() {
    let start = Instant::now();
    let mut node = Peers::new(PeersConfig { peers_max: 4, ..PeersConfig::default() }, "n".into(), None, 1, start);
    node.handle_joined(None, start);
    let mut now = start;
    let mut beat = 0;
    for number in 0..400 {
        node.handle_heartbeat(&heartbeat(&format!("p{number}"), 1, 1, 0).encode(), now).unwrap();
        // One is there all the time; the others come and go.
        for _ in 0..12 {
            beat += 1;
            node.handle_heartbeat(&heartbeat("steady", 1, beat, 0).encode(), now).unwrap();
            now += Duration::from_secs(1);
            node.handle_timeout(now);
        }
        let there: Vec<_> = node.peers(now).map(|peer| peer.uid.to_owned()).collect();
        assert_eq!(there, ["steady"], "{number}");
    }
    assert_eq!(node.ignored(), 0);
}

#[test]
fn number_that_was_forged_is_believed_only_until_its_node_is_gone() {
    let mut fleet = Fleet::joined(2, OnGap::Count);
    let forged = Heartbeat { beat: Heartbeat::COUNT_MAX, ..heartbeat("n0", 100, 1, 5) };
    fleet.nodes[1].handle_heartbeat(&forged.encode(), fleet.now).unwrap();
    fleet.pass(Duration::from_secs(20));
    let appeared = Event::Appeared { uid: "n0".into(), name: None };
    assert_eq!(fleet.events(1).last(), Some(&appeared), "it is heard again");
    let before = fleet.nodes[1].missed();
    fleet.lose_next = 2;
    (0..3).for_each(|_| fleet.send(0, "/"));
    fleet.pass(Duration::from_secs(2));
    assert_eq!(fleet.nodes[1].missed() - before, 2);
}

#[test]
fn who_was_started_twice_under_one_name_is_known_twice_and_both_are_compared() {
    let mut fleet = Fleet::joined(1, OnGap::Count);
    let named = |uid: &str, start, beat, sent| {
        Heartbeat { name: Some("eu-1".into()), ..heartbeat(uid, start, beat, sent) }.encode()
    };
    for (uid, start, beat, sent) in
        [("old", 1, 1, 3), ("new", 2, 1, 0), ("old", 1, 2, 5), ("new", 2, 2, 1), ("old", 1, 3, 5)]
    {
        fleet.nodes[0].handle_heartbeat(&named(uid, start, beat, sent), fleet.now).unwrap();
    }
    assert_eq!(fleet.nodes[0].missed(), 3);
    assert_eq!(fleet.nodes[0].peers(fleet.now).count(), 2);
}

#[test]
fn who_hears_nothing_still_says_what_it_sends() {
    let mut fleet = Fleet::joined(2, OnGap::Count);
    fleet.nodes[0].handle_lost();
    fleet.is_deaf[0] = true;
    fleet.send(0, "/");
    fleet.pass(Duration::from_secs(30));
    assert_eq!(fleet.events(1), []);
    fleet.nodes[0].handle_down();
    fleet.pass(Duration::from_secs(4));
    assert_eq!(fleet.events(1), [Event::Late { uid: "n0".into() }]);
}

#[test]
fn own_outage_resets_all_since_nobody_counts_for_node_servers() {
    let mut fleet = Fleet::joined(2, OnGap::Reset);
    fleet.nodes[1].handle_lost();
    fleet.nodes[1].handle_joined(Some(Duration::from_millis(20)), fleet.now);
    fleet.pass(Duration::ZERO);
    assert_eq!(fleet.events(1).iter().filter(|event| matches!(event, Event::Reset { .. })).count(), 2);
    fleet.nodes[1].handle_lost();
    fleet.nodes[1].handle_joined(None, fleet.now);
    fleet.pass(Duration::from_secs(60));
    assert_eq!(fleet.events(1), [], "only the publisher was away");
}

#[test]
fn more_namespaces_than_a_heartbeat_holds_are_told_in_turn() {
    let now = Instant::now();
    let mut node = Peers::new(PeersConfig::default(), "n".into(), None, 1, now);
    node.handle_up(true, now);
    for number in 0..Heartbeat::NAMESPACES_MAX + 20 {
        node.handle_sent(&Arc::from(format!("/{number}")));
    }
    let mut named = std::collections::BTreeSet::new();
    for beat in 0..2 {
        let body = node.poll_heartbeat(now + Duration::from_secs(beat)).unwrap();
        let heartbeat = Heartbeat::decode(&body).unwrap();
        assert!(heartbeat.is_partial && heartbeat.sent.len() == Heartbeat::NAMESPACES_MAX);
        named.extend(heartbeat.sent.into_keys());
    }
    assert_eq!(named.len(), Heartbeat::NAMESPACES_MAX + 20);
}

#[test]
fn partial_heartbeat_says_nothing_of_what_it_does_not_name() {
    let mut fleet = Fleet::joined(1, OnGap::Count);
    let partial = |beat, sent| Heartbeat { is_partial: true, ..heartbeat("a", 1, beat, sent) };
    let hear = |fleet: &mut Fleet, heartbeat: Heartbeat| {
        fleet.nodes[0].handle_heartbeat(&heartbeat.encode(), fleet.now).unwrap();
    };
    hear(&mut fleet, partial(1, 5));
    fleet.nodes[0].handle_message("a", "/");
    hear(&mut fleet, Heartbeat { sent: [("/other".into(), 1)].into(), ..partial(2, 0) });
    hear(&mut fleet, partial(3, 7));
    assert_eq!(fleet.events(0)[1..], [missed("a", "/", 1)]);
}

#[test]
fn peers_are_bounded_and_strangers_cost_nothing() {
    let now = Instant::now();
    let mut node = Peers::new(PeersConfig { peers_max: 3, ..PeersConfig::default() }, "n".into(), None, 1, now);
    node.handle_joined(None, now);
    for number in 0..10 {
        node.handle_heartbeat(&heartbeat(&format!("p{number}"), 1, 1, 0).encode(), now).unwrap();
    }
    assert_eq!((node.peers(now).count(), node.ignored()), (3, 7));
    node.handle_message("emitter", "/");
    assert_eq!(node.handle_heartbeat(b"nonsense", now), Err(HeartbeatError::Malformed));
}

#[test]
fn hellos_do_not_make_it_beat_faster_than_it_may() {
    let mut fleet = Fleet::joined(1, OnGap::Count);
    let begin = fleet.now;
    let mut beats = 0;
    while fleet.now < begin + Duration::from_secs(1) {
        let hello = Heartbeat { is_hello: true, ..heartbeat("a", 1, 1, 0) };
        fleet.nodes[0].handle_heartbeat(&hello.encode(), fleet.now).unwrap();
        beats += usize::from(fleet.nodes[0].poll_heartbeat(fleet.now).is_some());
        fleet.now += Duration::from_millis(1);
    }
    assert!(beats <= 11, "{beats}");
}

#[test]
fn frozen_redis_is_lag() {
    let mut fleet = Fleet::joined(2, OnGap::Count);
    fleet.pass(Duration::from_secs(3));
    assert!(fleet.nodes[0].lag(fleet.now).unwrap() <= Duration::from_secs(1));
    fleet.is_deaf[0] = true;
    fleet.pass(Duration::from_secs(20));
    assert!(fleet.nodes[0].lag(fleet.now).unwrap() >= Duration::from_secs(19));
    fleet.nodes[0].handle_lost();
    assert_eq!(fleet.nodes[0].lag(fleet.now), None);
}

/// Whatever is lost, in whatever order nodes come, go and are cut off: who was there all the time has missed exactly what
/// was sent and did not reach it.
#[test]
fn what_is_missed_is_what_was_lost() {
    for seed in 0..500 {
        let mut dice = Dice(seed);
        let mut fleet = Fleet::joined(3, OnGap::Count);
        for _ in 0..60 {
            match dice.below(7) {
                0 => fleet.lose_next = dice.below(4),
                1 => {
                    let node = dice.below(3) as usize;
                    fleet.is_deaf[node] = true;
                    fleet.nodes[node].handle_lost();
                }
                2 => fleet.rejoin(),
                3 => fleet.pass(Duration::from_millis(dice.below(2_000))),
                _ => fleet.send(dice.below(3) as usize, ["/", "/chat"][dice.below(2) as usize]),
            }
        }
        fleet.lose_next = 0;
        fleet.rejoin();
        fleet.pass(Duration::from_secs(3));
        for node in 0..3 {
            assert_eq!(fleet.nodes[node].missed(), fleet.lost[node], "node {node}, seed {seed}");
            assert!(fleet.nodes[node].peers(fleet.now).all(|peer| peer.surplus == 0 && !peer.is_late));
        }
    }
}

/// Nodes on one Redis, which hands on at once what it does not lose.
struct Fleet {
    nodes: Vec<Peers>,
    is_deaf: Vec<bool>,
    is_frozen: Vec<bool>,
    /// So many messages to the other nodes are lost.
    lose_next: u64,
    /// What did not reach each node.
    lost: Vec<u64>,
    now: Instant,
}

impl Fleet {
    fn new(count: usize, on_gap: OnGap) -> Self {
        let now = Instant::now();
        let config = PeersConfig { on_gap, ..PeersConfig::default() };
        let node = |number: usize| {
            let mut node = Peers::new(config.clone(), format!("n{number}"), None, 100 + number as u64, now);
            node.serve(Arc::from("/"));
            node.serve(Arc::from("/chat"));
            node.handle_up(true, now);
            node.handle_joined(None, now);
            node
        };
        let nodes = (0..count).map(node).collect();
        let flags = vec![false; count];
        Self { nodes, is_deaf: flags.clone(), is_frozen: flags, lose_next: 0, lost: vec![0; count], now }
    }

    /// All know each other.
    fn joined(count: usize, on_gap: OnGap) -> Self {
        let mut fleet = Self::new(count, on_gap);
        fleet.pass(Duration::from_millis(300));
        (0..count).for_each(|node| drop(fleet.events(node)));
        fleet
    }

    fn rejoin(&mut self) {
        for node in 0..self.nodes.len() {
            if std::mem::take(&mut self.is_deaf[node]) {
                self.nodes[node].handle_joined(Some(Duration::from_secs(1)), self.now);
            }
        }
    }

    fn send(&mut self, from: usize, namespace: &str) {
        self.nodes[from].handle_sent(&Arc::from(namespace));
        let is_lost = self.lose_next > 0;
        self.lose_next = self.lose_next.saturating_sub(1);
        for to in (0..self.nodes.len()).filter(|to| *to != from) {
            if is_lost || self.is_deaf[to] {
                self.lost[to] += 1;
            } else {
                self.nodes[to].handle_message(&format!("n{from}"), namespace);
            }
        }
    }

    fn turn(&mut self) {
        let mut bodies: VecDeque<Vec<u8>> = VecDeque::new();
        loop {
            for node in (0..self.nodes.len()).filter(|node| !self.is_frozen[*node]) {
                self.nodes[node].handle_timeout(self.now);
                bodies.extend(self.nodes[node].poll_heartbeat(self.now));
            }
            if bodies.is_empty() {
                return;
            }
            for body in bodies.drain(..) {
                for node in (0..self.nodes.len()).filter(|node| !self.is_frozen[*node] && !self.is_deaf[*node]) {
                    self.nodes[node].handle_heartbeat(&body, self.now).expect("it is one");
                }
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        self.turn();
        loop {
            let awake = self.nodes.iter().zip(&self.is_frozen).filter(|(_, is_frozen)| !**is_frozen);
            let due = awake.filter_map(|(node, _)| node.poll_timeout()).min();
            let Some(due) = due.filter(|due| *due <= end) else { break };
            assert!(due > self.now, "a timeout moves it on");
            self.now = due;
            self.turn();
        }
        self.now = end;
        self.turn();
    }

    fn events(&mut self, node: usize) -> Vec<Event> {
        std::iter::from_fn(|| self.nodes[node].poll_event()).collect()
    }
}

#[test]
fn nodes_of_another_adapter_are_no_peers() {
    let now = Instant::now();
    for is_sharded in [false, true] {
        let config = PeersConfig { is_sharded, on_gap: OnGap::Reset, ..PeersConfig::default() };
        let mut node = Peers::new(config, "n".into(), None, 1, now);
        node.serve(Arc::from("/"));
        node.handle_joined(None, now);
        node.handle_up(true, now);
        assert_eq!(Heartbeat::decode(&node.poll_heartbeat(now).unwrap()).unwrap().is_sharded, is_sharded);
        for (beat, sent) in [(1, 0), (2, 5)] {
            let other = Heartbeat { is_sharded: !is_sharded, ..heartbeat("other", 1, beat, sent) };
            node.handle_heartbeat(&other.encode(), now).unwrap();
        }
        assert_eq!((node.peers(now).count(), node.missed(), node.poll_event()), (0, 0, None));
        let same = Heartbeat { is_sharded, ..heartbeat("same", 1, 1, 0) };
        node.handle_heartbeat(&same.encode(), now).unwrap();
        assert_eq!(node.peers(now).count(), 1);
    }
}

fn heartbeat(uid: &str, start: u64, beat: u64, sent: u64) -> Heartbeat {
    Heartbeat {
        version: Heartbeat::VERSION,
        uid: uid.into(),
        name: None,
        start,
        beat,
        every: Duration::from_secs(1),
        sent: [("/".into(), sent)].into(),
        is_sharded: false,
        is_partial: false,
        is_hello: false,
        is_bye: false,
    }
}

fn missed(uid: &str, namespace: &str, count: u64) -> Event {
    Event::Missed { uid: uid.into(), namespace: Arc::from(namespace), count }
}

fn gone(uid: &str, name: Option<String>, how: Gone) -> Event {
    Event::Gone { uid: uid.into(), name, how }
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
