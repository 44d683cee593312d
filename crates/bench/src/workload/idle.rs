//! Clients that are connected and do nothing.

use std::io;
use std::time::Duration;

use super::session::{Lab, Session};
use crate::load::Transport;
use crate::record::{KIB_PER_CLIENT, MIB_AFTER, MIB_BEFORE, Record};
use crate::server::{Access, Kind, Options};

/// How much resident memory the server has more of than before anybody connected. What the kernel keeps for the
/// sockets is not in it.
pub(crate) fn run(
    lab: &Lab,
    kind: Kind,
    transport: Transport,
    clients: usize,
    access: Access,
    record: &mut Record,
) -> io::Result<()> {
    let mut session = Session::start(lab, kind, Options { access, ..Options::default() }, (clients, 0))?;
    let before = session.server.memory()?;
    session.connect(transport, clients)?;
    session.rest(SETTLE)?;
    let after = session.server.memory()?;

    record.set_counts(session.tally.counts, 0);
    record.sent = clients as u64;
    record.delivered = clients as u64;
    record.set(KIB_PER_CLIENT, after.now_kib.saturating_sub(before.now_kib) as f64 / clients as f64);
    record.set(MIB_BEFORE, before.now_kib as f64 / 1024.0);
    record.set(MIB_AFTER, after.now_kib as f64 / 1024.0);
    Ok(())
}

/// Long enough for a garbage collector that reacts, too short for a first ping.
const SETTLE: Duration = Duration::from_secs(3);
