//! The time, as tokio sees it, so that a paused runtime pauses sessions too.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The time a `duration` after another. `Duration::MAX` is how a program says "never"; that is in ten years.
pub(crate) fn after(time: Instant, duration: Duration) -> Instant {
    time + duration.min(NEVER)
}

/// The moments at which sessions wake up for what may be a little late: heartbeats above all.
///
/// One turn of the reactor then serves all sessions that are due in the same tick, and their answers come together
/// too. With a timer for each to the millisecond, an idle client's ping cost a turn of its own, a quarter of its price.
///
/// All are counted from the same start, and sessions that were told the same times have the same ticks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticks {
    start: Instant,
}

/// How far a session's ticks are apart: as short as the times ask for that it was told when it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tick {
    ns: u32,
}

impl Tick {
    /// So short beside `time` that nobody who counts on that notices it.
    pub(crate) fn short_beside(time: Duration) -> Self {
        Self { ns: (time / 256).clamp(Duration::from_millis(1), TICK_MAX).subsec_nanos() }
    }
}

impl Ticks {
    pub(crate) fn new(start: Instant) -> Self {
        Self { start }
    }

    /// The first tick that is not before `deadline`.
    pub(crate) fn not_before(&self, deadline: Instant, tick: Tick) -> Instant {
        // In 64 bits: this is asked at each turn of each session, and a division of 128 is a call.
        let since = deadline.saturating_duration_since(self.start).as_nanos();
        let Ok(since) = u64::try_from(since) else {
            // In some centuries.
            return deadline;
        };
        match since % u64::from(tick.ns) {
            0 => deadline,
            // Less than a second, so it fits.
            over => deadline + Duration::new(0, tick.ns - over as u32),
        }
    }
}

pub(crate) const NEVER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// 25 s of pings in some 400 groups.
const TICK_MAX: Duration = Duration::from_millis(64);

/// One timer that follows a deadline which mostly moves later.
///
/// By itself it is moved only to be earlier; when it fires before the deadline, which has moved on in the meantime, it
/// is set again. Whoever knows that a deadline will stay where it is now sets it at once. A heartbeat so costs two
/// touches of tokio's timer wheel in 25 s, and one wake, however much is received.
#[derive(Debug)]
pub(crate) struct Timer {
    sleep: Pin<Box<Sleep>>,
    /// When it fires, if it is set and the task is known to it. Until then it need not be asked: its memory is far from
    /// the task's, and most of what a task wakes up for is no timer.
    armed: Option<Instant>,
}

impl Timer {
    pub(crate) fn new(deadline: Instant) -> Self {
        Self { sleep: Box::pin(tokio::time::sleep_until(deadline.into())), armed: None }
    }

    /// Moves it, to be earlier or later.
    pub(crate) fn set(&mut self, deadline: Instant) {
        // It may have fired meanwhile, and then forgotten the task.
        self.armed = None;
        let deadline = tokio::time::Instant::from_std(deadline);
        if deadline != self.sleep.deadline() {
            self.sleep.as_mut().reset(deadline);
        }
    }

    /// Ready once `deadline` has come. To be called by one task only.
    pub(crate) fn poll(&mut self, deadline: Instant, now: Instant, cx: &mut Context<'_>) -> Poll<()> {
        if deadline <= now {
            return Poll::Ready(());
        }
        // Not before its time, so that it still knows the task; and not later than is wanted.
        if self.armed.is_some_and(|armed| now < armed && armed <= deadline) {
            return Poll::Pending;
        }
        let deadline = tokio::time::Instant::from_std(deadline);
        if deadline < self.sleep.deadline() {
            self.sleep.as_mut().reset(deadline);
        }
        while self.sleep.as_mut().poll(cx).is_ready() {
            // Not `now`: another thread may have turned the wheel past the deadline since it was read, and the timer
            // would be set and fire again and again.
            if deadline <= tokio::time::Instant::now() {
                self.armed = None;
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(deadline);
        }
        self.armed = Some(self.sleep.deadline().into_std());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[test]
    fn a_tick_is_never_early_and_not_a_whole_tick_late() {
        let start = Instant::now();
        for (interval, length) in [(25_000, 64_000), (5_120, 20_000), (300, 1_171), (1, 1_000)] {
            let (ticks, tick) = (Ticks::new(start), Tick::short_beside(Duration::from_millis(interval)));
            let not_before = |deadline| ticks.not_before(deadline, tick);
            for micros in [0, 1, 999, 1_000, 63_999, 64_000, 64_001, 86_400_000_000] {
                let deadline = start + Duration::from_micros(micros);
                let late = not_before(deadline).duration_since(deadline);
                assert!(late <= Duration::from_micros(length), "{interval} ms, {micros} µs: {late:?}");
                assert!(not_before(deadline) >= deadline);
                assert_eq!(not_before(not_before(deadline)), not_before(deadline));
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_passes_while_it_is_looked_at_is_seen_at_once() {
        let start = now();
        let deadline = |ms| start + Duration::from_millis(ms);
        let mut timer = Timer::new(deadline(10));
        tokio::time::advance(Duration::from_millis(20)).await;
        let is_ready = poll_fn(|cx| Poll::Ready(timer.poll(deadline(15), start, cx).is_ready())).await;
        assert!(is_ready, "the clock was read too early, but it has gone on");
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_that_fired_unseen_and_was_set_again_wakes_the_task() {
        let start = now();
        let deadline = |ms| start + Duration::from_millis(ms);
        let mut timer = Timer::new(deadline(10));
        assert!(poll_fn(|cx| Poll::Ready(timer.poll(deadline(10), start, cx).is_pending())).await);
        tokio::time::advance(Duration::from_millis(20)).await;
        timer.set(deadline(30));
        let ready = poll_fn(|cx| timer.poll(deadline(30), now(), cx));
        tokio::time::timeout(Duration::from_secs(1), ready).await.expect("it was set");
        assert_eq!(now(), deadline(30));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_moves_either_way_is_kept() {
        let start = now();
        let deadline = |ms| start + Duration::from_millis(ms);
        let mut timer = Timer::new(deadline(1_000));
        poll_fn(|cx| timer.poll(deadline(100), now(), cx)).await;
        assert_eq!(now(), deadline(100));
        poll_fn(|cx| timer.poll(deadline(2_000), now(), cx)).await;
        assert_eq!(now(), deadline(2_000));
    }
}
