//! Leaving without a crowd at the next door: first nobody is sent here any more, then those who are here are sent away, some
//! at a time.

mod plan;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use socketio::Server;
use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::readiness::{Readiness, Unready};
use plan::{Plan, TICK};

pub(crate) use plan::DrainConfig;

/// The relay's leaving: begun by a signal, for good, or by an operator, who may take it back.
pub(crate) struct Drain {
    server: Server,
    readiness: Arc<Readiness>,
    config: Mutex<DrainConfig>,
    course: Mutex<Course>,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    /// Nobody is to leave.
    Serving,
    /// No clients are to be sent here any more; who comes is still let in.
    Waiting,
    /// Nobody is let in, and those who are here are sent away.
    Spreading,
    /// Nobody is here, and nobody is let in.
    Drained,
}

#[derive(Debug)]
struct Course {
    phase: Phase,
    /// What is under way, and since when.
    running: Option<(AbortHandle, Instant)>,
    /// Whether the process ends with it.
    is_final: bool,
}

/// The process is to end: that is not taken back.
#[derive(Debug)]
pub(crate) struct IsFinal;

/// How it stands, for whoever asks.
#[derive(Debug, Serialize)]
pub(crate) struct Progress {
    #[serde(rename = "state")]
    pub(crate) phase: Phase,
    pub(crate) sessions: usize,
    /// Whether the process ends with it.
    #[serde(rename = "exits")]
    pub(crate) is_final: bool,
    /// Since it was begun, in whole seconds.
    pub(crate) elapsed_s: Option<u64>,
}

impl Drain {
    pub(crate) fn new(server: Server, readiness: Arc<Readiness>, config: DrainConfig) -> Arc<Self> {
        let course = Mutex::new(Course { phase: Phase::Serving, running: None, is_final: false });
        Arc::new(Self { server, readiness, config: Mutex::new(config), course })
    }

    /// Begins, unless it has begun. Within a runtime.
    pub(crate) fn begin(self: &Arc<Self>) {
        let mut course = self.lock();
        if course.running.is_some() {
            return;
        }
        self.readiness.set(Unready::Draining, true);
        course.phase = Phase::Waiting;
        let (drain, begun, config) = (Arc::clone(self), Instant::now(), self.config());
        let task = tokio::spawn(async move { drain.run(begun, &config).await });
        course.running = Some((task.abort_handle(), begun));
    }

    /// The same, and it is not taken back: the process ends. One that an operator began goes on from where it is.
    pub(crate) fn begin_for_good(self: &Arc<Self>) {
        // First: from here on it is not taken back.
        self.lock().is_final = true;
        self.begin();
    }

    /// Serves again, if it was to leave.
    ///
    /// # Errors
    /// If the process is to end.
    pub(crate) fn take_back(&self) -> Result<(), IsFinal> {
        let mut course = self.lock();
        if course.is_final {
            return Err(IsFinal);
        }
        if let Some((task, _)) = course.running.take() {
            task.abort();
            self.server.refuse_new(false);
            course.phase = Phase::Serving;
            self.readiness.set(Unready::Draining, false);
            tracing::info!(connections = self.server.connection_count(), "no longer draining: serving");
        }
        Ok(())
    }

    pub(crate) fn progress(&self) -> Progress {
        let course = self.lock();
        Progress {
            phase: course.phase,
            sessions: self.server.connection_count(),
            is_final: course.is_final,
            elapsed_s: course.running.as_ref().map(|(_, begun)| begun.elapsed().as_secs()),
        }
    }

    /// Waits until nobody is here, in whatever phase: a relay that nobody uses is not worth waiting for.
    pub(crate) async fn emptied(&self) {
        let mut ticks = interval(TICK);
        while self.server.connection_count() > 0 {
            ticks.tick().await;
        }
    }

    /// When whoever is left is left, if it begins now.
    pub(crate) fn deadline(&self) -> Duration {
        self.config().deadline
    }

    /// Has other times hold, for what begins from now on.
    pub(crate) fn configure(&self, config: DrainConfig) {
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = config;
    }

    fn config(&self) -> DrainConfig {
        self.config.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn run(&self, begun: Instant, config: &DrainConfig) {
        let DrainConfig { wait, spread, max_per_s, .. } = *config;
        tracing::info!(
            connections = self.server.connection_count(),
            wait_s = wait.as_secs(),
            spread_s = spread.as_secs(),
            "draining: not ready, but for now serving as ever"
        );
        sleep_until(begun + wait).await;
        if !self.reach(Phase::Spreading, begun) {
            return;
        }
        let connections = self.server.connection_count();
        tracing::info!(connections, "draining: refusing new connections, sending away those there are");
        if spread.is_zero() {
            self.server.departure().end_all();
        } else if connections as u64 > spread.as_secs().saturating_mul(max_per_s.into()) {
            tracing::warn!(connections, max_per_s, "draining: it takes longer than drain.spread_s at this pace");
        }
        self.spread(config).await;
        if self.reach(Phase::Drained, begun) {
            tracing::info!("drained: nobody is connected");
        }
    }

    /// Sends all away; later ones too, that slipped in.
    async fn spread(&self, config: &DrainConfig) {
        let mut departure = self.server.departure();
        let mut plan = Plan::new(config, Instant::now().into_std());
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let open = self.server.connection_count();
            if open == 0 {
                return;
            }
            departure.end(plan.due(open, ticks.tick().await.into_std()));
        }
    }

    /// Goes on to `phase`, unless what was `begun` has been taken back in this moment.
    fn reach(&self, phase: Phase, begun: Instant) -> bool {
        let mut course = self.lock();
        let is_running = course.running.as_ref().is_some_and(|(_, running)| *running == begun);
        if is_running {
            self.server.refuse_new(true);
            course.phase = phase;
        }
        is_running
    }

    fn lock(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Drain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain").field("course", &*self.lock()).finish_non_exhaustive()
    }
}

impl fmt::Display for DrainConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { wait, spread, deadline, .. } = self;
        let rest = deadline.saturating_sub(*wait + *spread);
        let [wait, spread, rest, deadline] = [*wait, *spread, rest, *deadline].map(|phase| phase.as_secs());
        write!(f, "{deadline} s ({wait} s wait, {spread} s spread, {rest} s for whoever is left)")
    }
}
