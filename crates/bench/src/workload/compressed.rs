//! Polls whose answers are compressed.

use std::io;

use super::fan_out::FanOut;
use super::session::Lab;
use crate::record::{MIB_PEAK, Record, THREADS_PEAK};
use crate::server::Kind;

/// A fan-out, and how many threads and how much memory the server takes for it.
pub(crate) fn run(fan_out: FanOut, lab: &Lab, kind: Kind, record: &mut Record) -> io::Result<()> {
    let (mut session, lost) = fan_out.prepare(lab, kind)?;
    let watch = session.server.watch_threads();
    fan_out.measure(&mut session, fan_out.time(lab), record)?;
    record.lost += lost;
    record.set(THREADS_PEAK, watch.peak() as f64);
    record.set(MIB_PEAK, session.server.memory()?.peak_kib as f64 / 1024.0);
    Ok(())
}
