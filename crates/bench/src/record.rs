//! The result of one run, and the file that results are kept in.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::server::Kind;
use crate::tally::Counts;

/// One workload on one server, once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) workload: String,
    pub(crate) server: Kind,
    /// Runs of one round were made one after the other: only they are divided by each other.
    pub(crate) round: u32,
    /// A shortened run, which shows that the instrument works and not what a server costs.
    pub(crate) is_quick: bool,
    pub(crate) sent: u64,
    pub(crate) delivered: u64,
    pub(crate) lost: u64,
    /// Of the delivered: came before one that was sent earlier by the same sender.
    pub(crate) reordered: u64,
    /// Came twice, or was never sent.
    pub(crate) wrong: u64,
    /// Connections that ended before the run did.
    pub(crate) closed: u64,
    pub(crate) figures: Figures,
}

/// What was measured, by [`Metric::key`].
pub(crate) type Figures = BTreeMap<String, f64>;

impl Record {
    /// Whether it counts: everything arrived, once, and nobody was cut off.
    ///
    /// A peer may reorder: one does so by its nature, and its figures are still its figures. The relay may not.
    pub(crate) fn is_valid(&self) -> bool {
        let is_order_kept = self.reordered == 0 || self.server.is_peer();
        self.lost == 0 && self.wrong == 0 && self.closed == 0 && is_order_kept
    }

    pub(crate) fn set_counts(&mut self, counts: Counts, lost: u64) {
        self.sent = counts.sent;
        self.delivered = counts.delivered;
        self.reordered = counts.reordered;
        self.wrong = counts.wrong;
        self.closed = counts.closed;
        self.lost = lost;
    }

    /// A figure per nothing, of a run in which nothing arrived, is none.
    pub(crate) fn set(&mut self, metric: Metric, value: f64) {
        if value.is_finite() {
            self.figures.insert(metric.key.to_owned(), value);
        }
    }

    pub(crate) fn figure(&self, metric: Metric) -> Option<f64> {
        self.figures.get(metric.key).copied()
    }
}

/// Something that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Metric {
    pub(crate) key: &'static str,
    /// As a table's caption says it.
    pub(crate) caption: &'static str,
}

macro_rules! metrics {
    ($($name:ident $key:literal $caption:literal)*) => {
        $(pub(crate) const $name: Metric = Metric { key: $key, caption: $caption };)*
        /// All of them, in the order in which they are reported.
        pub(crate) const METRICS: &[Metric] = &[$($name),*];
    };
}

metrics! {
    CPU_PER_DELIVERY "cpu_us_per_delivery" "server CPU per delivery, µs"
    CPU_PER_CONNECT "cpu_us_per_connect" "server CPU per connect, µs"
    CPU_PER_PING "cpu_us_per_ping" "server CPU per ping and its answer, µs"
    CPU_PER_REMOTE "cpu_us_per_remote" "the hearing node's CPU per remote delivery, µs"
    CPU_PER_LOCAL "cpu_us_per_local" "the sending node's CPU per local delivery, publishing included, µs"
    CPU_PER_MESSAGE "cpu_us_per_message" "CPU per message for a room nobody here is in, µs"
    REDIS_CPU "redis_us_per_message" "Redis' CPU per message, µs"
    CPU_SHARE "cpu_ms_per_s_at_25_s" "server CPU for these clients at a ping every 25 s, ms per second"
    P50 "p50_ms" "latency p50, ms"
    P99 "p99_ms" "latency p99, ms"
    P999 "p999_ms" "latency p99.9, ms"
    P50_LOCAL "p50_ms_local" "latency p50 of local deliveries, ms"
    P50_REMOTE "p50_ms_remote" "latency p50 of remote deliveries, ms"
    P50_REDIS "p50_ms_redis" "from one connection through Redis to another, p50, ms"
    P50_ADDED "p50_ms_added" "latency p50, remote − local − Redis' own, ms"
    P99_REMOTE "p99_ms_remote" "latency p99 of remote deliveries, ms"
    P99_API "p99_ms_api" "latency p99 of what a program emits by HTTP, ms"
    P99_API_RATIO "p99_api_ratio" "latency p99, emitted by HTTP ÷ by a client"
    P99_STALLED "p99_ms_stalled" "latency p99 with stalled readers, ms"
    P99_GROWTH "p99_growth" "latency p99 with stalled readers ÷ without"
    PAIR_P99 "pair_p99_ms" "latency p99 of a quiet pair, ms"
    PAIR_P99_FLOODED "pair_p99_ms_flooded" "latency p99 of a quiet pair beside a flood, ms"
    PAIR_P99_GROWTH "pair_p99_growth" "latency p99 of a quiet pair beside a flood ÷ without"
    PAIR_WORST "pair_worst_ms" "longest wait of a quiet pair, ms"
    PAIR_WORST_FLOODED "pair_worst_ms_flooded" "longest wait of a quiet pair beside a flood, ms"
    EVENTS_PER_S "events_per_s" "events per second"
    MESSAGES_PER_S "messages_per_s" "messages per second"
    DELIVERIES_PER_S "deliveries_per_s" "deliveries per second"
    KIB_PER_CLIENT "kib_per_client" "memory per client, KiB"
    MIB_BEFORE "mib_before" "memory before, MiB"
    MIB_PEAK "mib_peak" "memory at the peak, MiB"
    MIB_AFTER "mib_after" "memory after, MiB"
    MEMORY_GROWTH "memory_growth" "memory after ÷ before"
    THREADS_PEAK "threads_peak" "threads at the peak"
    CLOSED "closed" "connections closed"
    SERVER_CPU "server_cpu_share" "server's share of its core"
    LOAD_CPU "load_cpu_share" "load's share of its core"
}

/// Adds a result to the file.
pub(crate) fn append(file: &Path, record: &Record) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut line = serde_json::to_string(record)?;
    line.push('\n');
    fs::OpenOptions::new().create(true).append(true).open(file)?.write_all(line.as_bytes())
}

/// Reads all results of the file.
pub(crate) fn read(file: &Path) -> io::Result<Vec<Record>> {
    fs::read_to_string(file)?.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}
