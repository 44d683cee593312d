//! Lines that wait to be written.

use std::io::{ErrorKind, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// A bounded queue of whole lines, as one piece of text.
///
/// [`push`](Self::push) never waits for whoever reads the log: it copies a line under a lock that is otherwise held only
/// to take all lines at once. One thread calls [`write_to`](Self::write_to).
#[derive(Debug)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    /// Something waits, or nothing waits any more.
    changed: Condvar,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<u8>,
    /// Whether the thread has taken lines that it has not written yet.
    is_writing: bool,
    /// Lines that nobody will see, not yet reported.
    lost: u64,
    /// When something is to be said, even if nobody says anything.
    remind_at: Option<Instant>,
}

/// Why the thread runs.
enum Task {
    /// The lines that it was given.
    Write,
    /// What it was reminded of.
    Report,
}

impl Queue {
    /// A queue for at most so many bytes. As many again may be on their way out.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { waiting: Mutex::default(), changed: Condvar::new(), bytes_max }
    }

    /// Puts a line, with its line end, behind the others; drops it if there is no room.
    pub(crate) fn push(&self, line: &[u8]) {
        self.put(line, self.bytes_max);
    }

    /// The same for a line that says what was lost or left out. While lines are lost there is no room, and what it says is counted
    /// nowhere else.
    pub(crate) fn push_anyway(&self, line: &[u8]) {
        self.put(line, usize::MAX);
    }

    fn put(&self, line: &[u8], bytes_max: usize) {
        let mut waiting = self.lock();
        if waiting.lines.len() + line.len() > bytes_max {
            waiting.lost += 1;
            return;
        }
        waiting.lines.extend_from_slice(line);
        drop(waiting);
        self.changed.notify_all();
    }

    /// Has the thread report after a while, whether lines come or not.
    pub(crate) fn remind(&self, after: Duration) {
        self.lock().remind_at.get_or_insert_with(|| Instant::now() + after);
        self.changed.notify_all();
    }

    /// Writes lines as they come, for ever, and calls `report` when it was [reminded](Self::remind).
    pub(crate) fn write_to(&self, output: &mut impl Write, report: impl Fn()) {
        let mut lines = Vec::new();
        // Whether the last line that was written lacks its end, because there was no room for it.
        let mut is_torn = false;
        loop {
            match self.take(&mut lines) {
                Task::Write => {}
                Task::Report => {
                    report();
                    continue;
                }
            }
            if is_torn {
                is_torn = write_all(output, b"\n") == 0;
            }
            let written = if is_torn { 0 } else { write_all(output, &lines) };
            let (done, unwritten) = lines.split_at(written);
            is_torn |= !unwritten.is_empty() && done.last().is_some_and(|last| *last != b'\n');
            let is_writable = unwritten.is_empty();
            let lost = self.taken(count(unwritten), is_writable);
            lines.clear();
            // A crowd of lines is no reason to keep their room for ever.
            lines.shrink_to(KEPT_BYTES);
            match lost {
                0 => {}
                // Nobody can be told yet, and a full disk is not to be asked without pause.
                _ if !is_writable => thread::sleep(PAUSE),
                lost => tracing::warn!(target: TARGET, lost, "log lines were lost: they could not be written in time"),
            }
        }
    }

    /// Waits until all is written, at most for `within`.
    pub(crate) fn flush(&self, within: Duration) {
        let deadline = Instant::now() + within;
        let mut waiting = self.lock();
        while !waiting.lines.is_empty() || waiting.is_writing {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            waiting = self.changed.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for lines, and takes all of them into an empty buffer; or for the time to report.
    fn take(&self, lines: &mut Vec<u8>) -> Task {
        let mut waiting = self.lock();
        loop {
            let left = waiting.remind_at.map(|at| at.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                waiting.remind_at = None;
                return Task::Report;
            }
            if !waiting.lines.is_empty() {
                std::mem::swap(&mut waiting.lines, lines);
                waiting.is_writing = true;
                return Task::Write;
            }
            waiting = match left {
                Some(left) => self.changed.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// The lines that were taken are written, but for so many, which are lost. Gives back the number of all that are lost,
    /// which begins anew if it can be reported.
    fn taken(&self, unwritten: u64, is_reported: bool) -> u64 {
        let mut waiting = self.lock();
        waiting.is_writing = false;
        self.changed.notify_all();
        waiting.lost += unwritten;
        if is_reported { std::mem::take(&mut waiting.lost) } else { waiting.lost }
    }

    /// What waits.
    #[cfg(test)]
    pub(super) fn written(&self) -> String {
        String::from_utf8(self.lock().lines.clone()).unwrap()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing in here panics half-way.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As [`Write::write_all`], also where the output was made non-blocking by somebody who shares it; gives back how much was
/// written, which is less than all if no more can be.
fn write_all(output: &mut impl Write, bytes: &[u8]) -> usize {
    let mut done = 0;
    while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
        match output.write(rest) {
            Ok(0) => break,
            Ok(written) => done += written,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(PAUSE),
            Err(_) => break,
        }
    }
    done
}

fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// Whose the line is that says how many were lost.
pub(crate) const TARGET: &str = "fanfare::log::queue";

/// Room for lines that is kept for the next ones.
const KEPT_BYTES: usize = 64 * 1024;
/// Before an output is tried again that takes nothing.
const PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Takes a piece when the test allows it, and hands it over.
    struct Output {
        allowed: Receiver<io::Result<usize>>,
        written: Sender<Vec<u8>>,
    }

    impl Write for Output {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let Ok(allowed) = self.allowed.recv() else {
                // The test is over: this thread stays behind, and ends with the process.
                loop {
                    thread::park();
                }
            };
            let length = allowed?.min(bytes.len());
            let _ = self.written.send(bytes[..length].to_vec());
            Ok(length)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn writing(queue: &Arc<Queue>) -> (Sender<io::Result<usize>>, Receiver<Vec<u8>>) {
        let ((allow, allowed), (written, seen)) = (channel(), channel());
        let queue = Arc::clone(queue);
        thread::spawn(move || queue.write_to(&mut Output { allowed, written }, || {}));
        (allow, seen)
    }

    fn next(seen: &Receiver<Vec<u8>>) -> String {
        String::from_utf8(seen.recv_timeout(Duration::from_secs(10)).unwrap()).unwrap()
    }

    fn lost(queue: &Queue) -> u64 {
        queue.lock().lost
    }

    #[test]
    fn what_does_not_fit_is_dropped_and_counted_without_waiting() {
        let queue = Queue::new(10);
        for line in ["12345\n", "123\n", "1\n", "\n"] {
            queue.push(line.as_bytes());
        }
        assert_eq!(queue.lock().lines, b"12345\n123\n");
        assert_eq!(lost(&queue), 2);
        queue.push_anyway(b"2 were lost\n");
        assert_eq!(queue.written(), "12345\n123\n2 were lost\n");
    }

    #[test]
    fn lines_come_out_whole_and_in_order_however_little_is_taken_at_once() {
        let queue = Arc::new(Queue::new(100));
        let (allow, seen) = writing(&queue);
        queue.push(b"one\n");
        for _ in 0..4 {
            allow.send(Ok(1)).unwrap();
        }
        assert_eq!((0..4).map(|_| next(&seen)).collect::<String>(), "one\n");
        queue.flush(Duration::from_secs(10));
        queue.push(b"two\n");
        allow.send(Ok(100)).unwrap();
        assert_eq!(next(&seen), "two\n");
    }

    #[test]
    fn what_could_not_be_written_is_lost_and_the_next_line_begins_anew() {
        let queue = Arc::new(Queue::new(100));
        let (allow, seen) = writing(&queue);
        queue.push(b"one\n");
        allow.send(Ok(2)).unwrap();
        allow.send(Err(ErrorKind::StorageFull.into())).unwrap();
        assert_eq!(next(&seen), "on");
        queue.flush(Duration::from_secs(10));
        assert_eq!(lost(&queue), 1);
        queue.push(b"two\n");
        allow.send(Ok(100)).unwrap();
        allow.send(Ok(100)).unwrap();
        assert_eq!([next(&seen), next(&seen)], ["\n", "two\n"]);
        queue.flush(Duration::from_secs(10));
        assert_eq!(lost(&queue), 0, "it was reported");
    }

    #[test]
    fn only_what_was_not_written_counts_as_lost() {
        let queue = Arc::new(Queue::new(100));
        queue.push(b"one\n");
        queue.push(b"two\n");
        let (allow, seen) = writing(&queue);
        allow.send(Ok(4)).unwrap();
        allow.send(Err(ErrorKind::StorageFull.into())).unwrap();
        assert_eq!(next(&seen), "one\n");
        queue.flush(Duration::from_secs(10));
        assert_eq!(lost(&queue), 1);
        // It ended with a whole line, so nothing has to be ended before the next.
        queue.push(b"three\n");
        allow.send(Ok(100)).unwrap();
        assert_eq!(next(&seen), "three\n");
    }

    #[test]
    fn a_reminder_is_one_report_though_nobody_says_anything_else() {
        let queue = Arc::new(Queue::new(100));
        let (writing, (report, reported)) = (Arc::clone(&queue), channel());
        thread::spawn(move || writing.write_to(&mut io::sink(), || report.send(()).unwrap()));
        queue.remind(Duration::from_millis(20));
        queue.remind(Duration::ZERO);
        reported.recv_timeout(Duration::from_secs(10)).unwrap();
        queue.push(b"one\n");
        queue.flush(Duration::from_secs(10));
        assert!(reported.try_recv().is_err());
        queue.remind(Duration::ZERO);
        reported.recv_timeout(Duration::from_secs(10)).unwrap();
    }

    #[test]
    fn a_flush_waits_for_nobody_who_does_not_read() {
        let queue = Arc::new(Queue::new(100));
        let (_allow, _seen) = writing(&queue);
        queue.push(b"one\n");
        let from = Instant::now();
        queue.flush(Duration::from_millis(50));
        assert!(from.elapsed() >= Duration::from_millis(50));
        queue.flush(Duration::ZERO);
    }
}
