//! What a program emits by HTTP, beside what a client emits.

use std::io;
use std::time::Duration;

use super::pace::{Pace, Script};
use super::session::{Lab, Session};
use crate::load::Transport;
use crate::record::{CPU_PER_DELIVERY, EVENTS_PER_S, LOAD_CPU, P99, P99_API, P99_API_RATIO, Record};
use crate::server::{API_KEY, Access, Kind, Options};
use crate::tally::Apart;

/// In turn, and with one in flight: the next event goes out when everybody has the last one.
pub(crate) fn run(lab: &Lab, kind: Kind, clients: usize, record: &mut Record) -> io::Result<()> {
    let access = Access { has_api: true, ..Access::OPEN };
    // The first is the program, the second the client that emits too.
    let mut session = Session::start(lab, kind, Options { access, ..Options::default() }, (1 + clients, 2))?;
    let address = session.server.address();
    session.fleet.go_on_at(session.server.api()?);
    session.connect(Transport::Api { key: API_KEY }, 1)?;
    session.tally.leave_out(0);
    session.fleet.go_on_at(address);
    session.connect(Transport::WebSocket, clients)?;
    session.tally.count_apart(Apart::Of(0));

    let (warm_up, measured) = if lab.is_quick { QUICK } else { FULL };
    session.drive(PACE, &SCRIPT, warm_up)?;
    let lost = session.drain()?;
    session.rest(SETTLE)?;
    session.tally.restart();
    let before = session.mark()?;
    session.drive(PACE, &SCRIPT, lab.measured.unwrap_or(measured))?;
    let lost = lost + session.drain()?;
    let drained = session.mark()?;
    session.rest(SETTLE)?;
    let after = session.mark()?;

    let counts = session.tally.counts;
    let (own, api) = (session.tally.latencies.quantile_ms(0.99), session.tally.latencies_apart.quantile_ms(0.99));
    record.set_counts(counts, lost);
    record.set(P99, own);
    record.set(P99_API, api);
    record.set(P99_API_RATIO, api / own);
    record.set(CPU_PER_DELIVERY, after.server_us_since(before) / counts.delivered as f64);
    record.set(EVENTS_PER_S, counts.sent as f64 / drained.seconds_since(before));
    record.set(LOAD_CPU, drained.load_share_since(before));
    Ok(())
}

const PACE: Pace = Pace::Closed { window: 1 };
const SCRIPT: Script = Script { senders: 2, ..Script::SMALL };
/// Long, since the slowest hundredth of a few hundred events is what is asked for.
const FULL: (Duration, Duration) = (Duration::from_millis(700), Duration::from_secs(6));
const QUICK: (Duration, Duration) = (Duration::from_millis(200), Duration::from_millis(500));
const SETTLE: Duration = Duration::from_millis(50);
