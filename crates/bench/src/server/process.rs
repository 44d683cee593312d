//! A server's process, from its start to its end.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use super::{Cpu, Kind, Memory, Options, Places, ThreadWatch};
use crate::cores::{self, Cores};
use crate::wire::http::{Response, metrics_request};

/// Where a server says that it listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Said {
    clients: SocketAddr,
    /// For operators.
    ops: Option<SocketAddr>,
    /// For programs.
    api: Option<SocketAddr>,
}

/// A running server. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    said: Said,
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
        let (said, stdout) = addresses(stdout.ok_or_else(|| io::Error::other("no standard output"))?)?;
        let child = child.0.take().ok_or_else(|| io::Error::other("no process"))?;
        Ok(Self { child, said, _stdout: stdout })
    }

    /// Where clients connect.
    pub(crate) fn address(&self) -> SocketAddr {
        self.said.clients
    }

    /// Where programs emit by HTTP.
    pub(crate) fn api(&self) -> io::Result<SocketAddr> {
        self.said.api.ok_or_else(|| io::Error::other("it has no API"))
    }

    /// What a counter for operators says. A scrape is work too: not while the server is measured.
    pub(crate) fn counter(&self, name: &str) -> io::Result<f64> {
        let address = self.said.ops.ok_or_else(|| io::Error::other("it counts nothing for operators"))?;
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(SCRAPE_MAX))?;
        stream.write_all(&metrics_request(&address.to_string()))?;
        let mut answer = Vec::new();
        let response = loop {
            if let Some(response) = Response::read(&answer) {
                break response;
            }
            let mut bytes = [0; SCRAPE_BYTES];
            match stream.read(&mut bytes)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => answer.extend_from_slice(bytes.get(..read).unwrap_or_default()),
            }
        };
        let text = String::from_utf8_lossy(&response.body);
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        value.ok_or_else(|| io::Error::other(format!("no {name} among its metrics")))
    }

    /// The CPU time it has used so far.
    pub(crate) fn cpu(&self) -> io::Result<Cpu> {
        Cpu::of(self.child.id())
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn end(mut self) -> io::Result<()> {
        rustix::process::kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let end = Instant::now() + END_MAX;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > end {
                return Err(io::Error::other("the server did not end in time"));
            }
            thread::sleep(END_STEP);
        }
        Ok(())
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

/// Reads the lines with addresses, the last of which is for clients; a server that does not write it in time ends, and with it the
/// reading thread.
fn addresses(stdout: ChildStdout) -> io::Result<(Said, ChildStdout)> {
    let (found, addresses) = mpsc::channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(stdout);
        if let Some(said) = read_addresses(&mut reader) {
            let _ = found.send((said, reader.into_inner()));
        }
    });
    addresses.recv_timeout(START_MAX).map_err(|_| io::Error::other("the server did not say where it listens"))
}

fn read_addresses(reader: &mut impl BufRead) -> Option<Said> {
    let (mut ops, mut api) = (None, None);
    let mut line = String::new();
    while reader.read_line(&mut line).ok()? > 0 {
        let address = |start: &str| line.trim().strip_prefix(start)?.strip_prefix(" on http://")?.parse().ok();
        if let Some(clients) = address("listening") {
            return Some(Said { clients, ops, api });
        }
        ops = address("ops").or(ops);
        api = address("api").or(api);
        line.clear();
    }
    None
}

const START_MAX: Duration = Duration::from_secs(10);
const END_MAX: Duration = Duration::from_secs(30);
const END_STEP: Duration = Duration::from_millis(20);
const SCRAPE_MAX: Duration = Duration::from_secs(10);
const SCRAPE_BYTES: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_for_clients_is_the_last_that_is_read() {
        let address = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let mut text: &[u8] = b"ops on http://127.0.0.1:1\nsomething else\napi on http://127.0.0.1:2\n\
                                listening on http://127.0.0.1:3\nmore\n";
        let said = Said { clients: address(3), ops: Some(address(1)), api: Some(address(2)) };
        assert_eq!(read_addresses(&mut text), Some(said));
        assert_eq!(text, b"more\n");
        let mut text: &[u8] = b"listening on http://127.0.0.1:3\n";
        assert_eq!(read_addresses(&mut text), Some(Said { ops: None, api: None, ..said }));
        assert_eq!(read_addresses(&mut &b"ops on http://127.0.0.1:1\n"[..]), None);
    }
}
