//! What it costs to keep idle clients alive.

use std::io;
use std::time::Duration;

use super::session::{Lab, Session};
use crate::load::Transport;
use crate::record::{CPU_PER_PING, CPU_SHARE, Record};
use crate::server::{Kind, Options};

/// Pings come more often than they do by default, so that there is something to measure: the cost of one ping and its
/// answer is what is left when that is divided out, and from it what the default interval costs. A constant cost per
/// second that does not depend on the pings is divided too, and so looks smaller than it is.
pub(crate) fn run(
    lab: &Lab,
    kind: Kind,
    clients: usize,
    ping_interval: Duration,
    record: &mut Record,
) -> io::Result<()> {
    let options = Options { ping_interval: Some(ping_interval), ..Options::default() };
    let mut session = Session::start(lab, kind, options, (0, 0))?;
    session.connect(Transport::WebSocket, clients)?;
    // Until everybody has been pinged once, and the storm of connections is over.
    session.rest(ping_interval)?;
    session.pings = 0;
    let before = session.mark()?;
    session.rest(ping_interval * INTERVALS)?;
    let pings = session.pings as f64;
    let after = session.mark()?;

    record.set_counts(session.tally.counts, 0);
    // A ping comes late by the time its answer takes; a server that leaves out a tenth does not keep them alive.
    let least = (clients as f64 * f64::from(INTERVALS) * 0.9) as u64;
    record.sent = session.pings.max(least);
    record.delivered = session.pings;
    record.lost = record.sent - record.delivered;
    let us_per_ping = after.server_us_since(before) / pings;
    record.set(CPU_PER_PING, us_per_ping);
    record.set(CPU_SHARE, us_per_ping * clients as f64 / DEFAULT_PING_INTERVAL_S / 1000.0);
    Ok(())
}

const INTERVALS: u32 = 2;
const DEFAULT_PING_INTERVAL_S: f64 = 25.0;
