//! A quiet pair of clients, and what it notices of a flood.

use std::io;
use std::time::{Duration, Instant};

use super::crowd::{Crowd, Flood, posted_events};
use super::pace::{Pace, Script};
use super::session::{Lab, Room, Session};
use crate::load::Transport;
use crate::record::{
    DELIVERIES_PER_S, PAIR_P99, PAIR_P99_FLOODED, PAIR_P99_GROWTH, PAIR_WORST, PAIR_WORST_FLOODED, Record,
};
use crate::server::{Kind, Options, Rules};
use crate::wire::event::Name;

/// Two clients send each other 200 small events a second, measured before and during a flood of others to others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flooded {
    /// The clients beside the pair and the flooders.
    pub(crate) members: usize,
    pub(crate) flooders: &'static [Transport],
    pub(crate) flood: Flood,
}

impl Flooded {
    pub(crate) fn run(self, lab: &Lab, kind: Kind, record: &mut Record) -> io::Result<()> {
        let Self { members, flooders, flood } = self;
        let options = Options { rules: Rules::Rooms, ..Options::default() };
        let mut session = Session::start(lab, kind, options, (2, 2))?;
        session.connect(Transport::WebSocket, 2)?;
        session.enter(Room::Pair, 0..2)?;
        let crowd = Crowd::start(session.server.address(), lab.shortened(members), flooders, flood)?;
        let (warm_up, measured) = if lab.is_quick { QUICK } else { FULL };

        session.drive(PACE, &SCRIPT, warm_up)?;
        let mut lost = session.drain()?;
        session.tally.restart();
        session.drive(PACE, &SCRIPT, measured)?;
        lost = lost.max(session.drain()?);
        let (p99, worst) = quantiles(&session);
        let without = session.tally.counts;

        session.tally.restart();
        let begun = Instant::now();
        crowd.set_flooding(true);
        session.drive(PACE, &SCRIPT, lab.measured.unwrap_or(measured))?;
        lost = lost.max(match flood {
            Flood::Stream => 0,
            Flood::Post => await_post(&mut session, &crowd, lab.shortened(members) + flooders.len())?,
        });
        crowd.set_flooding(false);
        let (delivered, seconds) = (crowd.delivered(), begun.elapsed().as_secs_f64());
        lost = lost.max(session.drain()?);
        let (p99_flooded, worst_flooded) = quantiles(&session);

        record.set_counts(session.tally.counts, lost);
        record.sent += without.sent;
        record.delivered += without.delivered;
        record.closed += crowd.closed();
        record.set(PAIR_P99, p99);
        record.set(PAIR_P99_FLOODED, p99_flooded);
        record.set(PAIR_P99_GROWTH, p99_flooded / p99);
        record.set(PAIR_WORST, worst);
        record.set(PAIR_WORST_FLOODED, worst_flooded);
        record.set(DELIVERIES_PER_S, delivered as f64 / seconds);
        Ok(())
    }
}

/// Goes on until all that was posted has arrived, in the crowd and at the pair; how much has not.
fn await_post(session: &mut Session, crowd: &Crowd, crowded: usize) -> io::Result<u64> {
    let expected = posted_events() * (crowded as u64 + 2);
    let end = Instant::now() + POST_MAX;
    loop {
        let missing = expected.saturating_sub(crowd.delivered() + session.flooded);
        if missing == 0 || Instant::now() > end || crowd.closed() > 0 {
            return Ok(missing);
        }
        session.drive(PACE, &SCRIPT, STEP)?;
    }
}

/// The 99th of a hundred, and the last.
fn quantiles(session: &Session) -> (f64, f64) {
    (session.tally.latencies.quantile_ms(0.99), session.tally.latencies.quantile_ms(1.0))
}

const PACE: Pace = Pace::Open { events_per_s: 200.0 };
const SCRIPT: Script = Script { senders: 2, names: &[Name::ToPair], ..Script::SMALL };
const FULL: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(3));
const QUICK: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(500));
const STEP: Duration = Duration::from_millis(100);
/// With what was measured before it, longer than any server took that delivers it at all.
const POST_MAX: Duration = Duration::from_secs(20);
