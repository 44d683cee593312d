//! What is wanted, row by row.

use std::fmt;

use crate::record::{
    CLOSED, CPU_PER_CONNECT, CPU_PER_DELIVERY, CPU_PER_MESSAGE, CPU_PER_PING, CPU_PER_REMOTE, KIB_PER_CLIENT,
    MEMORY_GROWTH, MIB_PEAK, Metric, P50_ADDED, P99, P99_API_RATIO, P99_GROWTH, PAIR_P99_GROWTH, PAIR_WORST_FLOODED,
    Record, THREADS_PEAK,
};
use crate::server::Kind::{
    self, Bun, EmbeddedClosures, EmbeddedStruct, Fanfare, Fanfare2, Floor, FloorBatched, FloorRedis, Node, Socketioxide,
};
use crate::summary::{Spread, Summary, short};

/// A bound for one figure of the relay, by itself or divided by the least of others'.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) workload: &'static str,
    metric: Metric,
    server: Kind,
    pub(crate) at_most: f64,
    /// Empty: the figure itself is bounded.
    than: &'static [Kind],
}

pub(crate) const TARGETS: &[Target] = &[
    ratio("one-in-flight", CPU_PER_DELIVERY, 1.08, &[Floor]),
    ratio("saturated", CPU_PER_DELIVERY, 1.1, &[Floor]),
    ratio("saturated", P99, 1.0, &[Socketioxide, Node]),
    ratio("sixteen-in-flight", CPU_PER_DELIVERY, 1.12, &[FloorBatched]),
    ratio("sixteen-in-flight", CPU_PER_DELIVERY, 0.35, &[Socketioxide]),
    ratio("open-loop", CPU_PER_DELIVERY, 1.15, &[Floor]),
    ratio("open-loop", P99, 1.0, &[Socketioxide, Node, Bun]),
    ratio("large-events", CPU_PER_DELIVERY, 1.2, &[FloorBatched]),
    ratio("many-senders", CPU_PER_DELIVERY, 1.2, &[FloorBatched]),
    ratio("many-senders", P99, 0.5, &[Socketioxide]),
    ratio("others", CPU_PER_DELIVERY, 1.2, &[FloorBatched]),
    ratio("unjoinable", CPU_PER_DELIVERY, 1.3, &[FloorBatched]),
    bound("fast-sender", CLOSED, 0.0),
    bound("fast-sender-held-back", CLOSED, 0.0),
    ratio("polling", CPU_PER_DELIVERY, 0.6, &[Socketioxide]),
    ratio("saturated-polling", CPU_PER_DELIVERY, 0.85, &[Socketioxide]),
    bound("compressed-polling", THREADS_PEAK, 4.0),
    bound("compressed-polling", MIB_PEAK, 64.0),
    ratio("connect", CPU_PER_CONNECT, 0.55, &[Socketioxide]),
    bound("idle-websocket", KIB_PER_CLIENT, 4.0),
    bound("idle-known", KIB_PER_CLIENT, 4.3),
    bound("idle-polling", KIB_PER_CLIENT, 12.0),
    bound("default-client", KIB_PER_CLIENT, 4.0),
    bound("memory-after-burst", MEMORY_GROWTH, 1.3),
    ratio("keep-alive", CPU_PER_PING, 1.2, &[Floor]),
    bound("stalled-readers", P99_GROWTH, 1.1),
    bound("flooded-by-websocket", PAIR_P99_GROWTH, 2.0),
    bound("flooded-by-polling", PAIR_P99_GROWTH, 2.0),
    bound("flooded-by-eight", PAIR_P99_GROWTH, 2.0),
    bound("flooded-by-post", PAIR_WORST_FLOODED, 100.0),
    ratio("cluster", CPU_PER_REMOTE, 1.0 / 3.0, &[Node]),
    ratio("cluster-in-flight", CPU_PER_REMOTE, 1.0 / 3.0, &[Node]),
    ratio("cluster-pair", CPU_PER_REMOTE, 1.0 / 3.0, &[Node]),
    bound("cluster-pair", P50_ADDED, 1.0),
    Target { server: EmbeddedClosures, ..ratio("embedded", CPU_PER_DELIVERY, 1.05, &[EmbeddedStruct]) },
    ratio("unwanted", CPU_PER_MESSAGE, 1.5, &[FloorRedis]),
    ratio("unwanted-alone", CPU_PER_MESSAGE, 1.5, &[FloorRedis]),
    bound("api-emit", P99_API_RATIO, 1.1),
    Target { server: Fanfare2, ..ratio("one-in-flight", CPU_PER_DELIVERY, 1.15, &[Fanfare]) },
    Target { server: Fanfare2, ..ratio("sixteen-in-flight", CPU_PER_DELIVERY, 1.15, &[Fanfare]) },
];

const fn ratio(workload: &'static str, metric: Metric, at_most: f64, than: &'static [Kind]) -> Target {
    Target { workload, metric, server: Fanfare, at_most, than }
}

const fn bound(workload: &'static str, metric: Metric, at_most: f64) -> Target {
    ratio(workload, metric, at_most, &[])
}

impl Target {
    /// Whether this run was made to see if it is met.
    pub(crate) fn is_about(&self, record: &Record) -> bool {
        record.workload == self.workload && record.server == self.server
    }

    /// The figure that is bounded.
    pub(crate) fn measure(&self, summary: &Summary<'_>) -> Option<Spread> {
        match self.than {
            [] => summary.figure(self.workload, self.server, self.metric),
            than => summary.ratio(self.workload, (self.server, self.metric), (than, self.metric)),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { metric, server, at_most, than, .. } = self;
        write!(f, "{}: {} ≤ {}", metric.caption, server.name(), short(*at_most))?;
        match than {
            [] => Ok(()),
            [one] => write!(f, " × {}", one.name()),
            many => {
                let names: Vec<&str> = many.iter().map(|kind| kind.name()).collect();
                write!(f, " × the best of {}", names.join(", "))
            }
        }
    }
}
