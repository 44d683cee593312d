//! The Redis between servers that are one, of a run's own.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::Cpu;
use crate::cores;
use crate::histogram::Histogram;
use crate::wire::resp::{Reply, write_command};

/// A running `redis-server` that keeps nothing on disk. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Redis {
    child: Child,
    port: u16,
}

impl Redis {
    /// Starts one on this core.
    ///
    /// # Errors
    /// It is not installed, or did not start in time.
    pub(crate) fn start(core: usize) -> io::Result<Self> {
        let mut last = io::Error::other("it was not tried");
        for _ in 0..TRIES {
            match Self::start_on(free_port()?, core) {
                Ok(redis) => return Ok(redis),
                // Somebody else may have been faster to take the port.
                Err(error) => last = error,
            }
        }
        Err(io::Error::other(format!("no redis-server: {last}")))
    }

    fn start_on(port: u16, core: usize) -> io::Result<Self> {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--", "redis-server", "--bind", "127.0.0.1", "--save", ""]);
        command.args(["--appendonly", "no", "--port", &port.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        cores::bind(&[core])?;
        let mut redis = Self { child: command.spawn()?, port };
        let end = Instant::now() + START_MAX;
        loop {
            if redis.client().and_then(|mut client| client.ask(&[b"PING"])).is_ok() {
                return Ok(redis);
            }
            if let Some(status) = redis.child.try_wait()? {
                return Err(io::Error::other(format!("it ended: {status}")));
            }
            if Instant::now() > end {
                return Err(io::Error::other("it did not answer in time"));
            }
            thread::sleep(START_STEP);
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The CPU time it has used so far.
    pub(crate) fn cpu(&self) -> io::Result<Cpu> {
        Cpu::of(self.child.id())
    }

    /// A connection to it.
    pub(crate) fn client(&self) -> io::Result<Client> {
        let stream = TcpStream::connect(address(self.port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(REPLY_MAX))?;
        Ok(Client { stream, buffer: Vec::new() })
    }

    /// Waits until so many connections subscribe to something.
    pub(crate) fn await_subscribers(&self, count: usize) -> io::Result<()> {
        let mut client = self.client()?;
        let end = Instant::now() + START_MAX;
        while Instant::now() < end {
            let Reply::Text(list) = client.ask(&[b"CLIENT", b"LIST", b"TYPE", b"pubsub"])? else { continue };
            if list.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count() >= count {
                return Ok(());
            }
            thread::sleep(START_STEP);
        }
        Err(io::Error::other("the servers did not subscribe in time"))
    }

    /// How long a message of so many bytes takes from one connection through Redis to another, both of them bare and on
    /// this core.
    pub(crate) fn round_trip(&self, bytes: usize, core: usize, load_core: usize) -> io::Result<Histogram> {
        cores::bind(&[core])?;
        let trips = self.trips(bytes);
        cores::bind(&[load_core])?;
        trips
    }

    fn trips(&self, bytes: usize) -> io::Result<Histogram> {
        let (mut publisher, mut subscriber) = (self.client()?, self.client()?);
        subscriber.ask(&[b"SUBSCRIBE", CHANNEL])?;
        let message = vec![b'x'; bytes];
        let mut histogram = Histogram::default();
        for _ in 0..TRIPS {
            let begun = Instant::now();
            publisher.send(&[&[b"PUBLISH", CHANNEL, &message]])?;
            subscriber.reply()?;
            histogram.record(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
            publisher.reply()?;
        }
        Ok(histogram)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Both fail only for a process that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A connection that waits for each reply.
#[derive(Debug)]
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    /// Sends a command, and gives back its reply.
    pub(crate) fn ask(&mut self, parts: &[&[u8]]) -> io::Result<Reply> {
        self.send(&[parts])?;
        self.reply()
    }

    /// Sends commands, all at once. Each has a reply.
    pub(crate) fn send(&mut self, commands: &[&[&[u8]]]) -> io::Result<()> {
        let mut out = Vec::new();
        commands.iter().for_each(|parts| write_command(&mut out, parts));
        self.stream.write_all(&out)
    }

    /// The next reply.
    pub(crate) fn reply(&mut self) -> io::Result<Reply> {
        loop {
            if let Some((reply, bytes)) = Reply::read(&self.buffer) {
                self.buffer.drain(..bytes);
                return match reply {
                    Reply::Refused(why) => Err(io::Error::other(format!("Redis refused: {why}"))),
                    reply => Ok(reply),
                };
            }
            let mut bytes = [0; READ_BYTES];
            match self.stream.read(&mut bytes)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => self.buffer.extend_from_slice(bytes.get(..read).unwrap_or_default()),
            }
        }
    }
}

fn address(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// One that was free a moment ago: Redis cannot be told to choose.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(address(0))?.local_addr()?.port())
}

const TRIES: u32 = 3;
const START_MAX: Duration = Duration::from_secs(10);
const START_STEP: Duration = Duration::from_millis(10);
const REPLY_MAX: Duration = Duration::from_secs(10);
const READ_BYTES: usize = 16 * 1024;
const CHANNEL: &[u8] = b"bench";
const TRIPS: u32 = 1_000;
