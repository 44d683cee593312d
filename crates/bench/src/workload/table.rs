//! The workloads by name.

use std::time::Duration;

use super::cluster::Pair;
use super::crowd::Flood;
use super::fan_out::FanOut;
use super::flooded::Flooded;
use super::pace::{Filler, Pace, Script};
use super::unwanted::Unwanted;
use super::{Lab, Shape};
use crate::load::Transport::{GzipPolling, Polling, Upgraded, WebSocket};
use crate::record::{Figures, Record};
use crate::server::Kind::{
    self, Bun, EmbeddedClosures, EmbeddedStruct, Fanfare, Fanfare2, Floor, FloorBatched, FloorPolling, FloorRedis,
    Node, Socketioxide,
};
use crate::server::{Access, Algorithm, Rules};
use crate::wire::event::Name;

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

/// All workloads, in the order of the report. A full run takes some 23 minutes: see the README before adding to it.
pub(crate) const WORKLOADS: &[Workload] = &[
    Workload {
        name: "one-in-flight",
        about: "1,000 clients, 1 event in flight",
        shape: Shape::FanOut(FanOut { clients: 1_000, pace: Pace::Closed { window: 1 }, ..FanOut::SMALL }),
        servers: &[Floor, Fanfare, Fanfare2, Socketioxide, Node, Bun],
        rounds: 4,
    },
    Workload {
        name: "saturated",
        about: "1,000 clients, saturated",
        shape: Shape::FanOut(FanOut { clients: 1_000, pace: Pace::Saturated, ..FanOut::SMALL }),
        servers: &[Floor, Fanfare, Socketioxide, Node],
        rounds: 3,
    },
    Workload {
        name: "sixteen-in-flight",
        about: "1,000 clients, 16 in flight",
        shape: Shape::FanOut(FanOut { clients: 1_000, pace: Pace::Closed { window: 16 }, ..FanOut::SMALL }),
        servers: &[FloorBatched, Fanfare, Fanfare2, Socketioxide, Node, Bun],
        rounds: 4,
    },
    Workload {
        name: "open-loop",
        about: "1,000 clients, 40 events/s open loop",
        shape: Shape::FanOut(FanOut { clients: 1_000, pace: Pace::Open { events_per_s: 40.0 }, ..FanOut::SMALL }),
        servers: &[Floor, Fanfare, Socketioxide, Node, Bun],
        rounds: 3,
    },
    Workload {
        name: "large-events",
        about: "200 clients, 16 KiB, 4 in flight",
        shape: Shape::FanOut(FanOut {
            clients: 200,
            script: Script { bytes: &[16 * 1024], ..Script::SMALL },
            pace: Pace::Closed { window: 4 },
            ..FanOut::SMALL
        }),
        servers: &[FloorBatched, Fanfare, Socketioxide, Node],
        rounds: 3,
    },
    Workload {
        name: "many-senders",
        about: "50 senders to 50 clients, 2,000 events/s",
        shape: Shape::FanOut(FanOut {
            clients: 50,
            script: Script { senders: 50, ..Script::SMALL },
            pace: Pace::Open { events_per_s: 2_000.0 },
            ..FanOut::SMALL
        }),
        servers: &[FloorBatched, Fanfare, Socketioxide, Node],
        rounds: 3,
    },
    Workload {
        name: "others",
        about: "50 senders to the 49 others, 50 in flight",
        shape: Shape::FanOut(FanOut {
            clients: 50,
            script: Script { senders: 50, ..Script::SMALL },
            pace: Pace::Closed { window: 50 },
            rules: Rules::Others,
            ..FanOut::SMALL
        }),
        servers: &[FloorBatched, Fanfare, Socketioxide],
        rounds: 3,
    },
    Workload {
        name: "unjoinable",
        about: "200 clients, 48 events at once, in turn to all and to a room",
        shape: Shape::FanOut(FanOut {
            clients: 200,
            script: Script { names: &[Name::Update, Name::ToCrowd], ..Script::SMALL },
            pace: Pace::Burst { events: 48 },
            rules: Rules::Rooms,
            ..FanOut::SMALL
        }),
        servers: &[FloorBatched, Fanfare, Socketioxide],
        rounds: 3,
    },
    Workload {
        name: "fast-sender",
        about: "20 MB/s of 100-byte events to 20 readers",
        shape: Shape::FanOut(FanOut {
            clients: 20,
            // With the name, 100 bytes.
            script: Script { bytes: &[85], ..Script::SMALL },
            pace: Pace::Stream { events_per_s: 200_000.0 },
            time: Duration::from_secs(5),
            ..FanOut::SMALL
        }),
        servers: &[FloorBatched, Fanfare, Node],
        rounds: 2,
    },
    Workload {
        name: "fast-sender-held-back",
        about: "20 MB/s of 100-byte events to 20 readers of 2 MB/s",
        shape: Shape::FanOut(FanOut {
            clients: 20,
            script: Script { bytes: &[85], ..Script::SMALL },
            pace: Pace::Stream { events_per_s: 200_000.0 },
            read_bytes_per_s: Some(2e6),
            time: Duration::from_secs(5),
            ..FanOut::SMALL
        }),
        servers: &[Fanfare, Node],
        rounds: 2,
    },
    Workload {
        name: "polling",
        about: "500 polling clients, 1 in flight",
        shape: Shape::FanOut(FanOut {
            clients: 500,
            transport: Polling,
            pace: Pace::Closed { window: 1 },
            ..FanOut::SMALL
        }),
        servers: &[FloorPolling, Fanfare, Socketioxide, Node, Bun],
        rounds: 3,
    },
    Workload {
        name: "saturated-polling",
        about: "500 polling clients, saturated",
        shape: Shape::FanOut(FanOut { clients: 500, transport: Polling, pace: Pace::Saturated, ..FanOut::SMALL }),
        servers: &[FloorPolling, Fanfare, Socketioxide, Node],
        rounds: 3,
    },
    Workload {
        name: "compressed-polling",
        about: "300 polling clients with gzip, 1 to 64 KiB, 4 in flight",
        shape: Shape::Compressed(FanOut {
            clients: 300,
            transport: GzipPolling,
            script: Script {
                bytes: &[1024, 4 * 1024, 16 * 1024, 64 * 1024 - 256],
                filler: Filler::Text,
                ..Script::SMALL
            },
            pace: Pace::Closed { window: 4 },
            ..FanOut::SMALL
        }),
        servers: &[Fanfare, Socketioxide, Node],
        rounds: 2,
    },
    Workload {
        name: "connect",
        about: "connect over WebSocket",
        shape: Shape::Connect { clients: 2_000, access: Access::OPEN },
        servers: &[Floor, Fanfare, Socketioxide, Node, Bun],
        rounds: 3,
    },
    Workload {
        name: "idle-websocket",
        about: "memory per idle WebSocket client, 9,000 of them",
        shape: Shape::Idle { transport: WebSocket, clients: 9_000, access: Access::OPEN },
        servers: &[Floor, Fanfare, Socketioxide, Node, Bun],
        rounds: 2,
    },
    Workload {
        name: "idle-polling",
        about: "memory per idle polling client, 2,000 of them",
        shape: Shape::Idle { transport: Polling, clients: 2_000, access: Access::OPEN },
        servers: &[FloorPolling, Fanfare, Socketioxide, Node, Bun],
        rounds: 2,
    },
    Workload {
        name: "default-client",
        about: "memory per idle default client (polling, 300 bytes of auth, upgrade), 4,000 of them",
        shape: Shape::Idle { transport: Upgraded, clients: 4_000, access: Access::OPEN },
        servers: &[Fanfare, Socketioxide, Node],
        rounds: 2,
    },
    Workload {
        name: "memory-after-burst",
        about: "memory 30 s after 200 clients each sent and received 1 MiB",
        shape: Shape::Echo { clients: 200, bytes: 1024 * 1024, rest: Duration::from_secs(30) },
        servers: &[Fanfare],
        rounds: 1,
    },
    Workload {
        name: "keep-alive",
        about: "9,000 idle clients kept alive",
        shape: Shape::KeepAlive { clients: 9_000, ping_interval: Duration::from_secs(5) },
        servers: &[Floor, Fanfare, Socketioxide],
        rounds: 2,
    },
    Workload {
        name: "stalled-readers",
        about: "10 stalled readers among 1,000",
        shape: Shape::Stalled { clients: 1_000, stalled: 10, events_per_s: 40.0 },
        servers: &[Fanfare, Socketioxide, Node],
        rounds: 2,
    },
    Workload {
        name: "flooded-by-websocket",
        about: "a quiet pair, beside one that floods 100 clients over WebSocket",
        shape: Shape::Flooded(Flooded { members: 100, flooders: &[WebSocket], flood: Flood::Stream }),
        servers: &[Fanfare, Socketioxide, Node],
        rounds: 2,
    },
    Workload {
        name: "flooded-by-polling",
        about: "a quiet pair, beside one that floods 100 clients by polling",
        shape: Shape::Flooded(Flooded { members: 100, flooders: &[Polling], flood: Flood::Stream }),
        servers: &[Fanfare, Node],
        rounds: 2,
    },
    Workload {
        name: "flooded-by-eight",
        about: "a quiet pair, beside four of each that flood 100 clients",
        shape: Shape::Flooded(Flooded {
            members: 100,
            flooders: &[WebSocket, Polling, WebSocket, Polling, WebSocket, Polling, WebSocket, Polling],
            flood: Flood::Stream,
        }),
        servers: &[Fanfare],
        rounds: 2,
    },
    Workload {
        name: "flooded-by-post",
        about: "a pair among 200 clients, beside one POST of 1 MB of small events",
        shape: Shape::Flooded(Flooded { members: 197, flooders: &[Polling], flood: Flood::Post }),
        servers: &[Fanfare],
        rounds: 2,
    },
    Workload {
        name: "one-of-none",
        about: "500 clients of one node without a cluster, 1 event in flight",
        shape: Shape::FanOut(FanOut { clients: 500, pace: Pace::Closed { window: 1 }, ..FanOut::SMALL }),
        servers: &[Floor, Fanfare, Node],
        rounds: 2,
    },
    Workload {
        name: "cluster",
        about: "2 nodes with 500 clients each over one Redis, 1 event in flight",
        shape: Shape::Cluster(Pair { clients: 500, pace: Pace::Closed { window: 1 } }),
        servers: &[Fanfare, Socketioxide, Node],
        rounds: 2,
    },
    Workload {
        name: "cluster-in-flight",
        about: "2 nodes with 500 clients each over one Redis, 16 in flight",
        shape: Shape::Cluster(Pair { clients: 500, pace: Pace::Closed { window: 16 } }),
        servers: &[Fanfare, Socketioxide, Node],
        rounds: 2,
    },
    Workload {
        name: "cluster-pair",
        about: "2 nodes with one client each over one Redis, 1 event in flight",
        shape: Shape::Cluster(Pair { clients: 1, pace: Pace::Closed { window: 1 } }),
        servers: &[Fanfare, Socketioxide, Node],
        rounds: 3,
    },
    Workload {
        name: "unwanted",
        about: "20,000 messages/s of a fleet for a room that nobody here is in, 100 at once",
        shape: Shape::Unwanted(Unwanted { at_once: 100, messages_per_s: 20_000.0 }),
        servers: &[FloorRedis, Fanfare],
        rounds: 3,
    },
    Workload {
        name: "unwanted-alone",
        about: "the same, 2,000 messages/s, one at a time",
        shape: Shape::Unwanted(Unwanted { at_once: 1, messages_per_s: 2_000.0 }),
        servers: &[FloorRedis, Fanfare],
        rounds: 2,
    },
    Workload {
        name: "api-emit",
        about: "1,000 clients, what a program emits by HTTP and what a client emits, in turn",
        shape: Shape::ApiEmit { clients: 1_000 },
        servers: &[Fanfare],
        rounds: 3,
    },
    Workload {
        name: "embedded",
        about: "two clients of a server made of the library to each other and themselves, 32 in flight",
        shape: Shape::FanOut(FanOut {
            clients: 2,
            script: Script { senders: 2, ..Script::SMALL },
            pace: Pace::Closed { window: 32 },
            ..FanOut::SMALL
        }),
        servers: &[EmbeddedStruct, EmbeddedClosures],
        rounds: 2,
    },
    Workload {
        name: "many-senders-limited",
        about: "50 senders to 50 clients, 2,000 events/s, within the limits of the relay",
        shape: Shape::FanOut(FanOut {
            clients: 50,
            script: Script { senders: 50, ..Script::SMALL },
            pace: Pace::Open { events_per_s: 2_000.0 },
            access: Access { has_limits: true, ..Access::OPEN },
            ..FanOut::SMALL
        }),
        servers: &[Fanfare],
        rounds: 2,
    },
    Workload {
        name: "to-both",
        about: "two clients to each other and themselves, 32 in flight, without rules",
        shape: Shape::FanOut(to_room(Access::OPEN)),
        servers: &[Fanfare],
        rounds: 2,
    },
    Workload {
        name: "to-room",
        about: "the same, to a room that they are in",
        shape: Shape::FanOut(to_room(Access { room: Some("account:7"), ..Access::OPEN })),
        servers: &[Fanfare],
        rounds: 2,
    },
    Workload {
        name: "to-room-by-template",
        about: "the same, to a room made of a claim",
        shape: Shape::FanOut(to_room(Access { room: Some(BY_CLAIM), token: Some(Algorithm::Hs256), ..Access::OPEN })),
        servers: &[Fanfare],
        rounds: 2,
    },
    Workload {
        name: "to-room-with-schema",
        about: "the same, to a room, with a schema",
        shape: Shape::FanOut(to_room(Access { room: Some("account:7"), has_schema: true, ..Access::OPEN })),
        servers: &[Fanfare],
        rounds: 2,
    },
    Workload {
        name: "connect-hs256",
        about: "connect over WebSocket with a token, HS256",
        shape: connect_with(Algorithm::Hs256),
        servers: &[Fanfare],
        rounds: 2,
    },
    Workload {
        name: "connect-rs256",
        about: "connect over WebSocket with a token, RS256",
        shape: connect_with(Algorithm::Rs256),
        servers: &[Fanfare],
        rounds: 2,
    },
    Workload {
        name: "connect-es256",
        about: "connect over WebSocket with a token, ES256",
        shape: connect_with(Algorithm::Es256),
        servers: &[Fanfare],
        rounds: 2,
    },
    Workload {
        name: "idle-known",
        about: "memory per idle client with a token (300 bytes of claims), a room by template and limits, 9,000 of them",
        shape: Shape::Idle {
            transport: WebSocket,
            clients: 9_000,
            access: Access { token: Some(Algorithm::Hs256), room: Some(BY_CLAIM), has_limits: true, ..Access::OPEN },
        },
        servers: &[Fanfare],
        rounds: 2,
    },
];

/// Few recipients and many at once, so that what is decided about an event is a good part of what it costs.
const fn to_room(access: Access) -> FanOut {
    let script = Script { senders: 2, names: &[Name::Object], ..Script::SMALL };
    FanOut { clients: 2, script, pace: Pace::Closed { window: 32 }, access, ..FanOut::SMALL }
}

const fn connect_with(algorithm: Algorithm) -> Shape {
    Shape::Connect { clients: 2_000, access: Access { token: Some(algorithm), ..Access::OPEN } }
}

const BY_CLAIM: &str = "account:{claims.account}";

impl Workload {
    /// Of a run that has yet to be made.
    pub(crate) fn record(&self, lab: &Lab, server: Kind, round: u32) -> Record {
        Record {
            workload: self.name.to_owned(),
            server,
            round,
            is_quick: lab.is_quick,
            sent: 0,
            delivered: 0,
            lost: 0,
            reordered: 0,
            wrong: 0,
            closed: 0,
            figures: Figures::new(),
        }
    }

    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        WORKLOADS.iter().find(|workload| workload.name == name)
    }
}
