//! A few clients that stop reading, and what the others notice of it.

use std::io;
use std::time::Duration;

use super::pace::{Pace, Script};
use super::session::{Lab, Session};
use crate::load::Transport;
use crate::record::{P99, P99_GROWTH, P99_STALLED, Record};
use crate::server::{Kind, Options};

/// Measured twice on the same server and connections: before and after the readers stall.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stalled {
    pub(crate) clients: usize,
    /// The last so many clients. From when they stall, the figures are those of the others.
    pub(crate) stalled: usize,
    pub(crate) events_per_s: f64,
}

impl Stalled {
    pub(crate) fn run(self, lab: &Lab, kind: Kind, record: &mut Record) -> io::Result<()> {
        let mut session = Session::start(lab, kind, Options::default(), (self.clients, 1))?;
        session.connect(Transport::WebSocket, self.clients)?;
        let readers = self.clients - self.stalled;

        // The burst is sent both times, so that both measurements find the same buffers and caches.
        let mut lost = self.burst(&mut session)?;
        lost += self.measure(lab, &mut session)?;
        let (p99, without) = (session.tally.latencies.quantile_ms(0.99), session.tally.counts);

        for client in readers..self.clients {
            session.fleet.stall(client)?;
            session.tally.leave_out(client);
        }
        lost += self.burst(&mut session)?;
        lost += self.measure(lab, &mut session)?;
        let p99_stalled = session.tally.latencies.quantile_ms(0.99);

        record.set_counts(session.tally.counts, lost);
        record.sent += without.sent;
        record.delivered += without.delivered;
        record.set(P99, p99);
        record.set(P99_STALLED, p99_stalled);
        record.set(P99_GROWTH, p99_stalled / p99);
        Ok(())
    }

    /// More than the kernel holds for a connection (`tcp_wmem`: 4 MiB), so that what follows waits in the server.
    fn burst(self, session: &mut Session) -> io::Result<u64> {
        let sent = session.tally.counts.sent + BURST_EVENTS;
        while session.tally.counts.sent < sent {
            session.drive(Pace::Closed { window: 1 }, &BURST, BURST_STEP)?;
        }
        session.drain()
    }

    fn measure(self, lab: &Lab, session: &mut Session) -> io::Result<u64> {
        session.rest(SETTLE)?;
        session.tally.restart();
        let time = if lab.is_quick { QUICK } else { FULL };
        session.drive(Pace::Open { events_per_s: self.events_per_s }, &Script::SMALL, time)?;
        session.drain()
    }
}

const BURST_EVENTS: u64 = 90;
const BURST: Script = Script { bytes: &[64 * 1024], ..Script::SMALL };
const BURST_STEP: Duration = Duration::from_millis(1);
const SETTLE: Duration = Duration::from_millis(200);
/// The servers close a client that takes nothing for 20 s: burst and measurement are over before.
const FULL: Duration = Duration::from_secs(6);
const QUICK: Duration = Duration::from_secs(1);
