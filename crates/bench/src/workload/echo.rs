//! A large event from and to each client, and what memory is left of it.

use std::io;
use std::time::{Duration, Instant};

use super::session::{Lab, Session};
use crate::load::{Signal, Transport};
use crate::record::{MEMORY_GROWTH, MIB_AFTER, MIB_BEFORE, MIB_PEAK, Record};
use crate::server::{Kind, Options, Rules};
use crate::wire::event;

/// All clients send at once; each gets its own event back, and stays connected.
pub(crate) fn run(
    lab: &Lab,
    kind: Kind,
    clients: usize,
    bytes: usize,
    rest: Duration,
    record: &mut Record,
) -> io::Result<()> {
    let options = Options { max_payload_bytes: Some(bytes * 2), rules: Rules::Echo, ..Options::default() };
    let mut session = Session::start(lab, kind, options, (0, 0))?;
    session.connect(Transport::WebSocket, clients)?;
    session.rest(SETTLE)?;
    let before = session.server.memory()?;

    let message = event::echo(bytes);
    for client in 0..clients {
        session.fleet.send(client, &message)?;
    }
    let mut echoed = 0;
    let end = Instant::now() + ECHO_MAX;
    while echoed < clients as u64 && Instant::now() < end {
        let counts = &mut session.tally.counts;
        session.fleet.turn(TURN_MAX, |_, signal| match signal {
            Signal::Event(message) if event::is_echo(message) => echoed += 1,
            Signal::Event(_) => counts.wrong += 1,
            Signal::Closed(_) => counts.closed += 1,
            Signal::Ready | Signal::Ping | Signal::Probed => {}
        })?;
    }
    session.rest(rest)?;
    let after = session.server.memory()?;

    record.set_counts(session.tally.counts, clients as u64 - echoed);
    record.sent = clients as u64;
    record.delivered = echoed;
    record.set(MIB_BEFORE, before.now_kib as f64 / 1024.0);
    record.set(MIB_PEAK, after.peak_kib as f64 / 1024.0);
    record.set(MIB_AFTER, after.now_kib as f64 / 1024.0);
    record.set(MEMORY_GROWTH, after.now_kib as f64 / before.now_kib as f64);
    Ok(())
}

const SETTLE: Duration = Duration::from_secs(1);
const ECHO_MAX: Duration = Duration::from_secs(20);
const TURN_MAX: Duration = Duration::from_millis(100);
