//! One server, its clients, and the account of what passes between them.

use std::io;
use std::time::{Duration, Instant};

use super::fan_out::Pace;
use crate::cores::Cores;
use crate::load::{Fleet, Signal, Transport};
use crate::server::{Cpu, Kind, Options, Places, Server};
use crate::tally::Tally;

/// Where and how runs are made.
#[derive(Debug, Clone)]
pub(crate) struct Lab {
    pub(crate) places: Places,
    pub(crate) cores: Cores,
    /// Fewer clients and shorter: to see that everything works.
    pub(crate) is_quick: bool,
    /// How long a fan-out is measured, if another time is wanted.
    pub(crate) measured: Option<Duration>,
}

impl Lab {
    /// How many clients there are when everything may be smaller.
    pub(crate) fn shortened(&self, clients: usize) -> usize {
        if self.is_quick { clients.div_ceil(5) } else { clients }
    }
}

/// A run, from the server's start to its end.
pub(crate) struct Session {
    pub(crate) server: Server,
    pub(crate) fleet: Fleet,
    pub(crate) tally: Tally,
    pub(crate) pings: u64,
    began: Instant,
}

/// What both sides had used at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    server: Cpu,
    load: Cpu,
    at: Instant,
}

impl Session {
    /// Starts the server; nobody is connected yet.
    pub(crate) fn start(
        lab: &Lab,
        kind: Kind,
        options: Options,
        (clients, senders): (usize, usize),
    ) -> io::Result<Self> {
        let server = Server::start(kind, &lab.places, &lab.cores, options)?;
        let fleet = Fleet::new(server.address())?;
        let mut session = Self { server, fleet, tally: Tally::new(clients, senders), pings: 0, began: Instant::now() };
        session.rest(START_SETTLE)?;
        Ok(session)
    }

    /// Connects clients, a bounded number at a time, and waits until all are ready.
    ///
    /// # Errors
    /// Not all were.
    pub(crate) fn connect(&mut self, transport: Transport, clients: usize) -> io::Result<()> {
        let end = Instant::now() + CONNECT_MAX;
        let (mut started, mut ready, mut refused) = (0, 0, None);
        while ready < clients {
            while started < clients && started - ready < CONNECTS_AT_ONCE {
                self.fleet.connect(transport)?;
                started += 1;
            }
            let pings = &mut self.pings;
            self.fleet.turn(TURN_MAX, |_, signal| match signal {
                Signal::Ready => ready += 1,
                Signal::Closed(why) => refused = Some(why),
                Signal::Ping => *pings += 1,
                Signal::Event(_) => {}
            })?;
            if let Some(why) = refused {
                return Err(io::Error::other(format!("only {ready} of {clients} clients connected: {why}")));
            }
            if Instant::now() > end {
                return Err(io::Error::other(format!("only {ready} of {clients} clients connected in time")));
            }
        }
        Ok(())
    }

    /// Lets time pass in which only the server begins anything.
    pub(crate) fn rest(&mut self, time: Duration) -> io::Result<()> {
        let end = Instant::now() + time;
        while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            self.turn(left)?;
        }
        Ok(())
    }

    /// Sends at a pace, for a time.
    pub(crate) fn drive(&mut self, pace: Pace, bytes: usize, senders: usize, time: Duration) -> io::Result<()> {
        let start = Instant::now();
        let end = start + time;
        let mut sent = 0_u32;
        while Instant::now() < end {
            let next = match pace {
                Pace::Closed { window } => {
                    while self.tally.in_flight < window {
                        self.send(sent as usize % senders, bytes, Instant::now())?;
                        sent += 1;
                    }
                    end
                }
                Pace::Open { events_per_s } => {
                    let due = |sent: u32| start + Duration::from_secs_f64(f64::from(sent) / events_per_s);
                    while due(sent) <= Instant::now() {
                        // From when it was due: a load that is held up must not make the server look faster.
                        self.send(sent as usize % senders, bytes, due(sent))?;
                        sent += 1;
                    }
                    due(sent).min(end)
                }
            };
            self.turn(next.saturating_duration_since(Instant::now()).min(TURN_MAX))?;
        }
        Ok(())
    }

    /// Waits until everything has arrived; how many deliveries have not.
    pub(crate) fn drain(&mut self) -> io::Result<u64> {
        let end = Instant::now() + DRAIN_MAX;
        while self.tally.in_flight > 0 && Instant::now() < end {
            self.turn(TURN_MAX)?;
        }
        Ok(self.tally.missing())
    }

    pub(crate) fn mark(&self) -> io::Result<Mark> {
        Ok(Mark { server: self.server.cpu()?, load: Cpu::of(std::process::id())?, at: Instant::now() })
    }

    fn send(&mut self, sender: usize, bytes: usize, due: Instant) -> io::Result<()> {
        let stamp = self.tally.send(sender, us(due - self.began));
        self.fleet.send(sender, &stamp.message(bytes))
    }

    fn turn(&mut self, wait: Duration) -> io::Result<()> {
        let Self { fleet, tally, pings, began, .. } = self;
        let mut now_us = None;
        fleet.turn(wait, |client, signal| match signal {
            Signal::Event(message) => {
                // One look at the clock for what was read in one turn would be cheaper still, but a turn may take
                // longer than the latency that is to be measured.
                let now_us = match now_us {
                    Some((last, now_us)) if last == client => now_us,
                    _ => now_us.insert((client, us(began.elapsed()))).1,
                };
                tally.receive(client, message, now_us);
            }
            Signal::Ping => *pings += 1,
            Signal::Closed(_) => tally.counts.closed += 1,
            Signal::Ready => {}
        })
    }
}

impl Mark {
    /// What the server used between two marks, in microseconds.
    pub(crate) fn server_us_since(self, earlier: Self) -> f64 {
        self.server.since(earlier.server).as_secs_f64() * 1e6
    }

    /// Which part of the time between two marks the load's core was busy with the load.
    pub(crate) fn load_share_since(self, earlier: Self) -> f64 {
        self.load.since(earlier.load).as_secs_f64() / self.seconds_since(earlier)
    }

    pub(crate) fn seconds_since(self, earlier: Self) -> f64 {
        (self.at - earlier.at).as_secs_f64()
    }
}

fn us(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// A server that has just started still sets itself up.
const START_SETTLE: Duration = Duration::from_millis(300);
const CONNECT_MAX: Duration = Duration::from_secs(60);
/// Below every server's backlog, so that no connection waits for a second to be tried again.
const CONNECTS_AT_ONCE: usize = 64;
const TURN_MAX: Duration = Duration::from_millis(100);
const DRAIN_MAX: Duration = Duration::from_secs(10);
