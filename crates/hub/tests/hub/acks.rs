//! Acknowledgements are exact: who was asked answers once, and whoever does not is missing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use engineio_proto::{Delivery, Encoded};
use fanfare_hub::{Acks, AcksConfig, AcksFull, Answers, Emit, Progress, Receipt, SocketId, Target};
use socketio_codec::{AckId, Arguments, Namespace};

use crate::support::{Behaviour, Dice, Peer, World, cell, namespace, socket, take};

const ROOT: Namespace = Namespace::ROOT;
const TIMEOUT: Duration = Duration::from_secs(5);

type Cell = Arc<Mutex<Option<Answers>>>;

/// A table and the time.
struct Table {
    acks: Acks,
    now: Instant,
}

impl Table {
    fn new() -> Self {
        Self::with(AcksConfig::default())
    }

    fn with(config: AcksConfig) -> Self {
        Self { acks: Acks::new(config), now: Instant::now() }
    }

    fn open(&mut self, namespace: &Namespace) -> (AckId, Cell) {
        let (cell, complete) = cell();
        let id = self.acks.open(namespace, self.now + TIMEOUT, complete).expect("there is room");
        (id, cell)
    }

    fn ack(&mut self, id: AckId, socket: SocketId, number: u64) -> bool {
        self.acks.handle_ack(&ROOT, id, socket, arguments(number))
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.acks.handle_timeout(self.now);
    }

    /// Completes all that is settled.
    fn complete(&mut self) -> usize {
        let mut completed = 0;
        while let Some(resolved) = self.acks.poll_resolved() {
            resolved.complete();
            completed += 1;
        }
        completed
    }
}

fn arguments(number: u64) -> Arguments {
    Arguments::from_json(format!("[{number}]").into()).expect("a number is JSON")
}

fn answers(received: &[(u64, u64)], missing: &[u64], timed_out: bool) -> Answers {
    let mut answers = Answers::default();
    answers.received = received.iter().map(|(number, answer)| (socket(*number), arguments(*answer))).collect();
    answers.missing = missing.iter().copied().map(socket).collect();
    answers.timed_out = timed_out;
    sorted(answers)
}

fn sorted(mut answers: Answers) -> Answers {
    answers.received.sort_by_key(|(socket, _)| *socket);
    answers.missing.sort();
    answers
}

#[test]
fn ids_count_from_zero_in_each_namespace() {
    let mut table = Table::new();
    let admin = namespace("/admin");
    let ids = [&ROOT, &ROOT, &admin, &ROOT, &admin].map(|namespace| table.open(namespace).0.get());
    assert_eq!(ids, [0, 1, 0, 2, 1]);
}

#[test]
fn the_last_answer_settles_it() {
    let mut table = Table::new();
    let (id, cell) = table.open(&ROOT);
    table.acks.sent(&ROOT, id, vec![socket(1), socket(2)]);
    assert!(table.ack(id, socket(2), 20));
    assert_eq!(table.complete(), 0);
    assert!(table.ack(id, socket(1), 10));
    assert_eq!(table.complete(), 1);
    assert_eq!(sorted(take(&cell)), answers(&[(1, 10), (2, 20)], &[], false));
    assert!(table.acks.is_empty());
    assert_eq!(table.acks.poll_timeout(), None);
}

#[test]
fn a_second_answer_is_ignored() {
    let mut table = Table::new();
    let (id, cell) = table.open(&ROOT);
    assert!(table.ack(id, socket(1), 1), "before the lanes have reported");
    assert!(!table.ack(id, socket(1), 2));
    table.acks.sent(&ROOT, id, vec![socket(1), socket(2)]);
    assert!(!table.ack(id, socket(1), 3));
    assert!(table.ack(id, socket(2), 4));
    assert!(!table.ack(id, socket(2), 5), "after it was settled");
    table.complete();
    assert_eq!(sorted(take(&cell)), answers(&[(1, 1), (2, 4)], &[], false));
}

#[test]
fn only_who_was_sent_the_event_can_answer() {
    let mut table = Table::new();
    let (id, cell) = table.open(&ROOT);
    table.ack(id, socket(66), 6);
    table.acks.sent(&ROOT, id, vec![socket(1)]);
    assert!(!table.ack(id, socket(67), 7));
    let admin = namespace("/admin");
    assert!(!table.acks.handle_ack(&admin, id, socket(1), arguments(8)), "another namespace");
    assert!(!table.ack(AckId::from(9), socket(1), 9), "an id never given out");
    assert!(table.ack(id, socket(1), 1));
    table.complete();
    assert_eq!(take(&cell), answers(&[(1, 1)], &[], false));
    assert!(table.acks.is_empty(), "what the intruder sent is not kept");
}

#[test]
fn a_socket_that_disconnects_is_missing_wherever_it_is_awaited() {
    let mut table = Table::new();
    let (both, one) = (table.open(&ROOT), table.open(&ROOT));
    let unsent = table.open(&ROOT);
    table.acks.sent(&ROOT, both.0, vec![socket(1), socket(2)]);
    table.acks.sent(&ROOT, one.0, vec![socket(1)]);
    table.acks.handle_disconnect(socket(1));
    assert_eq!(table.complete(), 1);
    assert_eq!(take(&one.1), answers(&[], &[1], false));
    table.ack(both.0, socket(2), 2);
    // The lanes had sent it before they heard of the disconnect.
    table.acks.sent(&ROOT, unsent.0, vec![socket(1)]);
    assert_eq!(table.complete(), 2);
    assert_eq!(take(&both.1), answers(&[(2, 2)], &[1], false));
    assert_eq!(take(&unsent.1), answers(&[], &[1], false));
    assert!(table.acks.is_empty());
}

#[test]
fn a_socket_that_answers_and_then_disconnects_has_answered() {
    let mut table = Table::new();
    let (id, cell) = table.open(&ROOT);
    table.ack(id, socket(1), 1);
    table.acks.handle_disconnect(socket(1));
    table.acks.sent(&ROOT, id, vec![socket(1)]);
    table.complete();
    assert_eq!(take(&cell), answers(&[(1, 1)], &[], false));
}

#[test]
fn the_deadline_settles_it_with_the_answers_there_are() {
    let mut table = Table::new();
    let (id, cell) = table.open(&ROOT);
    table.acks.sent(&ROOT, id, vec![socket(1), socket(2)]);
    table.ack(id, socket(1), 1);
    assert_eq!(table.acks.poll_timeout(), Some(table.now + TIMEOUT));
    table.pass(TIMEOUT - Duration::from_millis(1));
    assert_eq!(table.complete(), 0);
    table.pass(Duration::from_millis(1));
    assert_eq!(table.complete(), 1);
    assert_eq!(take(&cell), answers(&[(1, 1)], &[2], true));
    assert!(!table.ack(id, socket(2), 2), "too late");
    assert!(table.acks.is_empty());
}

#[test]
fn the_deadline_also_settles_what_the_lanes_never_reported() {
    let mut table = Table::new();
    let (id, cell) = table.open(&ROOT);
    table.ack(id, socket(1), 1);
    table.pass(TIMEOUT);
    table.complete();
    assert_eq!(take(&cell), answers(&[], &[], true));
    table.acks.sent(&ROOT, id, vec![socket(1)]);
    assert!(table.acks.is_empty());
}

#[test]
fn nobody_asked_is_settled_at_once() {
    let mut table = Table::new();
    let (id, cell) = table.open(&ROOT);
    table.acks.sent(&ROOT, id, Vec::new());
    table.complete();
    assert_eq!(take(&cell), answers(&[], &[], false));
}

#[test]
fn entries_and_answers_owed_are_bounded() {
    let mut config = AcksConfig::default();
    config.entries_max = 2;
    let mut table = Table::with(config);
    let first = table.open(&ROOT);
    table.open(&ROOT);
    assert_eq!(table.acks.open(&ROOT, table.now, drop), Err(AcksFull));
    table.acks.sent(&ROOT, first.0, Vec::new());
    assert_eq!(table.open(&ROOT).0.get(), 2, "a refusal uses up no id");

    config.awaited_max = 3;
    let mut table = Table::with(config);
    let first = table.open(&ROOT);
    table.acks.sent(&ROOT, first.0, (0..5).map(socket).collect());
    assert_eq!(table.acks.open(&ROOT, table.now, drop), Err(AcksFull));
    (0..3).for_each(|number| table.acks.handle_disconnect(socket(number)));
    table.open(&ROOT);
}

#[test]
fn a_cancelled_event_leaves_nothing_and_tells_nobody() {
    let mut config = AcksConfig::default();
    config.entries_max = 1;
    for sent_to in [None, Some(vec![socket(1), socket(2)]), Some(Vec::new())] {
        let mut table = Table::with(config);
        let (id, cell) = table.open(&ROOT);
        let is_settled = sent_to.as_ref().is_some_and(Vec::is_empty);
        if let Some(sockets) = sent_to {
            table.acks.sent(&ROOT, id, sockets);
        }
        table.ack(id, socket(1), 1);
        assert_eq!(table.acks.cancel(&ROOT, id), !is_settled);
        assert!(table.acks.is_empty(), "its answers, deadline and place are gone");
        assert!(!table.acks.cancel(&ROOT, id), "once");
        assert_eq!(table.complete(), usize::from(is_settled));
        assert_eq!(cell.lock().unwrap().is_some(), is_settled);
        // What comes late is for nobody, and there is room for the next.
        table.acks.sent(&ROOT, id, vec![socket(1)]);
        assert!(!table.ack(id, socket(2), 2));
        assert_eq!(table.open(&ROOT).0.get(), 1);
    }
}

#[test]
fn an_answer_does_not_keep_what_it_was_read_with() {
    let mut table = Table::new();
    let (id, cell) = table.open(&ROOT);
    table.acks.sent(&ROOT, id, vec![socket(1)]);
    // One read: the packet, its attachment, and a megabyte of something else behind them.
    let json = br#"[{"_placeholder":true,"num":0},"yes"]"#;
    let attachment = b"attachment";
    let read = Bytes::from([json, &attachment[..], &vec![0; 1 << 20]].concat());
    let [packet, bytes] = [0..json.len(), json.len()..json.len() + attachment.len()].map(|part| read.slice(part));
    let arguments = Arguments::with_attachments(packet.try_into().unwrap(), vec![bytes]).unwrap();
    assert!(table.acks.handle_ack(&ROOT, id, socket(1), arguments.clone()));
    table.complete();
    let answers = take(&cell);
    let (_, kept) = &answers.received[0];
    assert_eq!(*kept, arguments);
    assert_eq!(kept.attachment(0).unwrap(), &attachment[..]);
    let is_in_the_read = |bytes: &[u8]| read.as_ptr_range().contains(&bytes.as_ptr());
    assert!(is_in_the_read(arguments.as_bytes()) && is_in_the_read(&arguments.attachments()[0]));
    assert!(!is_in_the_read(kept.as_bytes()) && !is_in_the_read(&kept.attachments()[0]));
    drop(arguments);
    assert!(read.is_unique(), "nobody but the test has the read");
}

#[test]
fn an_answer_that_does_not_fit_is_missing() {
    let mut config = AcksConfig::default();
    config.answer_bytes_max = 1000;
    let mut table = Table::with(config);
    let large = || Arguments::from_json(format!("[\"{}\"]", "x".repeat(700)).into()).unwrap();
    for _ in 0..3 {
        let (id, cell) = table.open(&ROOT);
        assert!(table.acks.handle_ack(&ROOT, id, socket(1), large()));
        assert!(table.acks.handle_ack(&ROOT, id, socket(2), large()));
        table.acks.sent(&ROOT, id, vec![socket(1), socket(2), socket(3)]);
        assert!(table.acks.handle_ack(&ROOT, id, socket(3), large()));
        table.complete();
        let answers = sorted(take(&cell));
        assert_eq!(answers.received, [(socket(1), large())]);
        let mut missing = [socket(2), socket(3)];
        missing.sort();
        assert_eq!(answers.missing, missing);
        assert!(table.acks.is_empty(), "the bytes are free again");
    }
}

#[test]
fn a_broadcast_asks_those_it_was_queued_to() {
    let mut world = World::new(2);
    for (number, behaviour) in [Behaviour::Reads, Behaviour::Closed, Behaviour::Reads].into_iter().enumerate() {
        let peer = Peer::new();
        world.connect(socket(number as u64), &ROOT, &peer);
        world.run();
        peer.behave(behaviour);
    }
    let mut table = Table::new();
    let (id, cell) = table.open(&ROOT);
    let (outcome, complete) = crate::support::cell();
    world.hub.emit(Emit {
        target: Target::everyone(ROOT),
        encoded: Encoded::text(r#"20["are you there?"]"#),
        delivery: Delivery::Reliable,
        receipt: Some(Receipt::collecting(complete)),
    });
    world.run();
    table.acks.sent(&ROOT, id, take(&outcome).reached);
    assert!(!table.ack(id, socket(1), 1), "it was closed");
    assert!(table.ack(id, socket(0), 0) && table.ack(id, socket(2), 2));
    table.complete();
    assert_eq!(sorted(take(&cell)), answers(&[(0, 0), (2, 2)], &[], false));
}

#[test]
fn random_answers_disconnects_and_delays_leave_the_table_equal_to_a_list() {
    for seed in 0..200 {
        println!("seed {seed}");
        RandomRun { dice: Dice(seed), table: Table::new(), open: BTreeMap::new() }.run();
    }
}

/// An event as the naive list knows it: what became of each socket so far.
struct ModelEntry {
    cell: Cell,
    deadline: Instant,
    fates: BTreeMap<SocketId, Option<Arguments>>,
    sent_to: Option<Vec<SocketId>>,
}

impl ModelEntry {
    /// What must have come out of it, if it is settled.
    fn settled(&self, now: Instant) -> Option<Answers> {
        let mut answers = Answers::default();
        answers.timed_out = self.deadline <= now;
        let mut is_settled = answers.timed_out || self.sent_to.is_some();
        for socket in self.sent_to.iter().flatten() {
            match self.fates.get(socket) {
                Some(Some(arguments)) => answers.received.push((*socket, arguments.clone())),
                Some(None) => answers.missing.push(*socket),
                None => {
                    is_settled &= answers.timed_out;
                    answers.missing.push(*socket);
                }
            }
        }
        is_settled.then(|| sorted(answers))
    }
}

struct RandomRun {
    dice: Dice,
    table: Table,
    open: BTreeMap<AckId, ModelEntry>,
}

impl RandomRun {
    fn run(mut self) {
        for _ in 0..200 {
            self.step();
            self.compare();
        }
        self.table.pass(TIMEOUT);
        self.compare();
        assert!(self.open.is_empty() && self.table.acks.is_empty());
    }

    fn step(&mut self) {
        let socket = socket(self.dice.roll(6) as u64);
        let ids: Vec<AckId> = self.open.keys().copied().collect();
        let id = self.dice.pick(&ids).copied();
        match (self.dice.roll(10), id) {
            (0..=1, _) | (_, None) => {
                let (id, cell) = self.table.open(&ROOT);
                let deadline = self.table.now + TIMEOUT;
                self.open.insert(id, ModelEntry { cell, deadline, fates: BTreeMap::new(), sent_to: None });
            }
            (2..=3, Some(id)) => {
                let sockets: Vec<SocketId> =
                    (0..6).filter(|_| self.dice.one_in(2)).map(crate::support::socket).collect();
                self.table.acks.sent(&ROOT, id, sockets.clone());
                self.entry(id).sent_to.get_or_insert(sockets);
            }
            (4..=7, Some(id)) => {
                let arguments = arguments(self.dice.roll(1000) as u64);
                self.table.acks.handle_ack(&ROOT, id, socket, arguments.clone());
                self.entry(id).fates.entry(socket).or_insert(Some(arguments));
            }
            (8, _) => {
                self.table.acks.handle_disconnect(socket);
                for entry in self.open.values_mut() {
                    entry.fates.entry(socket).or_insert(None);
                }
            }
            _ => self.table.pass(Duration::from_millis(self.dice.roll(1500) as u64)),
        }
    }

    fn entry(&mut self, id: AckId) -> &mut ModelEntry {
        self.open.get_mut(&id).expect("the id was picked from these")
    }

    fn compare(&mut self) {
        self.table.complete();
        let now = self.table.now;
        self.open.retain(|id, entry| {
            let completed = entry.cell.lock().expect("not poisoned").take().map(sorted);
            assert_eq!(completed, entry.settled(now), "event {id}");
            completed.is_none()
        });
        assert_eq!(self.table.acks.len(), self.open.len());
    }
}

#[test]
fn who_follows_hears_of_each_answer_as_it_comes() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let follow = {
        let told = Arc::clone(&told);
        move |progress| told.lock().unwrap().push(progress)
    };
    let mut table = Table::new();
    let id = table.acks.follow(&ROOT, table.now + TIMEOUT, follow).unwrap();
    // The first answers before the lanes have reported.
    assert!(table.ack(id, socket(1), 10));
    table.acks.sent(&ROOT, id, vec![socket(1), socket(2), socket(3)]);
    assert_eq!(table.complete(), 2);
    assert!(table.ack(id, socket(2), 20));
    table.acks.handle_disconnect(socket(3));
    table.complete();
    let expected = [
        Progress::Reached(3),
        Progress::Answered(socket(1), arguments(10)),
        Progress::Answered(socket(2), arguments(20)),
        Progress::Over,
    ];
    assert_eq!(*told.lock().unwrap(), expected);
    assert!(table.acks.is_empty());

    let id = table.acks.follow(&ROOT, table.now + TIMEOUT, |_| ()).unwrap();
    table.acks.sent(&ROOT, id, vec![socket(1)]);
    table.pass(TIMEOUT);
    assert_eq!((table.complete(), table.ack(id, socket(1), 1), table.acks.is_empty()), (2, false, true));
}
