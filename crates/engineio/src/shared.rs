//! What requests and sessions share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use engineio_proto::{Encoded, Histogram, Ledger};
use tokio::sync::watch;

use crate::application::Application;
use crate::config::EngineConfig;
use crate::front::refusals::Refusals;
use crate::http::Compressor;
use crate::peer::PeerSource;
use crate::session::clock::{self, Ticks};
use crate::session::memory::Memory;
use crate::session::registry::Registry;
use crate::session::seats::Seats;
use crate::session::stall_max::StallMax;
use crate::session::tasks::Tasks;
use crate::settings::{Live, Settings};
use crate::unchangeable::Unchangeable;

/// What requests and sessions share.
pub(crate) struct Shared {
    /// Where the engine is mounted.
    pub(crate) path: String,
    /// Where a request says who sent it.
    pub(crate) peer_source: PeerSource,
    pub(crate) settings: Live,
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
    pub(crate) stall_max: StallMax,
    /// How long clients took to answer pings.
    pub(crate) ping_rtt: Histogram,
    /// Whether the server goes away.
    pub(crate) closing: watch::Sender<bool>,
    /// Whether no more sessions are opened, while those that are there go on.
    pub(crate) refuses_new: AtomicBool,
    /// Whether somebody looks after the memory of all outboxes; there is a runtime for that once a session opens.
    pub(crate) is_relieved: Once,
}

impl Shared {
    pub(crate) fn new(config: EngineConfig, application: Box<dyn Application>, peer_source: PeerSource) -> Self {
        let ledger = Arc::new(Ledger::new(config.outbox_bytes_total_max));
        Self {
            path: config.path.clone(),
            peer_source,
            seats: Seats::new(config.sessions_max),
            memory: Arc::new(Memory::new(Arc::clone(&ledger))),
            stall_max: StallMax::new(config.outbox_stall_max),
            ping_rtt: Histogram::new(RTT_BOUNDS),
            compressor: Compressor::new(config.compressions_max, Arc::clone(&ledger)),
            settings: Live::new(Settings::new(config, &ledger)),
            registry: Registry::default(),
            refusals: Refusals::default(),
            ping: kept("2"),
            probe_pong: kept("3probe"),
            noop: kept("6"),
            close: kept("1"),
            ticks: Ticks::new(clock::now()),
            application,
            tasks: Tasks::default(),
            closing: watch::Sender::new(false),
            refuses_new: AtomicBool::new(false),
            is_relieved: Once::new(),
        }
    }

    /// Whether these settings could hold from now on.
    pub(crate) fn can_become(&self, config: &EngineConfig) -> Result<(), Unchangeable> {
        let now = self.settings.now();
        let kept = [
            ("path", config.path == self.path),
            ("compressions_max", config.compressions_max == now.config.compressions_max),
        ];
        Unchangeable::unless_none(kept.into_iter().filter(|(_, is_same)| !is_same).map(|(name, _)| name))
    }

    /// Has these settings hold from now on.
    pub(crate) fn reconfigure(&self, config: EngineConfig) -> Result<(), Unchangeable> {
        self.can_become(&config)?;
        let ledger = self.memory.ledger();
        self.settings.replace(Settings::new(config, ledger), |config| {
            self.seats.set_max(config.sessions_max);
            ledger.set_bytes_max(config.outbox_bytes_total_max);
            self.stall_max.set(config.outbox_stall_max);
        });
        // It may be more than may wait now.
        self.memory.check();
        Ok(())
    }

    /// Whether the server goes away.
    pub(crate) fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// Whether it takes no more sessions.
    pub(crate) fn refuses_new(&self) -> bool {
        self.refuses_new.load(Ordering::Relaxed) || self.is_closing()
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
