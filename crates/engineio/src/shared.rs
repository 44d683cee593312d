//! What requests and sessions share.

use std::sync::{Arc, Once};
use std::time::Duration;

use engineio_proto::{Encoded, Histogram, Ledger, OutletBounds};
use tokio::sync::watch;

use crate::application::Application;
use crate::config::EngineConfig;
use crate::front::refusals::Refusals;
use crate::http::Compressor;
use crate::session::clock::{self, Ticks};
use crate::session::memory::Memory;
use crate::session::registry::Registry;
use crate::session::seats::Seats;
use crate::session::tasks::Tasks;

/// What requests and sessions share.
pub(crate) struct Shared {
    pub(crate) config: EngineConfig,
    pub(crate) registry: Registry,
    pub(crate) refusals: Refusals,
    pub(crate) compressor: Compressor,
    /// One for all sessions, framed once.
    pub(crate) ping: Encoded,
    pub(crate) probe_pong: Encoded,
    pub(crate) noop: Encoded,
    pub(crate) close: Encoded,
    pub(crate) ticks: Ticks,
    pub(crate) application: Box<dyn Application>,
    pub(crate) tasks: Tasks,
    pub(crate) seats: Arc<Seats>,
    pub(crate) memory: Arc<Memory>,
    /// How long clients took to answer pings.
    pub(crate) ping_rtt: Histogram,
    /// Whether the server goes away.
    pub(crate) closing: watch::Sender<bool>,
    /// Whether somebody looks after the memory of all outboxes; there is a runtime for that once a session opens.
    pub(crate) is_relieved: Once,
}

impl Shared {
    pub(crate) fn new(config: EngineConfig, application: Box<dyn Application>) -> Self {
        // A client gives up after both: neither a long interval nor a long time-out makes it patient.
        let patience = config.session.ping_interval.min(config.session.ping_timeout);
        let ticks = Ticks::new(clock::now(), patience);
        let ledger = Arc::new(Ledger::new(config.outbox_bytes_total_max));
        let memory = Memory::new(OutletBounds {
            bytes_max: config.outbox_bytes_max,
            answer_bytes_max: config.session.max_payload_bytes,
            ledger: Arc::clone(&ledger),
        });
        Self {
            seats: Seats::new(config.sessions_max),
            memory: Arc::new(memory),
            ping_rtt: Histogram::new(RTT_BOUNDS),
            compressor: Compressor::new(config.compressions_max, ledger),
            config,
            registry: Registry::default(),
            refusals: Refusals::default(),
            ping: kept("2"),
            probe_pong: kept("3probe"),
            noop: kept("6"),
            close: kept("1"),
            ticks,
            application,
            tasks: Tasks::default(),
            closing: watch::Sender::new(false),
            is_relieved: Once::new(),
        }
    }

    /// Whether the server goes away.
    pub(crate) fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.memory.wake_up();
    }
}

/// A packet that is there as long as the engine. It has an account of its own: on that of all, it would count as waiting for
/// ever once it has waited.
fn kept(packet: &str) -> Encoded {
    let encoded = Encoded::packet(packet);
    encoded.enter(&Arc::new(Ledger::new(usize::MAX)));
    encoded
}

/// From the same room to around the world and a mobile network that was asleep.
const RTT_BOUNDS: &[Duration] = &[
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2_500),
    Duration::from_secs(5),
    Duration::from_secs(10),
];
