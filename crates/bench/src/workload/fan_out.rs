//! Events from a few to all, one after the other or at a rate.

use std::io;
use std::time::Duration;

use super::pace::{Pace, Script};
use super::session::{Lab, Room, Session};
use crate::load::Transport;
use crate::record::{
    CLOSED, CPU_PER_DELIVERY, DELIVERIES_PER_S, EVENTS_PER_S, LOAD_CPU, P50, P99, P999, Record, SERVER_CPU,
};
use crate::server::{Access, Kind, Options, Rules};

/// Every event goes to everybody it is for, the sender included unless the server is told otherwise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FanOut {
    pub(crate) clients: usize,
    pub(crate) transport: Transport,
    pub(crate) script: Script,
    pub(crate) pace: Pace,
    pub(crate) rules: Rules,
    pub(crate) access: Access,
    /// How much each client reads, if not as much as comes.
    pub(crate) read_bytes_per_s: Option<f64>,
    /// How long it is measured.
    pub(crate) time: Duration,
}

impl FanOut {
    /// What most workloads have in common.
    pub(crate) const SMALL: Self = Self {
        clients: 0,
        transport: Transport::WebSocket,
        script: Script::SMALL,
        pace: Pace::Closed { window: 1 },
        rules: Rules::None,
        access: Access::OPEN,
        read_bytes_per_s: None,
        time: Duration::from_millis(2_500),
    };

    pub(crate) fn run(self, lab: &Lab, kind: Kind, record: &mut Record) -> io::Result<()> {
        let (mut session, lost) = self.prepare(lab, kind)?;
        self.measure(&mut session, self.time(lab), record)?;
        record.lost += lost;
        Ok(())
    }

    /// How long it is measured in this lab.
    pub(crate) fn time(self, lab: &Lab) -> Duration {
        lab.measured.unwrap_or(if lab.is_quick { self.time / 5 } else { self.time })
    }

    /// A server with its clients, warm and silent, and how many deliveries were lost on the way.
    pub(crate) fn prepare(self, lab: &Lab, kind: Kind) -> io::Result<(Session, u64)> {
        let options = Options { rules: self.rules, access: self.access, ..Options::default() };
        let mut session = Session::start(lab, kind, options, (self.clients, self.script.senders))?;
        if self.rules == Rules::Others {
            session.tally.leave_senders_out();
        }
        session.connect(self.transport, self.clients)?;
        if self.rules == Rules::Rooms {
            session.enter(Room::Crowd, 0..self.clients)?;
        }
        session.drive(self.pace, &self.script, if lab.is_quick { WARM_UP / 4 } else { WARM_UP })?;
        let lost = session.drain()?;
        Ok((session, lost))
    }

    /// Measures from nothing in flight to nothing in flight.
    pub(crate) fn measure(self, session: &mut Session, time: Duration, record: &mut Record) -> io::Result<()> {
        // Everybody is silent before each mark, so that both clocks are exact.
        session.rest(SETTLE)?;
        session.tally.restart();
        let before = session.mark()?;
        session.fleet.limit_reading(self.read_bytes_per_s);
        session.drive(self.pace, &self.script, time)?;
        let driven = session.mark()?;
        let delivered_meanwhile = session.tally.counts.delivered;
        session.fleet.limit_reading(None);
        let lost = session.drain()?;
        let drained = session.mark()?;
        session.rest(SETTLE)?;
        let after = session.mark()?;

        let counts = session.tally.counts;
        record.set_counts(counts, lost);
        let seconds = drained.seconds_since(before);
        record.set(CPU_PER_DELIVERY, after.server_us_since(before) / counts.delivered as f64);
        record.set(P50, session.tally.latencies.quantile_ms(0.5));
        record.set(P99, session.tally.latencies.quantile_ms(0.99));
        record.set(P999, session.tally.latencies.quantile_ms(0.999));
        record.set(EVENTS_PER_S, counts.sent as f64 / seconds);
        record.set(DELIVERIES_PER_S, delivered_meanwhile as f64 / driven.seconds_since(before));
        record.set(SERVER_CPU, drained.server_us_since(before) / 1e6 / seconds);
        if let Pace::Stream { .. } = self.pace {
            record.set(CLOSED, counts.closed as f64);
        }
        record.set(LOAD_CPU, drained.load_share_since(before));
        Ok(())
    }
}

const WARM_UP: Duration = Duration::from_millis(700);
const SETTLE: Duration = Duration::from_millis(50);
