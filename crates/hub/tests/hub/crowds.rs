//! Who sends faster than others read waits for them; nobody waits for those that do not read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use engineio_proto::{Backlog, CloseReason, Delivery, Encoded, Queued, Recipient};
use fanfare_hub::{
    Allowance, Command, Connect, CrowdConfig, Expulsion, Hub, Lane, LaneConfig, MailboxConfig, Op, Owner, SocketId,
    Target, Turn,
};
use socketio_codec::{Arguments, EventName, Namespace};

use crate::flow::drain;
use crate::support::socket;

const ROOT: Namespace = Namespace::ROOT;
/// What a reader's outbox takes.
const OUTBOX: usize = 4 << 20;
const MS: Duration = Duration::from_millis(1);

/// A client that reads as fast as the test says.
#[derive(Default)]
struct Reader {
    waiting: AtomicUsize,
    sent: AtomicU64,
    is_closed: std::sync::atomic::AtomicBool,
}

impl Reader {
    fn read(&self, bytes: usize) {
        let read = bytes.min(self.waiting.load(Ordering::Relaxed));
        self.waiting.fetch_sub(read, Ordering::Relaxed);
        self.sent.fetch_add(read as u64, Ordering::Relaxed);
    }

    fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }
}

impl Recipient for Reader {
    fn queue(&self, encoded: &Encoded, _: Delivery) -> Queued {
        if self.is_closed() || self.waiting() + encoded.len() > OUTBOX {
            self.is_closed.store(true, Ordering::Relaxed);
            return Queued::Closed;
        }
        match self.waiting.fetch_add(encoded.len(), Ordering::Relaxed) {
            0 => Queued::Fresh,
            before if before > OUTBOX / 2 => Queued::Crowded,
            _ => Queued::Behind,
        }
    }

    fn flush(&self) {}

    fn backlog(&self) -> Backlog {
        Backlog { bytes: self.waiting(), sent: self.sent.load(Ordering::Relaxed) }
    }

    fn close(&self, _: CloseReason) {}
}

impl Owner for Reader {
    fn expelled(&self, _: SocketId, _: Expulsion) {}
}

struct World {
    hub: Hub,
    lane: Lane,
    now: Instant,
    readers: Vec<Arc<Reader>>,
}

impl World {
    fn new(readers: u64) -> Self {
        let mut mailboxes = MailboxConfig::default();
        mailboxes.session_work_max = 4000;
        let hub = Hub::new(1.try_into().expect("not zero"), mailboxes);
        let mut config = LaneConfig::default();
        config.crowd = CrowdConfig::default();
        let lane = hub.mailboxes()[0].lane(config);
        let readers: Vec<_> = (0..readers).map(|_| Arc::new(Reader::default())).collect();
        for (number, reader) in (0..).zip(&readers) {
            let (recipient, owner) = (Arc::clone(reader) as _, Arc::clone(reader) as _);
            hub.connect(Connect { socket: socket(number), namespace: ROOT, recipient, owner }, None);
        }
        let mut world = Self { hub, lane, now: Instant::now(), readers };
        world.turn();
        world
    }

    /// Everything that waits, and the timer.
    fn turn(&mut self) {
        let ops: Vec<Op> = drain(&self.hub, 0);
        let mut ops = ops.into_iter();
        while self.lane.turn(&mut ops, self.now) == Turn::Spent {}
    }

    fn emit(&self, target: Target, bytes: usize, by: &Arc<Allowance>) {
        let name = EventName::new("event").expect("it is a name");
        let arguments = Arguments::serialize(&("x".repeat(bytes),)).expect("text is JSON");
        let (id, delivery, receipt) = (None, Delivery::Reliable, None);
        self.hub
            .apply(Command::Emit { target, name: name.raw(), arguments: &arguments, id, delivery, receipt }, Some(by));
    }

    /// A millisecond in which a sender sends as fast as it may, and each reader reads so many bytes. How much was sent.
    fn millisecond(&mut self, by: &Arc<Allowance>, reads: &[usize]) -> usize {
        let mut sent = 0;
        for _ in 0..20 {
            if is_ready(by) {
                self.emit(Target::everyone(ROOT), 1000, by);
                sent += 1;
            }
            self.turn();
        }
        for (reader, bytes) in self.readers.iter().zip(reads) {
            reader.read(*bytes);
        }
        self.pass(MS);
        sent * 1000
    }

    /// Sends until too much waits, and the sender with it.
    fn crowd(&mut self, by: &Arc<Allowance>) {
        for _ in 0..OUTBOX / 1000 {
            if !is_ready(by) {
                return;
            }
            self.emit(Target::everyone(ROOT), 1000, by);
            self.turn();
        }
        panic!("nothing is held");
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        if self.lane.poll_timeout().is_some_and(|due| due <= self.now) {
            self.lane.handle_timeout(self.now);
        }
    }
}

fn is_ready(allowance: &Allowance) -> bool {
    allowance.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready()
}

#[test]
fn a_sender_is_slowed_to_the_pace_of_those_that_read() {
    // 20 MB/s, and two readers of 5 and 8.
    let mut world = World::new(2);
    let by = world.hub.allowance();
    // Until half of an outbox is full, it sends as it likes.
    for _ in 0..500 {
        world.millisecond(&by, &[5_000, 8_000]);
    }
    let sent: usize = (0..1500).map(|_| world.millisecond(&by, &[5_000, 8_000])).sum();
    assert!(world.readers.iter().all(|reader| !reader.is_closed()));
    let rate = sent * 2 / 3;
    assert!((4_000_000..6_000_000).contains(&rate), "{rate} bytes a second");
}

#[test]
fn who_does_not_read_slows_nobody_and_is_closed() {
    let mut world = World::new(2);
    let by = world.hub.allowance();
    let sent: usize = (0..1000).map(|_| world.millisecond(&by, &[100_000, 0])).sum();
    assert!(world.readers[1].is_closed() && !world.readers[0].is_closed());
    // A second at 20 MB/s, but for the 0.4 s in which it was not known yet whether it reads.
    assert!(sent > 11_500_000, "{sent} bytes");
    assert!(world.lane.poll_timeout().is_none(), "nobody waits for it");
}

#[test]
fn who_reads_next_to_nothing_does_not_count_as_reading() {
    let mut world = World::new(2);
    let by = world.hub.allowance();
    // 100 kB/s.
    let sent: usize = (0..1000).map(|_| world.millisecond(&by, &[100_000, 100])).sum();
    assert!(world.readers[1].is_closed());
    assert!(sent > 11_500_000, "{sent} bytes");
}

/// A tenth of the time at the pace of those that are waited for, and nothing in between.
#[test]
fn who_takes_a_sip_now_and_then_does_not_count_as_reading() {
    let mut world = World::new(2);
    let by = world.hub.allowance();
    let mut sent = 0;
    for millisecond in 0..2000 {
        // 30 kB each 400 ms: 75 kB/s.
        let sip = if millisecond % 400 < 100 { 300 } else { 0 };
        sent += world.millisecond(&by, &[100_000, sip]);
    }
    assert!(world.readers[1].is_closed());
    assert!(sent > 30_000_000, "{sent} bytes");
}

#[test]
fn who_reads_in_gulps_is_waited_for() {
    let mut world = World::new(1);
    let by = world.hub.allowance();
    // At once, until it has been sent more than it takes.
    for _ in 0..250 {
        world.millisecond(&by, &[20_000]);
    }
    for millisecond in 0..2000 {
        // Nothing for 300 ms, then 4 MB/s for that time.
        let gulp = if millisecond % 300 == 299 { 1_200_000 } else { 0 };
        world.millisecond(&by, &[gulp]);
    }
    assert!(!world.readers[0].is_closed());
}

#[test]
fn other_senders_do_not_wait() {
    let mut world = World::new(2);
    let [by, other] = [world.hub.allowance(), world.hub.allowance()];
    world.crowd(&by);
    for _ in 0..100 {
        assert!(by.outstanding() > 0);
        world.emit(Target::socket(ROOT, socket(17)), 10, &other);
        world.turn();
        assert!(is_ready(&other) && other.outstanding() == 0);
        world.readers.iter().for_each(|reader| reader.read(3_000));
        world.pass(MS);
    }
}

#[test]
fn nobody_is_held_longer_than_a_second() {
    let mut world = World::new(1);
    let by = world.hub.allowance();
    world.crowd(&by);
    // It reads just enough to be waited for, and nothing else comes.
    for waited in 0..2000 {
        world.readers[0].read(300);
        world.pass(MS);
        if by.outstanding() == 0 {
            assert!((900..1100).contains(&waited), "{waited} ms");
            return;
        }
    }
    panic!("it is held for ever");
}

#[test]
fn what_is_held_for_a_reader_is_let_go_with_it() {
    for is_expelled in [false, true] {
        let mut world = World::new(1);
        let by = world.hub.allowance();
        world.crowd(&by);
        assert!(world.lane.poll_timeout().is_some());
        if is_expelled {
            world.hub.expel(Target::everyone(ROOT), Expulsion::Namespace);
        } else {
            world.hub.disconnect(socket(0));
        }
        world.turn();
        assert_eq!(by.outstanding(), 0);
        assert!(world.lane.is_empty() && world.lane.poll_timeout().is_none());
        assert_eq!(Arc::strong_count(&world.readers[0]), 1);
    }
}

#[test]
fn a_lane_that_was_never_told_the_time_holds_nobody() {
    let world = World::new(1);
    let mut lane = world.hub.mailboxes()[0].lane(LaneConfig::default());
    let reader = Arc::new(Reader::default());
    let (recipient, owner) = (Arc::clone(&reader) as _, Arc::clone(&reader) as _);
    world.hub.connect(Connect { socket: socket(9), namespace: ROOT, recipient, owner }, None);
    let by = world.hub.allowance();
    for _ in 0..OUTBOX * 3 / 4000 {
        world.emit(Target::everyone(ROOT), 1000, &by);
        drain(&world.hub, 0).into_iter().for_each(|op| lane.handle(op));
        lane.flush();
    }
    assert!(reader.waiting() > OUTBOX / 2);
    assert_eq!(by.outstanding(), 0);
}
