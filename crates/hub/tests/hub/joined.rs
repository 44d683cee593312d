//! Events from several senders to everyone else are delivered as one, to each what is for it.

use std::sync::Arc;
use std::time::Instant;

use engineio_proto::{Delivery, Encoded};
use fanfare_hub::{Emit, LaneConfig, Receipt, Target};
use socketio_codec::Namespace;

use crate::support::{Behaviour, Dice, Peer, World, cell, socket, take};

const ROOT: Namespace = Namespace::ROOT;

fn others(sender: u64) -> Target {
    Target::everyone(ROOT).except_socket(socket(sender))
}

fn crowd(world: &mut World, peers: u64) -> Vec<Arc<Peer>> {
    let peers: Vec<_> = (0..peers).map(|_| Peer::new()).collect();
    for (number, peer) in (0..).zip(&peers) {
        world.connect(socket(number), &ROOT, peer);
    }
    world.run();
    peers.iter().for_each(|peer| drop(peer.take_received()));
    peers
}

fn messages(peers: &[Arc<Peer>]) -> Vec<usize> {
    peers.iter().map(|peer| std::mem::take(&mut peer.state().messages)).collect()
}

#[test]
fn events_to_all_but_their_senders_are_one_message_for_each() {
    let mut world = World::new(1);
    let peers = crowd(&mut world, 20);
    messages(&peers);
    for sender in 0..10 {
        world.emit(others(sender), &format!("from {sender}"));
    }
    world.emit(Target::everyone(ROOT), "for all");
    world.run();
    assert_eq!(messages(&peers), [1; 20]);
    for (number, peer) in (0..).zip(&peers) {
        let mut expected: Vec<_> =
            (0..10).filter(|sender| *sender != number).map(|sender| format!("from {sender}")).collect();
        expected.push("for all".to_owned());
        assert_eq!(peer.take_received(), expected);
    }
}

#[test]
fn whoever_sent_all_of_them_gets_nothing() {
    let mut world = World::new(1);
    let peers = crowd(&mut world, 3);
    messages(&peers);
    for number in 0..5 {
        world.emit(others(1), &format!("{number}"));
    }
    world.emit(others(2), "the last");
    world.run();
    assert_eq!(messages(&peers), [1, 1, 1]);
    assert_eq!(peers[1].take_received(), ["the last"]);
    assert_eq!(peers[2].take_received(), ["0", "1", "2", "3", "4"]);
}

#[test]
fn only_what_differs_in_one_socket_each_is_joined() {
    let room = || Target::everyone(ROOT).to("room");
    for (targets, expected) in [
        (vec![others(1), others(2)], 1),
        (vec![others(1).except_socket(socket(2)), others(3)], 2),
        (vec![others(1).except_socket(socket(2)), others(1).except_socket(socket(2))], 1),
        (vec![others(1), room().except_socket(socket(1))], 2),
        (vec![room().except_socket(socket(1)), room(), room().except_socket(socket(2))], 1),
        (vec![room().except("a").except_socket(socket(1)), room().except_socket(socket(2))], 2),
    ] {
        let mut world = World::new(1);
        let peers = crowd(&mut world, 4);
        world.hub.join(Target::everyone(ROOT), vec!["room".into()]);
        world.run();
        messages(&peers);
        let what = format!("{targets:?}");
        targets.into_iter().for_each(|target| world.emit(target, "event"));
        world.run();
        assert_eq!(messages(&peers)[0], expected, "{what}");
    }
}

#[test]
fn each_event_has_its_own_receipt() {
    let mut world = World::new(1);
    let peers = crowd(&mut world, 6);
    peers[4].behave(Behaviour::Closed);
    peers[2].behave(Behaviour::Closed);
    let outcomes: Vec<_> = (1..4)
        .map(|sender| {
            let (outcome, complete) = cell();
            let receipt = Some(Receipt::collecting(complete));
            let (encoded, delivery) = (Encoded::text("event"), Delivery::Reliable);
            world.hub.emit(Emit { target: others(sender), encoded, delivery, receipt });
            outcome
        })
        .collect();
    world.run();
    for (sender, outcome) in (1..4).zip(outcomes) {
        let mut outcome = take(&outcome);
        outcome.reached.sort();
        let closed = if sender == 2 { 1 } else { 2 };
        let mut reached: Vec<_> = [0, 1, 3, 5].into_iter().filter(|n| *n != sender).map(socket).collect();
        reached.sort();
        assert_eq!((outcome.queued, outcome.closed), (reached.len(), closed), "from {sender}");
        assert_eq!(outcome.reached, reached);
    }
}

/// Against the slow version: each event to each of its recipients, one after the other.
#[test]
fn whatever_is_joined_each_gets_what_is_for_it_in_order() {
    for seed in 0..200 {
        println!("seed {seed}");
        let mut dice = Dice(seed);
        let mut world = World::new(1);
        let mut config = LaneConfig::default();
        config.turn_work_max = 1 + dice.roll(40);
        config.unflushed_emits_max = 1 + dice.roll(20);
        world.lanes = vec![world.hub.mailboxes()[0].lane(config)];
        let peers = crowd(&mut world, 8);
        let mut expected = vec![Vec::new(); peers.len()];
        let in_room = |number: usize| !number.is_multiple_of(3);
        for number in (0..peers.len()).filter(|number| in_room(*number)) {
            world.hub.join(Target::socket(ROOT, socket(number as u64)), vec!["room".into()]);
        }
        for number in 0..60 {
            let sender = dice.roll(10);
            let (is_room, is_except, is_large) = (dice.one_in(4), !dice.one_in(4), dice.one_in(9));
            let mut target = Target::everyone(ROOT);
            if is_room {
                target = target.to("room");
            }
            if is_except {
                target = target.except_socket(socket(sender as u64));
            }
            let text = if is_large { format!("{number}{}", "x".repeat(3000)) } else { format!("{number}") };
            for (index, expected) in expected.iter_mut().enumerate() {
                if (!is_room || in_room(index)) && !(is_except && index == sender) {
                    expected.push(text.clone());
                }
            }
            world.emit(target, &text);
        }
        let mut ops = Vec::new();
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(world.hub.mailboxes()[0].poll_drain(&mut cx, &mut ops).is_ready());
        let mut ops = ops.into_iter();
        while world.lanes[0].turn(&mut ops, Instant::now()) == fanfare_hub::Turn::Spent {}
        for (peer, expected) in peers.iter().zip(expected) {
            assert_eq!(peer.take_received(), expected);
        }
    }
}
