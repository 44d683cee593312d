//! The link's times and bounds.

use std::time::Duration;

/// Times and bounds of a [`Link`](super::Link).
#[derive(Debug, Clone)]
pub struct LinkConfig {
    /// What an unreachable Redis means while the node starts.
    pub at_start: AtStart,
    /// How long a connection may take until it is ready for commands: name, TCP, TLS, `HELLO` and all.
    pub connect_timeout: Duration,
    /// How long any reply may take. Longer than a pause that a healthy Redis makes (a fork, a failover's `CLIENT PAUSE`):
    /// who waits it out loses nothing, who connects anew misses what is said meanwhile.
    pub reply_timeout: Duration,
    /// How long after a PONG the next PING is sent. Nothing else notices a half-open connection.
    pub ping_interval: Duration,
    /// The longest first wait before a connection is tried again; each further one may be twice as long.
    pub reconnect_min: Duration,
    /// The longest wait of all.
    pub reconnect_max: Duration,
    /// After how long a refused subscription is asked for again. Rights are given by people.
    pub refused_retry: Duration,
    /// How many commands may be unanswered on the subscriber: with a channel for each room there are many.
    pub commands_max: usize,
    /// How long leaving may take.
    pub leave_timeout: Duration,
}

/// What an unreachable Redis means while the node starts. It is over when the link is first joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AtStart {
    /// Local clients are served; ready only once joined.
    #[default]
    Wait,
    /// The first thing that goes wrong ends the node.
    Fail,
    /// Ready without it.
    Alone,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            at_start: AtStart::Wait,
            connect_timeout: Duration::from_secs(3),
            reply_timeout: Duration::from_secs(5),
            ping_interval: Duration::from_secs(3),
            reconnect_min: Duration::from_millis(100),
            reconnect_max: Duration::from_secs(2),
            refused_retry: Duration::from_secs(5),
            commands_max: 256,
            leave_timeout: Duration::from_secs(1),
        }
    }
}

impl LinkConfig {
    /// Times of zero would have the link turn on the spot, and times of ages overflow the clock.
    pub(super) fn within_reason(mut self) -> Self {
        let shortest = Duration::from_millis(1);
        for time in [
            &mut self.connect_timeout,
            &mut self.reply_timeout,
            &mut self.ping_interval,
            &mut self.reconnect_min,
            &mut self.reconnect_max,
            &mut self.refused_retry,
            &mut self.leave_timeout,
        ] {
            *time = (*time).clamp(shortest, TIME_MAX);
        }
        self.reconnect_min = self.reconnect_min.min(self.reconnect_max);
        self.commands_max = self.commands_max.max(1);
        self
    }
}

/// A day: nobody waits longer for a reply.
const TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);
