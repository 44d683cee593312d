//! What the process's supervisor is told, where it wants to be: systemd, with `Type=notify-reload` and `WatchdogSec=`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sd_notify::NotifyState;
use socketio::{Health, Server};
use tokio::time::interval;

/// Clients are served. From here on it also hears that they still are, if it watches.
pub(crate) fn ready(server: &Server) {
    tell(&[NotifyState::Ready]);
    if let Some(patience) = sd_notify::watchdog_enabled() {
        tokio::spawn(watched(server.clone(), patience));
    }
}

/// The configuration is read anew. Of a process that stops this is not told: whoever hears that it is ready again takes it for one
/// that goes on.
pub(crate) fn reloading() {
    if STOPPING.load(Ordering::SeqCst) {
        return;
    }
    match NotifyState::monotonic_usec_now() {
        // Together: it says to which of its wishes this is the answer.
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "cannot tell the supervisor the time"),
    }
}

/// It has been, or was refused: clients are served as before.
pub(crate) fn reloaded() {
    if !STOPPING.load(Ordering::SeqCst) {
        tell(&[NotifyState::Ready]);
    }
}

/// The process ends, and takes at most `deadline` for it.
pub(crate) fn stopping(deadline: Duration) {
    STOPPING.store(true, Ordering::SeqCst);
    let usec = u32::try_from((deadline + MARGIN).as_micros()).unwrap_or(u32::MAX);
    tell(&[NotifyState::Stopping, NotifyState::ExtendTimeoutUsec(usec)]);
}

/// Says that all goes on, until it does not: a runtime that stands still says nothing, and for a lane that does it is not said.
async fn watched(server: Server, patience: Duration) {
    let mut ticks = interval((patience / 2).max(Duration::from_millis(1)));
    loop {
        ticks.tick().await;
        let is_stuck = server.lane_lags().into_iter().any(|lag| lag > patience);
        if !is_stuck && !matches!(server.health(), Health::Failed(_)) {
            tell(&[NotifyState::Watchdog]);
        }
    }
}

/// Nothing, where nobody asked for it.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "cannot tell the supervisor");
    }
}

/// The supervisor was told of the end.
static STOPPING: AtomicBool = AtomicBool::new(false);

/// For what comes behind the deadline.
const MARGIN: Duration = Duration::from_secs(5);
