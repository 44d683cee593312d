//! What the process takes of its machine.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

use super::page::{Page, seconds};

/// The process, and when it began to be asked. What the system does not tell is left out.
#[derive(Debug)]
pub(crate) struct Process {
    start: SystemTime,
}

impl Process {
    pub(crate) fn of_now() -> Self {
        Self { start: SystemTime::now() }
    }
}

impl Collector for Process {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut page = Page(encoder);
        let start = self.start.duration_since(UNIX_EPOCH).unwrap_or_default();
        page.gauge("process_start_time_seconds", "When the process started, in seconds since 1970", seconds(start))?;
        if let Some(Usage { cpu_seconds, virtual_bytes, resident_bytes }) = usage() {
            page.counter("process_cpu_seconds", "Processor time used, of all threads", cpu_seconds)?;
            page.gauge("process_virtual_memory_bytes", "Address space of the process", virtual_bytes)?;
            page.gauge("process_resident_memory_bytes", "Memory that the process occupies", resident_bytes)?;
        }
        if let Some(open) = open_files() {
            page.gauge("process_open_fds", "Open files, of which each connection is one", open)?;
        }
        let max = getrlimit(Resource::Nofile).current;
        max.map_or(Ok(()), |max| page.gauge("process_max_fds", "How many files may be open", max))
    }
}

struct Usage {
    cpu_seconds: f64,
    virtual_bytes: u64,
    resident_bytes: u64,
}

fn usage() -> Option<Usage> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // Behind the name, which may have anything in it: fields 3 and on of proc_pid_stat(5).
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut numbers = fields.split_ascii_whitespace().skip(11).map(|field| field.parse::<u64>());
    let mut field = |skip| numbers.nth(skip).and_then(Result::ok);
    let [user, system, virtual_bytes, resident_pages] = [field(0)?, field(0)?, field(7)?, field(0)?];
    Some(Usage {
        cpu_seconds: (user + system) as f64 / clock_ticks_per_second() as f64,
        virtual_bytes,
        resident_bytes: resident_pages * page_size() as u64,
    })
}

/// Linux says how many there are as the folder's size, since 6.2; to go through them is a millisecond for each thousand.
fn open_files() -> Option<u64> {
    match fs::metadata("/proc/self/fd").ok()?.len() {
        0 => Some(fs::read_dir("/proc/self/fd").ok()?.count() as u64),
        open => Some(open),
    }
}
