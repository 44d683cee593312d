//! Two servers that are one by Redis.

use std::io;
use std::time::Duration;

use super::pace::{Pace, Script};
use super::session::{Lab, Mark, Session};
use crate::load::Transport;
use crate::record::{
    CPU_PER_LOCAL, CPU_PER_REMOTE, DELIVERIES_PER_S, EVENTS_PER_S, LOAD_CPU, P50_ADDED, P50_LOCAL, P50_REDIS,
    P50_REMOTE, P99_REMOTE, REDIS_CPU, Record,
};
use crate::server::{Cpu, Kind, Options, Redis, Server};
use crate::tally::Apart;

/// A client of the first server sends to all clients of both. So what the second does is nothing but remote deliveries, and
/// what the first does local ones, and one message to Redis for each event.
///
/// Both servers share a core, and Redis the load's: CPU is each one's own, but latency has everybody's in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pair {
    /// Of each server.
    pub(crate) clients: usize,
    pub(crate) pace: Pace,
}

/// What all had used at one moment.
#[derive(Debug, Clone, Copy)]
struct Marks {
    first: Mark,
    second: Cpu,
    redis: Cpu,
}

impl Pair {
    pub(crate) fn run(self, lab: &Lab, kind: Kind, record: &mut Record) -> io::Result<()> {
        let clients = lab.shortened(self.clients);
        let redis = Redis::start(lab.cores.load)?;
        let options = Options { redis: Some(redis.port()), ..Options::default() };
        let mut session = Session::start(lab, kind, options, (clients * 2, 1))?;
        let second = Server::start(kind, &lab.places, &lab.cores, options)?;
        redis.await_subscribers(2)?;
        session.connect(Transport::WebSocket, clients)?;
        session.fleet.go_on_at(second.address());
        session.connect(Transport::WebSocket, clients)?;
        session.tally.count_apart(Apart::From(clients));
        let redis_p50 = redis.round_trip(MESSAGE_BYTES, lab.cores.server, lab.cores.load)?.quantile_ms(0.5);

        let (warm_up, measured) = if lab.is_quick { QUICK } else { FULL };
        session.drive(self.pace, &Script::SMALL, warm_up)?;
        let lost = session.drain()?;
        session.rest(SETTLE)?;
        session.tally.restart();
        let marks = |session: &Session| -> io::Result<Marks> {
            Ok(Marks { first: session.mark()?, second: second.cpu()?, redis: redis.cpu()? })
        };
        let before = marks(&session)?;
        session.drive(self.pace, &Script::SMALL, lab.measured.unwrap_or(measured))?;
        let lost = lost + session.drain()?;
        let drained = session.mark()?;
        session.rest(SETTLE)?;
        let after = marks(&session)?;

        let tally = &session.tally;
        record.set_counts(tally.counts, lost);
        let (sent, remote) = (tally.counts.sent as f64, tally.delivered_apart as f64);
        let (local_p50, remote_p50) = (tally.latencies.quantile_ms(0.5), tally.latencies_apart.quantile_ms(0.5));
        record.set(CPU_PER_REMOTE, us(after.second.since(before.second)) / remote);
        record.set(CPU_PER_LOCAL, after.first.server_us_since(before.first) / (tally.counts.delivered as f64 - remote));
        record.set(REDIS_CPU, us(after.redis.since(before.redis)) / sent);
        record.set(P50_LOCAL, local_p50);
        record.set(P50_REMOTE, remote_p50);
        record.set(P50_REDIS, redis_p50);
        record.set(P50_ADDED, remote_p50 - local_p50 - redis_p50);
        record.set(P99_REMOTE, tally.latencies_apart.quantile_ms(0.99));
        let seconds = drained.seconds_since(before.first);
        record.set(EVENTS_PER_S, sent / seconds);
        record.set(DELIVERIES_PER_S, tally.counts.delivered as f64 / seconds);
        record.set(LOAD_CPU, drained.load_share_since(before.first));
        Ok(())
    }
}

fn us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// An event of [`Script::SMALL`] as it is published.
const MESSAGE_BYTES: usize = 200;
const FULL: (Duration, Duration) = (Duration::from_millis(700), Duration::from_millis(2_500));
const QUICK: (Duration, Duration) = (Duration::from_millis(200), Duration::from_millis(500));
const SETTLE: Duration = Duration::from_millis(50);
