//! What a process costs, read from outside.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// CPU time of all threads, in user space and in the kernel.
///
/// Work that the kernel does for a socket on the sender's side of a loopback connection is in it; that is the same
/// for every server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cpu(Duration);

impl Cpu {
    /// From `schedstat`, which counts nanoseconds; where there is none from `stat`, which counts hundredths of a
    /// second.
    pub(crate) fn of(process: u32) -> io::Result<Self> {
        scheduled(process).or_else(|_| ticks(process)).map(Self)
    }

    /// What was used since.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// Resident memory, in KiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) now_kib: u64,
    pub(crate) peak_kib: u64,
}

impl Memory {
    /// From `smaps_rollup`, which is exact, and `status` for the peak.
    pub(crate) fn of(process: u32) -> io::Result<Self> {
        let status = read(process, "status")?;
        let peak_kib = kib(&status, "VmHWM:")?;
        let now_kib = match read(process, "smaps_rollup") {
            Ok(rollup) => kib(&rollup, "Rss:")?,
            Err(_) => kib(&status, "VmRSS:")?,
        };
        Ok(Self { now_kib, peak_kib })
    }
}

/// Looks at how many threads a process has, again and again, until it is asked.
#[derive(Debug)]
pub(crate) struct ThreadWatch {
    over: Sender<()>,
    thread: JoinHandle<u64>,
}

impl ThreadWatch {
    pub(crate) fn start(process: u32) -> Self {
        let (over, is_over) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut peak = 0;
            loop {
                // A process that has ended has none.
                peak = peak.max(read(process, "status").and_then(|status| kib(&status, "Threads:")).unwrap_or(0));
                if is_over.recv_timeout(WATCH_STEP) != Err(RecvTimeoutError::Timeout) {
                    return peak;
                }
            }
        });
        Self { over, thread }
    }

    /// The most there were at once, as far as it was seen.
    pub(crate) fn peak(self) -> u64 {
        drop(self.over);
        self.thread.join().unwrap_or(0)
    }
}

fn scheduled(process: u32) -> io::Result<Duration> {
    let mut sum = Duration::ZERO;
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        let text = fs::read_to_string(task?.path().join("schedstat"))?;
        let ns =
            text.split_whitespace().next().and_then(|ns| ns.parse().ok()).ok_or_else(|| unreadable("schedstat"))?;
        sum += Duration::from_nanos(ns);
    }
    Ok(sum)
}

fn ticks(process: u32) -> io::Result<Duration> {
    let stat = read(process, "stat")?;
    // The second field is the program's name in brackets, which may hold anything; utime and stime are the 14th and
    // 15th.
    let fields = stat.rsplit_once(") ").map(|(_, fields)| fields).ok_or_else(|| unreadable("stat"))?;
    let ticks: u64 = fields.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    // USER_HZ is 100 on every architecture that Linux has kept.
    Ok(Duration::from_millis(ticks * 10))
}

fn kib(text: &str, key: &str) -> io::Result<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(key));
    value.and_then(|value| value.split_whitespace().next()?.parse().ok()).ok_or_else(|| unreadable(key))
}

fn read(process: u32, file: &str) -> io::Result<String> {
    fs::read_to_string(PathBuf::from(format!("/proc/{process}/{file}")))
}

fn unreadable(what: &str) -> io::Error {
    io::Error::other(format!("cannot read {what}"))
}

/// Threads that are started for one answer live for ten seconds; others are not missed by much.
const WATCH_STEP: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use std::process::{self, Command};
    use std::time::Instant;

    use super::*;

    #[test]
    fn both_clocks_see_the_work_of_a_process() {
        // Another than this one, whose other tests' threads come and go, and take their time along.
        let mut busy = Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        let id = busy.id();
        let (fine, coarse) = (scheduled(id), ticks(id).unwrap());
        let start = Instant::now();
        while ticks(id).unwrap() < coarse + Duration::from_millis(50) {
            assert!(start.elapsed() < Duration::from_secs(30));
        }
        if let (Ok(before), Ok(after)) = (fine, scheduled(id)) {
            assert!(after - before >= Duration::from_millis(30), "{before:?} {after:?}");
        }
        busy.kill().unwrap();
        busy.wait().unwrap();
    }

    #[test]
    fn a_thread_that_came_and_went_is_seen() {
        let watch = ThreadWatch::start(process::id());
        let threads: Vec<_> = (0..3).map(|_| thread::spawn(|| thread::sleep(WATCH_STEP * 5))).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        // This one, the watch and the three.
        assert!(watch.peak() >= 5);
    }

    #[test]
    fn memory_is_read() {
        let memory = Memory::of(process::id()).unwrap();
        assert!(memory.now_kib > 100 && memory.peak_kib > 100);
    }
}
