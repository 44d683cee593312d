//! What is measured: the table of workloads, and how each kind of it runs.

mod api_emit;
mod cluster;
mod compressed;
mod connect;
mod crowd;
mod echo;
mod fan_out;
mod flooded;
mod idle;
mod keep_alive;
mod pace;
mod session;
mod stalled;
mod table;
mod unwanted;

pub(crate) use fan_out::FanOut;
pub(crate) use pace::{Pace, Script};
pub(crate) use session::{Lab, Session};
pub(crate) use table::{WORKLOADS, Workload};

use std::io;
use std::time::Duration;

use crate::load::Transport;
use crate::record::Record;
use crate::server::{Access, Kind};

/// The kinds of workload.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    FanOut(FanOut),
    Compressed(FanOut),
    Flooded(flooded::Flooded),
    Cluster(cluster::Pair),
    Unwanted(unwanted::Unwanted),
    ApiEmit { clients: usize },
    Connect { clients: usize, access: Access },
    Idle { transport: Transport, clients: usize, access: Access },
    KeepAlive { clients: usize, ping_interval: Duration },
    Stalled { clients: usize, stalled: usize, events_per_s: f64 },
    Echo { clients: usize, bytes: usize, rest: Duration },
}

impl Shape {
    /// Runs once on a new server.
    pub(crate) fn run(self, lab: &Lab, kind: Kind, record: &mut Record) -> io::Result<()> {
        match self {
            Self::FanOut(fan_out) => fan_out.run(lab, kind, record),
            Self::Compressed(fan_out) => compressed::run(fan_out, lab, kind, record),
            Self::Flooded(flooded) => flooded.run(lab, kind, record),
            Self::Cluster(pair) => pair.run(lab, kind, record),
            Self::Unwanted(unwanted) => unwanted.run(lab, kind, record),
            Self::ApiEmit { clients } => api_emit::run(lab, kind, lab.shortened(clients), record),
            Self::Connect { clients, access } => connect::run(lab, kind, lab.shortened(clients), access, record),
            Self::Idle { transport, clients, access } => {
                idle::run(lab, kind, transport, lab.shortened(clients), access, record)
            }
            Self::KeepAlive { clients, ping_interval } => {
                let ping_interval = if lab.is_quick { ping_interval / 5 } else { ping_interval };
                keep_alive::run(lab, kind, lab.shortened(clients), ping_interval, record)
            }
            Self::Stalled { clients, stalled, events_per_s } => {
                stalled::Stalled { clients: lab.shortened(clients), stalled, events_per_s }.run(lab, kind, record)
            }
            Self::Echo { clients, bytes, rest } => {
                let rest = if lab.is_quick { rest / 10 } else { rest };
                echo::run(lab, kind, lab.shortened(clients), bytes, rest, record)
            }
        }
    }
}
