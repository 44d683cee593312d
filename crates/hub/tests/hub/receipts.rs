//! A receipt is completed once, with everything, whatever becomes of the emit.

use std::sync::Arc;

use engineio_proto::{Delivery, Encoded};
use fanfare_hub::{Emit, Receipt, Target};
use socketio_codec::Namespace;

use crate::support::{Behaviour, Peer, World, cell, peek, socket, take};

fn emit(world: &World, delivery: Delivery, receipt: Receipt) {
    world.hub.emit(Emit {
        target: Target::everyone(Namespace::ROOT),
        encoded: Encoded::text("event"),
        delivery,
        receipt: Some(receipt),
    });
}

#[test]
fn it_is_completed_by_the_last_lane_and_not_before() {
    let mut world = World::new(3);
    let peers: Vec<Arc<Peer>> = (0..30).map(|_| Peer::new()).collect();
    for (number, peer) in (0..).zip(&peers) {
        world.connect(socket(number), &Namespace::ROOT, peer);
    }
    world.run();
    let (outcome, complete) = cell();
    emit(&world, Delivery::Reliable, Receipt::counting(complete));
    for lane in [2, 0] {
        world.run_lane(lane);
        assert_eq!(peek(&outcome), None);
    }
    world.run_lane(1);
    let outcome = take(&outcome);
    assert_eq!((outcome.queued, outcome.dropped, outcome.closed), (30, 0, 0));
    assert!(outcome.reached.is_empty(), "it only counts");
}

#[test]
fn every_socket_meant_is_counted_once_by_what_became_of_it() {
    let mut world = World::new(2);
    let behaviours = [Behaviour::Reads, Behaviour::Stalls, Behaviour::Closed];
    for number in 0..12 {
        let peer = Peer::new();
        world.connect(socket(number), &Namespace::ROOT, &peer);
        world.run();
        peer.behave(behaviours[number as usize % 3]);
    }
    let (outcome, complete) = cell();
    emit(&world, Delivery::Volatile, Receipt::collecting(complete));
    world.run();
    let mut outcome = take(&outcome);
    outcome.reached.sort();
    let mut reads = [0, 3, 6, 9].map(socket);
    reads.sort();
    assert_eq!((outcome.queued, outcome.dropped, outcome.closed), (4, 4, 4));
    assert_eq!(outcome.reached, reads);
}

#[test]
fn events_that_are_delivered_as_one_have_a_receipt_each() {
    let mut world = World::new(1);
    for (number, behaviour) in [Behaviour::Reads, Behaviour::Stalls, Behaviour::Closed].into_iter().enumerate() {
        let peer = Peer::new();
        world.connect(socket(number as u64), &Namespace::ROOT, &peer);
        world.run();
        peer.behave(behaviour);
    }
    let (counted, complete_counted) = cell();
    let (collected, complete_collected) = cell();
    emit(&world, Delivery::Reliable, Receipt::counting(complete_counted));
    emit(&world, Delivery::Reliable, Receipt::collecting(complete_collected));
    world.run();
    for outcome in [take(&counted), take(&collected)] {
        assert_eq!((outcome.queued, outcome.dropped, outcome.closed), (2, 0, 1));
        assert!([0, 2].contains(&outcome.reached.len()), "only where that was asked for");
    }
}

#[test]
fn it_is_completed_when_nobody_is_there() {
    let mut world = World::new(2);
    let (outcome, complete) = cell();
    emit(&world, Delivery::Reliable, Receipt::counting(complete));
    world.run();
    assert_eq!(take(&outcome).queued, 0);
}

#[test]
fn it_is_completed_when_a_lane_goes_away_without_reading() {
    let mut world = World::new(2);
    world.connect(socket(1), &Namespace::ROOT, &Peer::new());
    world.run();
    let (outcome, complete) = cell();
    emit(&world, Delivery::Reliable, Receipt::counting(complete));
    world.run_lane(world.hub.lane_of(socket(1)));
    assert_eq!(peek(&outcome), None);
    drop(world);
    assert_eq!(take(&outcome).queued, 1);
}

#[test]
fn its_completion_may_emit_again() {
    let mut world = World::new(2);
    let peer = Peer::new();
    world.connect(socket(1), &Namespace::ROOT, &peer);
    world.run();
    let (outcome, complete) = cell();
    emit(&world, Delivery::Reliable, Receipt::counting(complete));
    world.run();
    let answer = format!("recipients {}", take(&outcome).queued);
    world.emit(Target::socket(Namespace::ROOT, socket(1)), &answer);
    world.run();
    assert_eq!(peer.take_received(), ["hello", "event", "recipients 1"]);
}
