//! Messages of a fleet for a room that nobody here is in.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use super::session::Lab;
use crate::record::{CPU_PER_MESSAGE, MESSAGES_PER_S, REDIS_CPU, Record};
use crate::server::{Kind, Options, Redis, Server};
use crate::wire::classic;

/// Somebody publishes so many at once, again and again; the server has no clients.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unwanted {
    pub(crate) at_once: u32,
    pub(crate) messages_per_s: f64,
}

impl Unwanted {
    pub(crate) fn run(self, lab: &Lab, kind: Kind, record: &mut Record) -> io::Result<()> {
        let redis = Redis::start(lab.cores.load)?;
        let options = Options { redis: Some(redis.port()), has_ops: true, ..Options::default() };
        let server = Server::start(kind, &lab.places, &lab.cores, options)?;
        redis.await_subscribers(1)?;
        let (warm_up, measured) = if lab.is_quick { QUICK } else { FULL };
        self.publish(&redis, warm_up)?;
        thread::sleep(SETTLE);

        let heard_before = server.counter(HEARD)?;
        thread::sleep(SETTLE);
        let (before, redis_before, begun) = (server.cpu()?, redis.cpu()?, Instant::now());
        let published = self.publish(&redis, lab.measured.unwrap_or(measured))?;
        let seconds = begun.elapsed().as_secs_f64();
        thread::sleep(SETTLE);
        let (after, redis_after) = (server.cpu()?, redis.cpu()?);
        let heard = (server.counter(HEARD)? - heard_before) as u64;

        let per_message = |used: Duration| used.as_secs_f64() * 1e6 / published as f64;
        record.sent = published;
        record.delivered = heard;
        // What was heard and not published is as wrong as what was not heard.
        record.lost = published.abs_diff(heard);
        record.set(CPU_PER_MESSAGE, per_message(after.since(before)));
        record.set(REDIS_CPU, per_message(redis_after.since(redis_before)));
        record.set(MESSAGES_PER_S, published as f64 / seconds);
        Ok(())
    }

    /// Publishes at this rate for a time, until Redis has taken all; how many there were.
    fn publish(self, redis: &Redis, time: Duration) -> io::Result<u64> {
        let (channel, event) = (classic::channel(ROOM), classic::event("update", &"x".repeat(TEXT_BYTES), ROOM));
        let command: &[&[u8]] = &[b"PUBLISH", channel.as_bytes(), &event];
        let commands = vec![command; self.at_once as usize];
        let mut client = redis.client()?;
        let begun = Instant::now();
        let mut published = 0;
        while begun.elapsed() < time {
            client.send(&commands)?;
            for _ in 0..self.at_once {
                client.reply()?;
            }
            published += u64::from(self.at_once);
            let due = begun + Duration::from_secs_f64(published as f64 / self.messages_per_s);
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        Ok(published)
    }
}

const HEARD: &str = "fanfare_cluster_received_total";
const ROOM: &str = "elsewhere";
const TEXT_BYTES: usize = 128;
const FULL: (Duration, Duration) = (Duration::from_millis(500), Duration::from_millis(2_500));
const QUICK: (Duration, Duration) = (Duration::from_millis(100), Duration::from_millis(500));
/// What is on its way arrives meanwhile.
const SETTLE: Duration = Duration::from_millis(200);
