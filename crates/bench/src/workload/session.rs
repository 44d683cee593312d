//! One server, its clients, and the account of what passes between them.

use std::io;
use std::ops::Range;
use std::time::{Duration, Instant};

use super::pace::{Pace, SATURATED_IN_FLIGHT_MAX, STREAM_AHEAD_BYTES, Script};
use crate::cores::Cores;
use crate::load::{Fleet, Signal, Transport};
use crate::server::{Cpu, Kind, Options, Places, Server};
use crate::tally::Tally;
use crate::wire::event::{self, Name};

/// Where and how runs are made.
#[derive(Debug, Clone)]
pub(crate) struct Lab {
    pub(crate) places: Places,
    pub(crate) cores: Cores,
    /// Fewer clients and shorter: to see that everything works.
    pub(crate) is_quick: bool,
    /// How long a fan-out is measured, if another time is wanted.
    pub(crate) measured: Option<Duration>,
    /// The relay keeps its own limits in all rows.
    pub(crate) has_limits: bool,
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
    /// Events of somebody else's flood that came here too.
    pub(crate) flooded: u64,
    began: Instant,
}

/// What clients can join, where the server was told of rooms.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Room {
    Crowd,
    Pair,
}

impl Room {
    /// The message that lets its sender in.
    pub(crate) fn entry(self) -> Vec<u8> {
        event::entry(match self {
            Self::Crowd => "crowd",
            Self::Pair => "pair",
        })
    }
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
        mut options: Options,
        (clients, senders): (usize, usize),
    ) -> io::Result<Self> {
        options.access.has_limits |= lab.has_limits;
        let server = Server::start(kind, &lab.places, &lab.cores, options)?;
        let fleet = Fleet::new(server.address(), options.access.greetings(clients))?;
        let mut session =
            Self { server, fleet, tally: Tally::new(clients, senders), pings: 0, flooded: 0, began: Instant::now() };
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
                Signal::Event(_) | Signal::Probed => {}
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

    /// Lets clients join a room, and waits until the server must have handled it.
    pub(crate) fn enter(&mut self, room: Room, clients: Range<usize>) -> io::Result<()> {
        for client in clients {
            self.fleet.send(client, &room.entry())?;
        }
        self.rest(ENTER_SETTLE)
    }

    /// Sends at a pace, for a time.
    pub(crate) fn drive(&mut self, pace: Pace, script: &Script, time: Duration) -> io::Result<()> {
        let filler = script.filler();
        let start = Instant::now();
        let end = start + time;
        let mut sent = 0;
        while Instant::now() < end {
            while let Some(at) = self.due(pace, start, sent) {
                self.send(script.event(sent), &filler, at)?;
                sent += 1;
            }
            let next = match pace {
                Pace::Open { events_per_s } => due_at(start, sent, events_per_s),
                // A millisecond's worth at a time is as even as a sender's own buffers make it.
                Pace::Stream { .. } => Instant::now() + STREAM_STEP,
                Pace::Closed { .. } | Pace::Saturated | Pace::Burst { .. } => end,
            };
            self.turn(next.min(end).saturating_duration_since(Instant::now()).min(TURN_MAX))?;
        }
        Ok(())
    }

    /// Whether the next event is to be sent now, and from when its latency counts.
    fn due(&self, pace: Pace, start: Instant, sent: u32) -> Option<Instant> {
        let now = Instant::now();
        let in_flight = self.tally.in_flight;
        match pace {
            Pace::Closed { window } => (in_flight < window).then_some(now),
            Pace::Saturated => (self.tally.has_newest_arrived && in_flight < SATURATED_IN_FLIGHT_MAX).then_some(now),
            Pace::Burst { events } => (in_flight == 0 || !sent.is_multiple_of(events)).then_some(now),
            // From when it was due: a load that is held up must not make the server look faster.
            Pace::Open { events_per_s } => Some(due_at(start, sent, events_per_s)).filter(|at| *at <= now),
            // Not from then: who is held back was told to wait.
            Pace::Stream { events_per_s } => {
                let may_go = self.fleet.waiting_bytes(0) < STREAM_AHEAD_BYTES;
                (may_go && due_at(start, sent, events_per_s) <= now).then_some(now)
            }
        }
    }

    /// Waits until everything has arrived; how many deliveries have not.
    pub(crate) fn drain(&mut self) -> io::Result<u64> {
        let end = Instant::now() + DRAIN_MAX;
        // For who was cut off nobody has to wait.
        while self.tally.in_flight > 0 && self.tally.counts.closed == 0 && Instant::now() < end {
            self.turn(TURN_MAX)?;
        }
        Ok(self.tally.missing())
    }

    pub(crate) fn mark(&self) -> io::Result<Mark> {
        Ok(Mark { server: self.server.cpu()?, load: Cpu::of(std::process::id())?, at: Instant::now() })
    }

    fn send(&mut self, (sender, name, bytes): (usize, Name, usize), filler: &[u8], at: Instant) -> io::Result<()> {
        let stamp = self.tally.send(sender, us(at - self.began));
        self.fleet.send(sender, &stamp.message(name, filler.get(..bytes).unwrap_or(filler)))
    }

    fn turn(&mut self, wait: Duration) -> io::Result<()> {
        let Self { fleet, tally, pings, flooded, began, .. } = self;
        let mut now_us = None;
        fleet.turn(wait, |client, signal| match signal {
            Signal::Event(message) if event::is_flood(message) => *flooded += 1,
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
            Signal::Ready | Signal::Probed => {}
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

fn due_at(start: Instant, sent: u32, events_per_s: f64) -> Instant {
    start + Duration::from_secs_f64(f64::from(sent) / events_per_s)
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
const STREAM_STEP: Duration = Duration::from_millis(1);
const ENTER_SETTLE: Duration = Duration::from_millis(300);
const DRAIN_MAX: Duration = Duration::from_secs(10);
