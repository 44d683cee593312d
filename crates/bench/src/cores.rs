//! Which core runs what.

use std::io;

use rustix::thread::{CpuSet, sched_setaffinity};

/// The cores of a measurement: the server's and the load's never share one, but with two server cores on a machine
/// that has no third.
#[derive(Debug, Clone)]
pub(crate) struct Cores {
    pub(crate) server: usize,
    pub(crate) load: usize,
}

impl Cores {
    /// The server's core, or both for a server with two threads.
    pub(crate) fn of_server(&self, threads: usize) -> Vec<usize> {
        match threads {
            1 => vec![self.server],
            _ => vec![self.server, self.load],
        }
    }
}

/// Binds this thread, and what it starts from now on, to these cores.
pub(crate) fn bind(cores: &[usize]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core);
    }
    Ok(sched_setaffinity(None, &set)?)
}
