//! Events from a few to all, one after the other or at a rate.

use std::io;
use std::time::Duration;

use super::session::{Lab, Session};
use crate::load::Transport;
use crate::record::{CPU_PER_DELIVERY, EVENTS_PER_S, LOAD_CPU, P50, P99, Record};
use crate::server::{Kind, Options};

/// Every event goes to every client, the sender included.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FanOut {
    pub(crate) clients: usize,
    /// The first so many clients send, in turn.
    pub(crate) senders: usize,
    pub(crate) transport: Transport,
    /// Of the event's argument.
    pub(crate) bytes: usize,
    pub(crate) pace: Pace,
}

/// When the next event is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// As soon as fewer than this many have not reached everybody.
    Closed { window: usize },
    /// Evenly spread, whatever has arrived.
    Open { events_per_s: f64 },
}

impl FanOut {
    /// What most workloads have in common.
    pub(crate) const SMALL: Self =
        Self { clients: 0, senders: 1, transport: Transport::WebSocket, bytes: 128, pace: Pace::Closed { window: 1 } };

    /// Connects, warms up, and measures from nothing in flight to nothing in flight.
    pub(crate) fn run(self, lab: &Lab, kind: Kind, record: &mut Record) -> io::Result<()> {
        let Self { clients, senders, transport, bytes, pace } = self;
        let mut session = Session::start(lab, kind, Options::default(), (clients, senders))?;
        session.connect(transport, clients)?;
        let (warm_up, measured) = if lab.is_quick { QUICK } else { FULL };
        session.drive(pace, bytes, senders, warm_up)?;
        let mut lost = session.drain()?;
        // Everybody is silent before each mark, so that both clocks are exact.
        session.rest(SETTLE)?;

        session.tally.restart();
        let before = session.mark()?;
        session.drive(pace, bytes, senders, lab.measured.unwrap_or(measured))?;
        lost = lost.max(session.drain()?);
        let drained = session.mark()?;
        session.rest(SETTLE)?;
        let after = session.mark()?;

        let counts = session.tally.counts;
        record.set_counts(counts, lost);
        record.set(CPU_PER_DELIVERY, after.server_us_since(before) / counts.delivered as f64);
        record.set(P50, session.tally.latencies.quantile_ms(0.5));
        record.set(P99, session.tally.latencies.quantile_ms(0.99));
        record.set(EVENTS_PER_S, counts.sent as f64 / drained.seconds_since(before));
        record.set(LOAD_CPU, drained.load_share_since(before));
        Ok(())
    }
}

const FULL: (Duration, Duration) = (Duration::from_millis(700), Duration::from_millis(2_500));
const QUICK: (Duration, Duration) = (Duration::from_millis(200), Duration::from_millis(500));
const SETTLE: Duration = Duration::from_millis(50);
