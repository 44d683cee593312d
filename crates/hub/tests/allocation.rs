//! Delivering to a recipient allocates nothing, and a socket takes few bytes. In a file of its own, since the
//! counting allocator is that of the whole program.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};

use allocation_counter::measure;
use engineio_proto::{CloseReason, Delivery, Encoded, Queued, Recipient};
use fanfare_hub::{
    Connect, Emit, Expulsion, Hub, Lane, LaneConfig, MailboxConfig, Op, Owner, Receipt, SocketId, Target,
};
use socketio_codec::Namespace;

const ROOT: Namespace = Namespace::ROOT;

/// Counts, and keeps nothing.
#[derive(Default)]
struct Counter {
    queued: AtomicUsize,
    flushes: AtomicUsize,
}

impl Recipient for Counter {
    fn queue(&self, _: &Encoded, _: Delivery) -> Queued {
        self.queued.fetch_add(1, Ordering::Relaxed);
        Queued::Fresh
    }

    fn flush(&self) {
        self.flushes.fetch_add(1, Ordering::Relaxed);
    }

    fn close(&self, _: CloseReason) {}
}

impl Owner for Counter {
    fn expelled(&self, _: SocketId, _: Expulsion) {}
}

fn socket(number: u64) -> SocketId {
    let mut random = [0; 15];
    random[..8].copy_from_slice(&number.to_be_bytes());
    SocketId::from_random(random)
}

fn hub() -> Hub {
    Hub::new(1.try_into().expect("one is not zero"), MailboxConfig::default())
}

fn connect(hub: &Hub, number: u64, counter: &Arc<Counter>) {
    let (recipient, owner) = (Arc::clone(counter) as _, Arc::clone(counter) as _);
    hub.connect(Connect { socket: socket(number), namespace: ROOT, recipient, owner }, None);
}

/// Lets a lane do what a hub wants of it.
fn run(hub: &Hub, lane: &mut Lane) {
    let mut turn = Vec::new();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(hub.mailboxes()[0].poll_drain(&mut cx, &mut turn).is_ready());
    turn.drain(..).for_each(|op| lane.handle(op));
    lane.flush();
}

fn emit(target: Target, receipt: Option<Receipt>) -> Op {
    Op::from(Emit { target, encoded: Encoded::text("event"), delivery: Delivery::Reliable, receipt })
}

/// A lane whose sockets are all in room `a`, every other in `b`, every tenth in `c`.
fn crowd(sockets: u64, counter: &Arc<Counter>) -> Lane {
    let hub = hub();
    let mut lane = hub.mailboxes()[0].lane(LaneConfig::default());
    for number in 0..sockets {
        connect(&hub, number, counter);
        // So that the list of those to flush has not grown by chance.
        run(&hub, &mut lane);
    }
    hub.join(Target::everyone(ROOT), vec!["a".into()]);
    for number in (0..sockets).step_by(2) {
        let rooms = if number % 10 == 0 { vec!["b".into(), "c".into()] } else { vec!["b".into()] };
        hub.join(Target::socket(ROOT, socket(number)), rooms);
    }
    run(&hub, &mut lane);
    lane
}

#[test]
fn a_broadcast_allocates_nothing_per_recipient() {
    let counter = Arc::new(Counter::default());
    let mut lane = crowd(1000, &counter);
    let everyone = || Target::everyone(ROOT);
    for (target, recipients) in [
        (everyone(), 1000),
        (everyone().except_socket(socket(7)), 999),
        (everyone().to("a").to("b").to("c").except("c"), 900),
        (everyone().to(socket(3)).to("b"), 501),
        (Target::socket(ROOT, socket(3)), 1),
    ] {
        let before = counter.queued.load(Ordering::Relaxed);
        let flushes = counter.flushes.load(Ordering::Relaxed);
        let op = || emit(target.clone(), Some(Receipt::counting(|_| ())));
        // Sent at the end of a turn; queued and flushed, when something else comes behind it; and joined with others,
        // for which they are copied once, into one buffer.
        let (alone, queued, joined) = (op(), op(), [op(), op(), op()]);
        let allocated = measure(|| {
            lane.handle(alone);
            lane.flush();
            lane.handle(queued);
            lane.handle(Op::Disconnect(socket(100_000)));
            lane.flush();
        });
        assert_eq!(allocated.count_total, 0, "for {recipients} recipients");
        let allocated = measure(|| {
            joined.into_iter().for_each(|op| lane.handle(op));
            lane.flush();
        });
        assert_eq!(allocated.count_total, 2, "for {recipients} recipients");
        assert_eq!(counter.queued.load(Ordering::Relaxed) - before, 3 * recipients);
        assert_eq!(counter.flushes.load(Ordering::Relaxed) - flushes, 3 * recipients);
    }
}

#[test]
fn events_that_cannot_be_joined_are_flushed_before_an_outbox_grows() {
    /// Notes how many messages it was made to keep.
    #[derive(Default)]
    struct Outbox {
        waiting: AtomicUsize,
        most: AtomicUsize,
    }
    impl Recipient for Outbox {
        fn queue(&self, _: &Encoded, _: Delivery) -> Queued {
            let waiting = self.waiting.fetch_add(1, Ordering::Relaxed) + 1;
            self.most.fetch_max(waiting, Ordering::Relaxed);
            if waiting == 1 { Queued::Fresh } else { Queued::Behind }
        }
        fn flush(&self) {
            self.waiting.store(0, Ordering::Relaxed);
        }
        fn close(&self, _: CloseReason) {}
    }
    impl Owner for Outbox {
        fn expelled(&self, _: SocketId, _: Expulsion) {}
    }
    let (hub, outbox) = (hub(), Arc::new(Outbox::default()));
    let mut lane = hub.mailboxes()[0].lane(LaneConfig::default());
    let (recipient, owner) = (Arc::clone(&outbox) as _, Arc::clone(&outbox) as _);
    hub.connect(Connect { socket: socket(1), namespace: ROOT, recipient, owner }, None);
    run(&hub, &mut lane);
    for number in 0..64 {
        let target = Target::everyone(ROOT).except(if number % 2 == 0 { "one" } else { "another" });
        lane.handle(emit(target, None));
    }
    lane.flush();
    // What an outbox keeps its memory for, `CAPACITY_KEPT` in `engineio-proto`.
    assert_eq!(outbox.most.load(Ordering::Relaxed), 32);
}

#[test]
fn events_to_all_but_their_senders_allocate_for_each_sender_and_for_nobody_else() {
    for (senders, recipients) in [(2, 100), (2, 1000), (16, 1000)] {
        let counter = Arc::new(Counter::default());
        let mut lane = crowd(recipients, &counter);
        let others = |sender| emit(Target::everyone(ROOT).except_socket(socket(sender)), None);
        let ops: Vec<Op> = (0..senders).map(others).collect();
        let before = counter.queued.load(Ordering::Relaxed);
        let allocated = measure(|| {
            ops.into_iter().for_each(|op| lane.handle(op));
            lane.flush();
        });
        assert_eq!(counter.queued.load(Ordering::Relaxed) - before, recipients as usize);
        // Of two events, what the sender of one gets is the other, as it is.
        let for_senders = if senders > 2 { 2 * senders } else { 0 };
        assert_eq!(allocated.count_total, 2 + for_senders, "{senders} senders, {recipients} recipients");
    }
}

#[test]
fn collecting_who_was_reached_costs_the_same_few_allocations_for_many_as_for_few() {
    let allocations = [10, 1000, 10_000].map(|sockets| {
        let mut lane = crowd(sockets, &Arc::default());
        let receipt = Receipt::collecting(|outcome| assert!(outcome.queued > 0));
        let op = emit(Target::everyone(ROOT), Some(receipt));
        let allocated = measure(|| {
            lane.handle(op);
            lane.flush();
        });
        allocated.count_total
    });
    assert_eq!(allocations, [2; 3]);
}

#[test]
fn a_socket_in_no_room_takes_at_most_a_few_hundred_bytes() {
    const SOCKETS: u64 = 9_000;
    let counter = Arc::new(Counter::default());
    let hub = hub();
    let mut lane = hub.mailboxes()[0].lane(LaneConfig::default());
    let allocated = measure(|| {
        for number in 0..SOCKETS {
            connect(&hub, number, &counter);
            run(&hub, &mut lane);
        }
    });
    let each = allocated.bytes_current as u64 / SOCKETS;
    println!("{each} bytes for each of {SOCKETS} sockets");
    // 130 are in use; tables that double are half empty at worst.
    assert!(each < 280, "{each} bytes each");
}

#[test]
fn the_memory_of_a_crowd_is_given_back_when_most_of_it_has_gone() {
    let counter = Arc::new(Counter::default());
    let mut few = None;
    let with_few = measure(|| few = Some(crowd(100, &counter))).bytes_current;
    let mut lane = None;
    let allocated = measure(|| {
        let mut crowded = crowd(10_000, &counter);
        // Rooms of their own, too, and those who stay are the oldest, the newest, and some between.
        let hub = hub();
        for number in 0..10_000 {
            hub.join(Target::socket(ROOT, socket(number)), vec![format!("room of {number}").into()]);
        }
        run(&hub, &mut crowded);
        for number in (0..10_000).filter(|number| (number + 1) % 100 != 0) {
            crowded.handle(Op::Disconnect(socket(number)));
        }
        crowded.flush();
        assert_eq!(crowded.len(), 100);
        lane = Some(crowded);
    });
    // Each of them is in one room more than the few.
    let (few, many) = (with_few as u64, allocated.bytes_current as u64);
    println!("{few} bytes for 100 sockets, {many} for the 100 that are left of 10,000");
    assert!(many < 3 * few, "{many} bytes, beside {few}");
    // And they are found, in their rooms and by their numbers.
    let mut lane = lane.expect("it was made");
    let before = counter.queued.load(Ordering::Relaxed);
    for number in (0..10_000).filter(|number| (number + 1) % 100 == 0) {
        let target = Target::everyone(ROOT).to(format!("room of {number}"));
        lane.handle(emit(target, None));
    }
    lane.flush();
    assert_eq!(counter.queued.load(Ordering::Relaxed) - before, 100);
    for number in 0..10_000 {
        lane.handle(Op::Disconnect(socket(number)));
    }
    assert!(lane.is_empty());
}

#[test]
fn all_memory_is_given_back_with_the_last_socket_and_lane() {
    let counter = Arc::new(Counter::default());
    let allocated = measure(|| {
        let mut lane = crowd(1000, &counter);
        for number in 0..1000 {
            lane.handle(Op::Disconnect(socket(number)));
        }
        assert!(lane.is_empty());
    });
    assert_eq!(allocated.bytes_current, 0);
}
