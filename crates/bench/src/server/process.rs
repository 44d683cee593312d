//! A server's process, from its start to its end.

use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::{Cpu, Kind, Memory, Options, Places, ThreadWatch};
use crate::cores::{self, Cores};

/// A running server. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    /// Held open: a server may write more than the one line.
    _stdout: ChildStdout,
}

impl Server {
    /// Starts a server on its core and waits until it says where it listens.
    pub(crate) fn start(kind: Kind, places: &Places, cores: &Cores, options: Options) -> io::Result<Self> {
        let mut command = kind.command(places, options)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        // A process begins on the cores of the thread that starts it.
        cores::bind(&cores.of_server(kind.threads()))?;
        let child = command.spawn();
        cores::bind(&[cores.load])?;
        let mut child = Stopping(Some(child?));
        let stdout = child.get().and_then(|child| child.stdout.take());
        let (address, stdout) = address(stdout.ok_or_else(|| io::Error::other("no standard output"))?)?;
        let child = child.0.take().ok_or_else(|| io::Error::other("no process"))?;
        Ok(Self { child, address, _stdout: stdout })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The CPU time it has used so far.
    pub(crate) fn cpu(&self) -> io::Result<Cpu> {
        Cpu::of(self.child.id())
    }

    /// Counts its threads from now on.
    pub(crate) fn watch_threads(&self) -> ThreadWatch {
        ThreadWatch::start(self.child.id())
    }

    /// The memory it has now.
    pub(crate) fn memory(&self) -> io::Result<Memory> {
        Memory::of(self.child.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

/// A process that is not yet a [`Server`]: it ends with an early return.
struct Stopping(Option<Child>);

impl Stopping {
    fn get(&mut self) -> Option<&mut Child> {
        self.0.as_mut()
    }
}

impl Drop for Stopping {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            stop(child);
        }
    }
}

fn stop(child: &mut Child) {
    // Both fail only for a process that has ended.
    let _ = child.kill();
    let _ = child.wait();
}

/// Reads the line with the address; a server that does not write it in time ends, and with it the reading thread.
fn address(stdout: ChildStdout) -> io::Result<(SocketAddr, ChildStdout)> {
    let (found, address) = mpsc::channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(stdout);
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
            if let Some(address) = line.trim().strip_prefix("listening on http://").and_then(|text| text.parse().ok()) {
                let _ = found.send((address, reader.into_inner()));
                return;
            }
            line.clear();
        }
    });
    address.recv_timeout(START_MAX).map_err(|_| io::Error::other("the server did not say where it listens"))
}

const START_MAX: Duration = Duration::from_secs(10);
