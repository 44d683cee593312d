//! What a lane promises beyond who is where: greetings, order, flushes, and nothing left behind.

use std::sync::Arc;

use engineio_proto::{Delivery, Encoded};
use fanfare_hub::{Emit, Expulsion, Hub, Lane, LaneConfig, MailboxConfig, Op, Target};
use socketio_codec::Namespace;

use crate::support::{Behaviour, Dice, Peer, World, namespace, socket};

const ROOT: Namespace = Namespace::ROOT;

fn everyone() -> Target {
    Target::everyone(ROOT)
}

#[test]
fn the_greeting_comes_before_any_broadcast_and_none_after_it_is_missed() {
    let mut world = World::new(2);
    let peer = Peer::new();
    world.emit(everyone(), "before");
    world.connect(socket(1), &ROOT, &peer);
    world.emit(everyone(), "after");
    world.run();
    assert_eq!(peer.take_received(), ["hello", "after"]);
}

#[test]
fn one_turn_flushes_each_touched_recipient_once() {
    let mut world = World::new(1);
    let peers = [Peer::new(), Peer::new(), Peer::new()];
    for (number, peer) in (0..).zip(&peers) {
        world.connect(socket(number), &ROOT, peer);
    }
    world.run();
    for _ in 0..16 {
        world.emit(everyone().except_socket(socket(2)), "tick");
    }
    world.run();
    assert_eq!(peers.each_ref().map(|peer| peer.state().flushes), [2, 2, 1]);
    assert_eq!(peers.each_ref().map(|peer| peer.state().received.len()), [17, 17, 1]);
}

#[test]
fn events_are_joined_that_are_for_the_same_sockets_and_small_and_nothing_else() {
    let others = || everyone().except("muted");
    let (small, large) = ("x".to_owned(), "x".repeat(4096));
    for (events, messages) in [
        (vec![(everyone(), &small); 16], 1),
        (vec![(others(), &small), (everyone(), &small), (everyone(), &small), (others(), &small)], 3),
        (vec![(everyone(), &small), (everyone(), &large), (everyone(), &small)], 3),
    ] {
        let mut world = World::new(1);
        let peer = Peer::new();
        world.connect(socket(1), &ROOT, &peer);
        world.run();
        let before = peer.state().messages;
        let count = events.len();
        events.into_iter().for_each(|(target, text)| world.emit(target, text));
        world.run();
        assert_eq!(peer.state().messages - before, messages);
        assert_eq!(peer.state().received.len(), 1 + count);
    }
}

#[test]
fn what_the_last_op_of_a_turn_drops_does_not_cost_what_was_queued_before_it() {
    let mut world = World::new(1);
    let peer = Peer::new();
    world.connect(socket(1), &ROOT, &peer);
    world.run();
    peer.take_received();
    peer.behave(Behaviour::Stalls);
    world.emit(everyone(), "kept");
    let (target, encoded) = (everyone(), Encoded::text("dropped"));
    world.hub.emit(Emit { target, encoded, delivery: Delivery::Volatile, receipt: None });
    world.run();
    assert_eq!(peer.take_received(), ["kept"]);
}

#[test]
fn a_long_turn_is_flushed_before_it_fills_outboxes() {
    let config = LaneConfig::default();
    for (len, events) in [(1, config.unflushed_emits_max), (config.unflushed_bytes_max / 4 + 1, 4)] {
        let mut world = World::new(1);
        let peer = Peer::new();
        world.connect(socket(1), &ROOT, &peer);
        for _ in 0..3 * events {
            world.emit(everyone(), &"x".repeat(len));
        }
        world.run();
        // The greeting went with the first part; the fourth flush had nothing left to do.
        assert_eq!(peer.state().flushes, 3, "events of {len} bytes");
        assert_eq!(peer.state().received.len(), 1 + 3 * events);
    }
}

#[test]
fn what_was_queued_on_a_socket_that_leaves_in_the_same_turn_is_flushed() {
    let mut world = World::new(1);
    let (leaver, newcomer) = (Peer::new(), Peer::new());
    world.connect(socket(1), &ROOT, &leaver);
    world.emit(everyone(), "bye");
    world.hub.disconnect(socket(1));
    // It takes the leaver's place in the lane.
    world.connect(socket(2), &ROOT, &newcomer);
    world.run();
    assert_eq!(leaver.take_received(), ["hello", "bye"]);
    assert_eq!(newcomer.take_received(), ["hello"]);
    assert_eq!((leaver.state().flushes, newcomer.state().flushes), (1, 1));
}

#[test]
fn a_sender_s_events_arrive_in_order_and_once_however_lanes_take_turns() {
    for seed in 0..20 {
        println!("seed {seed}");
        let mut dice = Dice(seed);
        let mut world = World::new(3);
        let peers: Vec<Arc<Peer>> = (0..20).map(|_| Peer::new()).collect();
        for (number, peer) in (0..).zip(&peers) {
            world.connect(socket(number), &ROOT, peer);
            world.hub.join(Target::socket(ROOT, socket(number)), vec!["a".into(), "b".into()]);
        }
        for number in 0..300 {
            let sender = dice.roll(4);
            let target = [everyone(), everyone().to("a").to("b")][dice.roll(2)].clone();
            world.emit(target, &format!("{sender} {number}"));
            if dice.one_in(5) {
                world.run_lane(dice.roll(3));
            }
        }
        world.run();
        let first = peers[0].take_received();
        assert_eq!(first.len(), 301);
        for sender in 0..4 {
            let numbers: Vec<u32> = first
                .iter()
                .filter_map(|text| text.strip_prefix(&format!("{sender} ")))
                .map(|number| number.parse().unwrap())
                .collect();
            assert!(numbers.is_sorted(), "sender {sender}: {numbers:?}");
        }
        assert!(peers[1..].iter().all(|peer| peer.take_received() == first));
    }
}

#[test]
fn a_room_of_the_same_name_in_another_namespace_is_another_room() {
    let mut world = World::new(2);
    let (here, there) = (Peer::new(), Peer::new());
    let admin = namespace("/admin");
    world.connect(socket(1), &ROOT, &here);
    world.connect(socket(2), &admin, &there);
    world.hub.join(Target::everyone(ROOT), vec!["room".into()]);
    world.hub.join(Target::everyone(admin.clone()), vec!["room".into()]);
    world.emit(Target::everyone(admin.clone()).to("room"), "there");
    world.emit(Target::everyone(admin).to(socket(1)), "nobody");
    world.run();
    assert_eq!(here.take_received(), ["hello"]);
    assert_eq!(there.take_received(), ["hello", "there"]);
}

#[test]
fn a_room_named_by_a_socket_reaches_it_and_whoever_joined() {
    let mut world = World::new(3);
    let peers = [Peer::new(), Peer::new(), Peer::new()];
    for (number, peer) in (0..).zip(&peers) {
        world.connect(socket(number), &ROOT, peer);
    }
    world.hub.join(Target::socket(ROOT, socket(1)), vec![socket(0).into()]);
    world.hub.leave(everyone(), vec![socket(0).into(), socket(2).into()]);
    world.hub.join(Target::socket(ROOT, socket(1)), vec![socket(0).into()]);
    world.emit(everyone().to(socket(0)), "room");
    world.emit(Target::socket(ROOT, socket(0)), "socket");
    world.emit(everyone().except(socket(0)), "except room");
    world.emit(everyone().except_socket(socket(0)), "except socket");
    world.run();
    assert_eq!(peers[0].take_received(), ["hello", "room", "socket"]);
    assert_eq!(peers[1].take_received(), ["hello", "room", "except socket"]);
    assert_eq!(peers[2].take_received(), ["hello", "except room", "except socket"]);
}

#[test]
fn an_expelled_socket_gets_its_farewell_and_nothing_more() {
    let mut world = World::new(2);
    let (expelled, stays) = (Peer::new(), Peer::new());
    world.connect(socket(1), &ROOT, &expelled);
    world.connect(socket(2), &ROOT, &stays);
    world.hub.expel(Target::socket(ROOT, socket(1)), Expulsion::Namespace);
    world.emit(everyone(), "later");
    // The session's own end of it comes when it comes.
    world.hub.disconnect(socket(1));
    world.run();
    assert_eq!(expelled.take_received(), ["hello", "1"]);
    assert_eq!(expelled.state().expelled, [(socket(1), Expulsion::Namespace)]);
    assert_eq!(stays.take_received(), ["hello", "later"]);
    assert_eq!(world.len(), 1);
}

#[test]
fn one_connection_has_a_socket_in_each_of_its_namespaces() {
    let mut world = World::new(4);
    let peer = Peer::new();
    let admin = namespace("/admin");
    world.connect(socket(1), &ROOT, &peer);
    world.connect(socket(2), &admin, &peer);
    world.emit(Target::everyone(admin.clone()), "admin");
    world.emit(everyone(), "root");
    world.hub.disconnect(socket(2));
    world.emit(Target::everyone(admin), "admin");
    world.run();
    let mut received = peer.take_received();
    received.sort();
    assert_eq!(received, ["admin", "hello", "hello", "root"]);
}

#[test]
fn ten_thousand_connects_and_disconnects_leave_nothing() {
    let mut world = World::new(2);
    let admin = namespace("/admin");
    for number in 0..10_000 {
        let namespace = if number % 3 == 0 { &admin } else { &ROOT };
        let target = Target::socket(namespace.clone(), socket(number));
        world.connect(socket(number), namespace, &Peer::new());
        world.hub.join(target, vec!["all".into(), format!("room {}", number % 7).as_str().into()]);
        world.emit(Target::everyone(namespace.clone()), "flap");
        world.hub.disconnect(socket(number));
        if number % 100 == 0 {
            world.run();
            assert!(world.is_empty(), "after {number}");
        }
    }
    world.run();
    assert!(world.is_empty());
}

#[test]
fn a_peer_is_let_go_with_its_last_socket() {
    let mut world = World::new(2);
    let peer = Peer::new();
    world.connect(socket(1), &ROOT, &peer);
    world.run();
    assert!(Arc::strong_count(&peer) > 1);
    world.emit(everyone(), "flush me");
    world.hub.disconnect(socket(1));
    world.run();
    assert_eq!(Arc::strong_count(&peer), 1);
}

#[test]
fn an_id_used_again_belongs_to_the_newer_socket() {
    let mut world = World::new(1);
    let (old, new) = (Peer::new(), Peer::new());
    world.connect(socket(1), &ROOT, &old);
    world.hub.join(everyone(), vec!["room".into()]);
    world.connect(socket(1), &ROOT, &new);
    world.emit(everyone(), "event");
    world.emit(everyone().to("room"), "nobody");
    world.run();
    assert_eq!(
        (old.take_received(), new.take_received()),
        (vec!["hello".into()], vec!["hello".into(), "event".into()])
    );
    assert_eq!(world.len(), 1);
}

#[test]
fn what_is_for_one_socket_goes_to_its_lane_only() {
    let hub = Hub::new(4.try_into().unwrap(), MailboxConfig::default());
    let id = socket(5);
    hub.emit(Emit {
        target: Target::socket(ROOT, id).except("room"),
        encoded: Encoded::text("reply"),
        delivery: Delivery::Reliable,
        receipt: None,
    });
    hub.join(Target::socket(ROOT, id), vec!["room".into()]);
    for (number, mailbox) in hub.mailboxes().iter().enumerate() {
        let mut turn = Vec::new();
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let _ = mailbox.poll_drain(&mut cx, &mut turn);
        assert_eq!(turn.len(), if number == hub.lane_of(id) { 2 } else { 0 });
    }
}

#[test]
fn an_op_is_small() {
    // A broadcast costs one of these per lane.
    assert!(size_of::<Op>() <= 24);
}

#[test]
fn the_parts_can_live_on_different_threads() {
    fn is_shared<T: Send + Sync>() {}
    fn is_moved<T: Send>() {}
    is_shared::<Hub>();
    is_moved::<Lane>();
    is_moved::<Op>();
    is_moved::<fanfare_hub::Client>();
    is_moved::<fanfare_hub::Acks>();
}

#[test]
fn a_lane_without_sockets_is_empty() {
    let lane = Lane::new(LaneConfig::default());
    assert!(lane.is_empty());
    assert_eq!(lane.len(), 0);
}
