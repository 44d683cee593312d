//! A storm of connections.

use std::io;
use std::time::Duration;

use super::session::{Lab, Session};
use crate::load::Transport;
use crate::record::{CPU_PER_CONNECT, EVENTS_PER_S, Record};
use crate::server::{Access, Kind, Options};

/// TCP, upgrade, handshake and the namespace: what it costs until a client is ready.
pub(crate) fn run(lab: &Lab, kind: Kind, clients: usize, access: Access, record: &mut Record) -> io::Result<()> {
    let mut session = Session::start(lab, kind, Options { access, ..Options::default() }, (WARM_UP + clients, 0))?;
    session.connect(Transport::WebSocket, WARM_UP)?;
    session.rest(SETTLE)?;
    let before = session.mark()?;
    session.connect(Transport::WebSocket, clients)?;
    let connected = session.mark()?;
    session.rest(SETTLE)?;
    let after = session.mark()?;

    record.set_counts(session.tally.counts, 0);
    record.sent = clients as u64;
    record.delivered = clients as u64;
    record.set(CPU_PER_CONNECT, after.server_us_since(before) / clients as f64);
    record.set(EVENTS_PER_S, clients as f64 / connected.seconds_since(before));
    Ok(())
}

const WARM_UP: usize = 100;
const SETTLE: Duration = Duration::from_millis(100);
