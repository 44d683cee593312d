//! The workloads by name.

use std::time::Duration;

use super::Shape;
use super::fan_out::{FanOut, Pace};
use crate::load::Transport;
use crate::server::Kind::{self, Bun, Fanfare, Fanfare2, Floor, FloorBatched, Node, Socketioxide};

/// Something that can be run by its name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    /// As a table's row says it.
    pub(crate) about: &'static str,
    pub(crate) shape: Shape,
    /// Which servers a full run measures.
    pub(crate) servers: &'static [Kind],
    /// How often a full run measures each.
    pub(crate) rounds: u32,
}

/// All workloads, in the order of the report. A full run takes 22 minutes: see the README before adding to it.
pub(crate) const WORKLOADS: &[Workload] = &[
    Workload {
        name: "one-in-flight",
        about: "1,000 clients, 1 event in flight",
        shape: Shape::FanOut(FanOut { clients: 1_000, pace: Pace::Closed { window: 1 }, ..FanOut::SMALL }),
        servers: &[Floor, Fanfare, Fanfare2, Socketioxide, Node, Bun],
        rounds: 5,
    },
    Workload {
        name: "sixteen-in-flight",
        about: "1,000 clients, 16 in flight",
        shape: Shape::FanOut(FanOut { clients: 1_000, pace: Pace::Closed { window: 16 }, ..FanOut::SMALL }),
        servers: &[FloorBatched, Fanfare, Fanfare2, Socketioxide, Node, Bun],
        rounds: 5,
    },
    Workload {
        name: "open-loop",
        about: "1,000 clients, 40 events/s open loop",
        shape: Shape::FanOut(FanOut { clients: 1_000, pace: Pace::Open { events_per_s: 40.0 }, ..FanOut::SMALL }),
        servers: &[Floor, Fanfare, Socketioxide, Node, Bun],
        rounds: 5,
    },
    Workload {
        name: "large-events",
        about: "200 clients, 16 KiB, 4 in flight",
        shape: Shape::FanOut(FanOut {
            clients: 200,
            bytes: 16 * 1024,
            pace: Pace::Closed { window: 4 },
            ..FanOut::SMALL
        }),
        servers: &[FloorBatched, Fanfare, Socketioxide, Node, Bun],
        rounds: 5,
    },
    Workload {
        name: "many-senders",
        about: "50 senders to 50 clients, 2,000 events/s",
        shape: Shape::FanOut(FanOut {
            clients: 50,
            senders: 50,
            pace: Pace::Open { events_per_s: 2_000.0 },
            ..FanOut::SMALL
        }),
        servers: &[FloorBatched, Fanfare, Socketioxide, Node, Bun],
        rounds: 5,
    },
    Workload {
        name: "polling",
        about: "500 polling clients, 1 in flight",
        shape: Shape::FanOut(FanOut {
            clients: 500,
            transport: Transport::Polling,
            pace: Pace::Closed { window: 1 },
            ..FanOut::SMALL
        }),
        servers: &[Fanfare, Socketioxide, Node, Bun],
        rounds: 5,
    },
    Workload {
        name: "connect",
        about: "connect over WebSocket",
        shape: Shape::Connect { clients: 2_000 },
        servers: &[Floor, Fanfare, Socketioxide, Node, Bun],
        rounds: 5,
    },
    Workload {
        name: "idle-websocket",
        about: "memory per idle WebSocket client, 9,000 of them",
        shape: Shape::Idle { transport: Transport::WebSocket, clients: 9_000 },
        servers: &[Floor, Fanfare, Socketioxide, Node, Bun],
        rounds: 2,
    },
    Workload {
        name: "idle-polling",
        about: "memory per idle polling client, 2,000 of them",
        shape: Shape::Idle { transport: Transport::Polling, clients: 2_000 },
        servers: &[Fanfare, Socketioxide, Node, Bun],
        rounds: 2,
    },
    Workload {
        name: "memory-after-burst",
        about: "memory 30 s after 200 clients each sent and received 1 MiB",
        shape: Shape::Echo { clients: 200, bytes: 1024 * 1024, rest: Duration::from_secs(30) },
        servers: &[Fanfare, Socketioxide, Node],
        rounds: 1,
    },
    Workload {
        name: "keep-alive",
        about: "9,000 idle clients kept alive",
        shape: Shape::KeepAlive { clients: 9_000, ping_interval: Duration::from_secs(5) },
        servers: &[Floor, Fanfare, Socketioxide, Node],
        rounds: 2,
    },
    Workload {
        name: "stalled-readers",
        about: "10 stalled readers among 1,000",
        shape: Shape::Stalled { clients: 1_000, stalled: 10, events_per_s: 40.0 },
        servers: &[Fanfare, Socketioxide, Node],
        rounds: 3,
    },
];

impl Workload {
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        WORKLOADS.iter().find(|workload| workload.name == name)
    }
}
