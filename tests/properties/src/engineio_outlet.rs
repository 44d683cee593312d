//! Random operations on an outlet: two who send, a client that polls or reads a socket, and the session's task.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;

use arbitrary::{Arbitrary, Unstructured};
use engineio_proto::{Answer, CloseReason, Delivery, Encoded, Flush, Hold, Ledger, Outlet, OutletBounds, Queued};

use crate::operations;

#[derive(Debug, Arbitrary)]
enum Op {
    Queue(u16, bool),
    Flush,
    Poll,
    /// The client reads so many parts of the answer under way, if one is.
    Read(u8),
    /// It goes away in the middle of its answer.
    DropAnswer,
    SetSocket,
    SetTask,
    /// The socket takes so many bytes, and no more.
    Write(u16),
    Unblock,
    See,
    Close(bool),
    NextClose,
    Seal,
    Shut,
}

/// Whatever happens, each message leaves once and in order, by an answer or the socket, or is told to be dropped or
/// closed; what waits is known to the byte, and to all together; a poll is in one place, and comes out once; and whoever
/// has news for the task wakes it.
pub fn check(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let Ok(bytes_max) = input.int_in_range(0..=8192usize) else { return };
    let Ok(answer_bytes_max) = input.int_in_range(0..=4096usize) else { return };
    let ledger = Arc::new(Ledger::new(usize::MAX));
    let bounds = OutletBounds { bytes_max, answer_bytes_max, ledger: Arc::clone(&ledger) };
    let mut run = Run::new(Outlet::new(Arc::new(bounds)), bytes_max);
    for op in operations::<Op>(&mut input) {
        run.step(op);
        run.compare();
    }
    drop(run);
    assert_eq!(ledger.bytes(), 0, "nobody keeps anything");
}

struct Run {
    outlet: Outlet<u32>,
    bytes_max: usize,
    /// What waits, as text, in its order.
    waiting: VecDeque<String>,
    /// The answer that the client is reading, and what must still come in it.
    answer: Option<(Answer, Vec<u8>)>,
    /// What was written of the first message by the socket.
    written: usize,
    way: Way,
    poll: Option<u32>,
    polls: u32,
    numbers: u32,
    is_open: bool,
    is_flush_owed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Polls,
    Socket,
    Task,
    Shut,
}

impl Run {
    fn new(outlet: Outlet<u32>, bytes_max: usize) -> Self {
        Self {
            outlet,
            bytes_max,
            waiting: VecDeque::new(),
            answer: None,
            written: 0,
            way: Way::Polls,
            poll: None,
            polls: 0,
            numbers: 0,
            is_open: true,
            is_flush_owed: false,
        }
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::Queue(len, is_volatile) => self.queue(len, is_volatile),
            Op::Flush => self.flush(),
            Op::Poll => self.poll(),
            Op::Read(parts) => self.read(parts),
            Op::DropAnswer => self.answer = None,
            Op::SetSocket if self.way == Way::Polls => {
                let poll = self.outlet.set_socket(None);
                assert_eq!(poll, self.poll.take());
                self.way = Way::Socket;
            }
            Op::SetTask if self.way == Way::Polls => {
                let poll = self.outlet.set_task(None);
                assert_eq!(poll, self.poll.take());
                self.way = Way::Task;
            }
            Op::Write(bytes) if matches!(self.way, Way::Socket | Way::Task) => self.write(bytes.into()),
            Op::Unblock => self.outlet.set_blocked(false),
            Op::See => {
                let backlog = self.outlet.see();
                assert_eq!(backlog, self.outlet.backlog());
            }
            Op::Close(is_slow) => {
                let reason = if is_slow { CloseReason::SlowConsumer } else { CloseReason::Shutdown };
                let wakes = self.outlet.close(reason);
                assert!(wakes || !self.is_open || self.way == Way::Shut);
                if self.is_open && is_slow && self.way != Way::Shut {
                    self.give_up();
                }
                self.is_open = false;
            }
            Op::NextClose => assert!(self.outlet.next_close().is_none() || !self.is_open),
            Op::Seal => {
                self.outlet.seal();
                self.is_open = false;
            }
            Op::Shut => {
                let (outbox, poll) = self.outlet.shut();
                assert_eq!(poll, self.poll.take());
                assert_eq!(outbox.is_empty(), self.waiting.is_empty());
                self.waiting.clear();
                (self.way, self.is_open, self.written) = (Way::Shut, false, 0);
            }
            Op::SetSocket | Op::SetTask | Op::Write(_) => {}
        }
    }

    fn queue(&mut self, len: u16, is_volatile: bool) {
        self.numbers += 1;
        let text = format!("{}:{}", self.numbers, "x".repeat(usize::from(len) % 6000));
        let encoded = Encoded::text(&text);
        let delivery = if is_volatile { Delivery::Volatile } else { Delivery::Reliable };
        let entry = self.outlet.queue(&encoded, delivery);
        assert!(self.is_open || entry.queued == Queued::Closed);
        match entry.queued {
            Queued::Fresh => {
                assert!(self.waiting.is_empty());
                self.is_flush_owed = true;
                self.waiting.push_back(text);
            }
            Queued::Behind | Queued::Crowded => {
                assert!(!self.waiting.is_empty());
                let is_crowded = self.outlet.backlog().bytes > self.bytes_max / 2;
                assert_eq!(is_crowded, entry.queued == Queued::Crowded);
                self.waiting.push_back(text);
            }
            Queued::Dropped => assert!(is_volatile),
            Queued::Sent => panic!("nothing is sent past the outlet here"),
            Queued::Closed if self.is_open => {
                let is_under_way = self.answer.is_some();
                assert!(entry.wakes && (!self.waiting.is_empty() || is_under_way), "one message alone always fits");
                self.give_up();
                self.is_open = false;
            }
            Queued::Closed => {}
        }
    }

    /// What waits is dropped, but for what is half written; and the client reads on in vain.
    fn give_up(&mut self) {
        self.waiting.truncate(usize::from(self.written > 0));
        if let Some((answer, _)) = &self.answer {
            assert!(answer.is_aborted() || answer.watch().is_none() || self.way != Way::Polls);
        }
    }

    fn flush(&mut self) {
        match self.outlet.flush() {
            Flush::Answer(poll, answer) => {
                assert!(self.is_open);
                assert_eq!(Some(poll), self.poll.take());
                self.answered(answer);
            }
            Flush::Write => assert!(self.way == Way::Socket && !self.waiting.is_empty()),
            Flush::Wake => assert!(!self.waiting.is_empty()),
            Flush::Done => {
                let could_answer = self.way == Way::Polls && self.poll.is_some() && self.is_open;
                assert!(self.waiting.is_empty() || !could_answer);
            }
        }
        self.is_flush_owed = false;
    }

    fn poll(&mut self) {
        self.polls += 1;
        match self.outlet.hold(self.polls) {
            Hold::Waits => {
                assert!(self.waiting.is_empty() && self.poll.is_none());
                self.poll = Some(self.polls);
            }
            Hold::Overlap(poll) => assert!(poll == self.polls && self.poll.is_some()),
            Hold::Answer(poll, answer) => {
                assert!(poll == self.polls && self.poll.is_none());
                self.answered(answer);
            }
            Hold::Refused(poll) => assert!(poll == self.polls && self.way != Way::Polls),
        }
    }

    /// It has some of what waits, from the first on.
    fn answered(&mut self, mut answer: Answer) {
        let mut expected = Vec::new();
        while expected.len() < answer.payload_len() {
            let text = self.waiting.pop_front().expect("an answer has only what waited");
            if !expected.is_empty() {
                expected.push(0x1e);
            }
            expected.extend(format!("4{text}").into_bytes());
        }
        assert_eq!(expected.len(), answer.payload_len());
        assert!(!expected.is_empty());
        self.answer = Some((answer, expected));
    }

    fn read(&mut self, parts: u8) {
        let Some((answer, expected)) = &mut self.answer else { return };
        if answer.is_aborted() {
            // What it had not given out yet is gone, and who reads is told so.
            return self.answer = None;
        }
        for _ in 0..parts % 4 {
            match answer.next_chunk() {
                Some(chunk) => {
                    assert_eq!(chunk.bytes()[..], expected[..chunk.bytes().len()]);
                    expected.drain(..chunk.bytes().len());
                }
                None => assert!(expected.is_empty()),
            }
        }
    }

    fn write(&mut self, most: usize) {
        let mut slices = [IoSlice::new(&[]); 4];
        let filled = self.outlet.slices(&mut slices);
        let offered: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
        let mut expected: Vec<u8> =
            self.waiting.iter().take(4).flat_map(|text| Encoded::text(text).websocket().to_vec()).collect();
        expected.drain(..self.written);
        assert_eq!(offered, expected);
        let taken = most.min(offered.len());
        self.outlet.advance(taken);
        self.written += taken;
        while let Some(first) = self.waiting.front().map(|text| Encoded::text(text).len())
            && first <= self.written
        {
            self.written -= first;
            self.waiting.pop_front();
        }
        if taken < offered.len() {
            self.outlet.set_blocked(true);
        }
    }

    fn compare(&self) {
        assert_eq!(self.outlet.is_polled(), self.poll.is_some());
        assert_eq!(self.outlet.is_empty(), self.waiting.is_empty());
        let waiting: usize = self.waiting.iter().map(|text| Encoded::text(text).len()).sum();
        let backlog = self.outlet.backlog().bytes;
        assert!(backlog >= waiting - self.written);
        if self.answer.is_none() {
            assert_eq!(backlog, waiting - self.written, "nothing is under way");
        }
    }
}
