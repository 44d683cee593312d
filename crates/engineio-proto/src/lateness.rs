//! What is late is not dead.

use std::time::{Duration, Instant};

/// How long to read on before anybody is judged by `deadline`, which is looked at only `now`: zero if it is looked at
/// in time.
///
/// A process that was suspended, or starved of its processor, finds deadlines that have passed and, in the kernel, what
/// came before them. It has been away for longer than it is late; what that takes to be read is a fraction of it. A few
/// times as long as it is late, but no more than a second, is enough for everybody else to be read in the meantime.
pub fn grace(deadline: Instant, now: Instant) -> Duration {
    let late = now.saturating_duration_since(deadline);
    if late <= LATE_MAX { Duration::ZERO } else { (late * GRACE_FACTOR).min(GRACE_MAX) }
}

/// How late a timer may be, in a process that is busy, before it is the process that was late.
const LATE_MAX: Duration = Duration::from_millis(50);
const GRACE_FACTOR: u32 = 4;
/// What it takes at most to read what came meanwhile, with everybody else doing the same.
const GRACE_MAX: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_judged_late_is_read_first() {
        let deadline = Instant::now();
        for (late_ms, grace_ms) in [(0, 0), (50, 0), (60, 240), (200, 800), (250, 1_000), (86_400_000, 1_000)] {
            let now = deadline + Duration::from_millis(late_ms);
            assert_eq!(grace(deadline, now), Duration::from_millis(grace_ms), "{late_ms} ms late");
        }
        assert_eq!(grace(deadline + Duration::from_secs(1), deadline), Duration::ZERO, "it has not come yet");
    }
}
