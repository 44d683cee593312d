//! A turn ends when its budget is spent, wherever that is, and goes on as if nothing had been.

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use engineio_proto::{Delivery, Encoded};
use fanfare_hub::{Emit, Expulsion, Hub, LaneConfig, MailboxConfig, Receipt, Target, Turn};
use socketio_codec::Namespace;

use crate::support::{Behaviour, Peer, World, cell, namespace, socket, take};

const ROOT: Namespace = Namespace::ROOT;
const PEERS: usize = 200;

fn everyone() -> Target {
    Target::everyone(ROOT)
}

fn world(budget: usize) -> (World, Vec<Arc<Peer>>) {
    let mut config = LaneConfig::default();
    config.turn_work_max = budget;
    let mut world = World::new(1);
    world.lanes = vec![world.hub.mailboxes()[0].lane(config)];
    let peers: Vec<_> = (0..PEERS).map(|_| Peer::new()).collect();
    for (number, peer) in (0..).zip(&peers) {
        world.connect(socket(number), &ROOT, peer);
    }
    world.run();
    (world, peers)
}

/// All turns that what waits takes, and how many messages each of them handed over.
fn turns(world: &mut World, peers: &[Arc<Peer>]) -> Vec<usize> {
    let mut ops = Vec::new();
    let _ = world.hub.mailboxes()[0].poll_drain(&mut Context::from_waker(Waker::noop()), &mut ops);
    let mut ops = ops.into_iter();
    let handed_to = |peer: &Peer| {
        let state = peer.state();
        state.messages + state.waiting.len()
    };
    let handed = || peers.iter().map(|peer| handed_to(peer)).sum::<usize>();
    let mut turns = Vec::new();
    loop {
        let before = handed();
        let turn = world.lanes[0].turn(&mut ops, Instant::now());
        turns.push(handed() - before);
        if turn == Turn::Done {
            return turns;
        }
        assert!(turns.len() < 100_000, "it never ends");
    }
}

#[test]
fn one_event_to_many_takes_several_turns() {
    let (mut world, peers) = world(4 * 30);
    let (outcome, complete) = cell();
    world.hub.emit(Emit {
        target: everyone(),
        encoded: Encoded::text("event"),
        delivery: Delivery::Reliable,
        receipt: Some(Receipt::collecting(complete)),
    });
    let turns = turns(&mut world, &peers);
    assert!(turns.len() >= PEERS / 30 && turns.iter().all(|handed| *handed <= 30), "{turns:?}");
    assert!(peers.iter().all(|peer| peer.take_received() == ["hello", "event"]));
    let outcome = take(&outcome);
    assert_eq!((outcome.queued, outcome.reached.len()), (PEERS, PEERS));
}

#[test]
fn looking_at_many_takes_several_turns() {
    let (mut world, peers) = world(4 * 30);
    let (found, complete) = cell();
    world.hub.fetch_sockets(everyone(), complete);
    let turns = turns(&mut world, &peers);
    assert!(turns.len() >= PEERS / 64, "{turns:?}");
    assert_eq!(take(&found).len(), PEERS);
}

#[test]
fn counting_many_takes_several_turns() {
    let (mut world, peers) = world(10);
    let (found, complete) = cell();
    world.hub.count_sockets(everyone().except_socket(socket(1)), complete);
    let turns = turns(&mut world, &peers);
    assert!(turns.len() >= PEERS / 40, "{turns:?}");
    assert_eq!(take(&found), PEERS - 1);
}

#[test]
fn naming_many_rooms_takes_several_turns() {
    let (mut world, peers) = world(4 * 30);
    let rooms = 1000;
    world.hub.join(Target::socket(ROOT, socket(3)), (0..rooms).map(|n| format!("room {n}").into()).collect());
    world.run();
    let (found, complete) = cell();
    world.hub.fetch_rooms(ROOT, usize::MAX, complete);
    let turns = turns(&mut world, &peers);
    assert!(turns.len() >= rooms / 120, "{turns:?}");
    let found = take(&found).expect("there is no bound");
    assert_eq!(found.len(), rooms);
    assert!(found.iter().all(|(_, members)| *members == 1));
}

#[test]
fn what_is_too_much_for_who_asks_is_not_gathered() {
    let (mut world, peers) = world(4 * 30);
    world.hub.join(everyone(), vec!["a room with a long name".into(), "b".into()]);
    world.run();
    for (bytes_max, is_found) in [(PEERS * 10, false), (PEERS * 200, true)] {
        let ((sockets, described), (ids, named), (rooms, listed)) = (cell(), cell(), cell());
        world.hub.fetch_sockets_within(everyone(), bytes_max, described);
        world.hub.fetch_ids_within(everyone(), bytes_max, named);
        world.hub.fetch_rooms(ROOT, bytes_max / 50, listed);
        let turns = turns(&mut world, &peers);
        assert!(is_found || turns.len() < PEERS / 64 + 1, "they look no further: {turns:?}");
        assert_eq!(take(&sockets).map(|found| found.len()), is_found.then_some(PEERS));
        assert_eq!(take(&ids).map(|found| found.len()), is_found.then_some(PEERS));
        assert_eq!(take(&rooms).map(|found| found.len()), is_found.then_some(2));
    }
}

#[test]
fn many_ops_take_several_turns() {
    let (mut world, peers) = world(4 * 30);
    for number in 0..50 {
        // No two of them can be joined.
        let target = if number % 2 == 0 { everyone() } else { everyone().except("nobody's") };
        world.emit(target, &format!("{number}"));
    }
    world.hub.expel(everyone().except_socket(socket(0)), Expulsion::Namespace);
    let turns = turns(&mut world, &peers);
    // Queueing is cheaper than sending.
    assert!(turns.iter().all(|handed| *handed <= 4 * 30), "{turns:?}");
    let numbers: Vec<String> = (0..50).map(|number| number.to_string()).collect();
    for (index, peer) in peers.iter().enumerate() {
        let mut received = peer.take_received().split_off(1);
        assert_eq!(if index == 0 { None } else { received.pop() }, (index > 0).then(|| "1".to_owned()));
        assert_eq!(received, numbers);
    }
    assert_eq!(world.len(), 1);
}

#[test]
fn a_large_event_costs_more_of_a_turn() {
    let (mut world, peers) = world(400);
    world.emit(everyone(), &"x".repeat(100 * 1024));
    let turns = turns(&mut world, &peers);
    assert!(turns.iter().all(|handed| *handed <= 4), "{turns:?}");
}

#[test]
fn a_turn_of_any_length_delivers_the_same() {
    let received = [1, 2, 5, 50, usize::MAX].map(|budget| {
        let (mut world, peers) = world(budget);
        for number in 0..60 {
            let target = match number % 5 {
                0 => everyone(),
                1 => everyone().to("even"),
                2 => everyone().except_socket(socket(number)),
                3 => Target::socket(ROOT, socket(number)).to("even"),
                _ => everyone().except("even").to(socket(7)).to(socket(8)),
            };
            world.emit(target, &format!("{number}"));
            if number == 10 {
                for member in (0..PEERS as u64).step_by(2) {
                    world.hub.join(Target::socket(ROOT, socket(member)), vec!["even".into()]);
                }
            }
            if number == 40 {
                world.hub.leave(everyone(), vec!["even".into()]);
                world.hub.disconnect(socket(9));
            }
        }
        turns(&mut world, &peers);
        peers.iter().map(|peer| peer.take_received()).collect::<Vec<_>>()
    });
    assert!(received.windows(2).all(|pair| pair[0] == pair[1]));
    assert!(received[0][0].len() > 20);
}

#[test]
fn a_lane_is_as_late_as_the_oldest_of_what_it_has_to_do() {
    fn clock() -> Instant {
        // The first look at it, whenever that is.
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        *START.get_or_init(Instant::now)
    }
    let hub = Hub::new(1.try_into().unwrap(), MailboxConfig::default()).with_clock(clock);
    let mailbox = &hub.mailboxes()[0];
    let later = |seconds| mailbox.lag(clock() + Duration::from_secs(seconds)).as_secs();
    let mut cx = Context::from_waker(Waker::noop());
    let mut ops = Vec::new();
    assert_eq!(later(9), 0);
    hub.disconnect(socket(1));
    hub.disconnect(socket(2));
    assert_eq!(later(2), 2);
    assert!(mailbox.poll_drain(&mut cx, &mut ops).is_ready());
    assert_eq!(later(3), 3, "it was taken, but not done");
    ops.clear();
    assert!(mailbox.poll_drain(&mut cx, &mut ops).is_pending());
    assert_eq!(later(9), 0);
}

#[test]
fn what_became_of_events_is_counted_with_or_without_a_receipt() {
    let mut world = World::new(3);
    let admin = namespace("/admin");
    let behaviours = [Behaviour::Reads, Behaviour::Reads, Behaviour::Stalls, Behaviour::Closed];
    for (number, behaviour) in (0..).zip(behaviours.iter().cycle().take(20)) {
        let peer = Peer::new();
        let namespace = if number < 16 { ROOT } else { admin.clone() };
        world.connect(socket(number), &namespace, &peer);
        world.run();
        peer.behave(*behaviour);
    }
    for _ in 0..3 {
        // Joined, and with some apart.
        world.emit(everyone(), "event");
        world.emit(everyone().except_socket(socket(0)), "event");
        world.hub.emit(Emit {
            target: Target::everyone(admin.clone()),
            encoded: Encoded::text("event"),
            delivery: Delivery::Volatile,
            receipt: None,
        });
        world.run();
    }
    world.emit(Target::everyone(namespace("/nobody")), "event");
    world.hub.disconnect(socket(1));
    world.run();
    let counts = world.hub.counts();
    let of = |namespace: &Namespace| {
        let counts = counts[namespace];
        (counts.members, counts.delivered, counts.dropped, counts.closed)
    };
    assert_eq!(of(&ROOT), (15, 3 * (12 + 11), 0, 3 * (4 + 4)));
    assert_eq!(of(&admin), (4, 3 * 2, 3, 3));
    assert_eq!(counts.len(), 2, "a namespace without sockets is none");
    for number in 0..20 {
        world.hub.disconnect(socket(number));
    }
    world.run();
    let after = world.hub.counts();
    assert!(after.values().all(|counts| counts.members == 0));
    assert_eq!(after[&ROOT].delivered, counts[&ROOT].delivered, "they do not go down");
}

#[test]
fn each_delivery_counts_once_for_how_long_it_took_whatever_the_turns() {
    fn clock() -> Instant {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        *START.get_or_init(Instant::now)
    }
    let (mut world, _peers) = world(4 * 30);
    world.hub = Hub::new(1.try_into().unwrap(), MailboxConfig::default()).with_clock(clock);
    let mut config = LaneConfig::default();
    config.turn_work_max = 64;
    let mut lane = world.hub.mailboxes()[0].lane(config);
    for number in 0..100 {
        world.connect(socket(number), &ROOT, &Peer::new());
    }
    for _ in 0..3 {
        world.emit(everyone(), "event");
        world.emit(everyone().except_socket(socket(0)), "event");
    }
    let (mut ops, mut turns) = (Vec::new(), 0);
    let mut cx = Context::from_waker(Waker::noop());
    let std::task::Poll::Ready(since) = world.hub.mailboxes()[0].poll_drain(&mut cx, &mut ops) else {
        panic!("nothing came")
    };
    assert_eq!(since, Some(clock()));
    let mut ops = ops.into_iter();
    loop {
        let turn = lane.turn(&mut ops, clock());
        turns += 1;
        lane.note_delivered(since, || clock() + Duration::from_millis(7));
        if turn == Turn::Done {
            break;
        }
    }
    assert!(turns > 3);
    let delivered = world.hub.counts()[&ROOT].delivered;
    assert_eq!((delivered, world.hub.delivery().count()), (597, 597));
    assert_eq!(world.hub.delivery().sum, Duration::from_millis(7 * 597));
}
