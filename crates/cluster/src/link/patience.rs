//! One of several is not waited for so long that there is no time left for the others.

use std::fmt::Display;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

/// How long the servers of one attempt to connect are waited for, all in all: less than the link waits for the attempt, so that
/// it ends with the name of whoever does not answer.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    until: Instant,
}

impl Patience {
    pub(super) fn new(time: Duration) -> Self {
        Self { until: Instant::now() + time }
    }

    pub(super) fn is_over(self) -> bool {
        self.until <= Instant::now()
    }

    /// What one of several servers answers. A host that is gone without a word is what there are several for.
    pub(super) async fn wait<T>(
        self,
        asked: impl Future<Output = Result<T, String>>,
        server: impl Display,
    ) -> Result<T, String> {
        timeout_at(self.until, asked).await.unwrap_or_else(|_| Err(format!("{server}: it does not answer")))
    }
}

/// The first that succeeds. Each is begun when the one before it failed, or did not succeed for a moment: none is asked in vain
/// while one answers, and one that is silent holds up no other. The others are dropped.
pub(super) async fn first<F, T, E>(attempts: impl IntoIterator<Item = F>) -> Result<T, Vec<E>>
where
    F: Future<Output = Result<T, E>>,
{
    let mut waiting = attempts.into_iter();
    let (mut running, mut errors) = (Vec::new(), Vec::new());
    loop {
        let next = waiting.next().map(Box::pin);
        let is_last = next.is_none();
        running.extend(next);
        if running.is_empty() {
            return Err(errors);
        }
        let ended = match is_last {
            true => Some(any(&mut running).await),
            false => timeout(STAGGER, any(&mut running)).await.ok(),
        };
        match ended {
            Some(Ok(value)) => return Ok(value),
            Some(Err(error)) => errors.push(error),
            None => {}
        }
    }
}

/// What comes of each, in their order.
pub(super) async fn all<F: Future>(attempts: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let numbered = |(index, attempt)| Box::pin(async move { (index, attempt.await) });
    let mut running: Vec<_> = attempts.into_iter().enumerate().map(numbered).collect();
    let mut outputs = Vec::with_capacity(running.len());
    while !running.is_empty() {
        outputs.push(any(&mut running).await);
    }
    outputs.sort_unstable_by_key(|(index, _)| *index);
    outputs.into_iter().map(|(_, output)| output).collect()
}

/// Why none of several succeeded, whichever failed first: the same reasons are the same text.
pub(super) fn none_of(mut errors: Vec<String>) -> String {
    errors.sort_unstable();
    errors.dedup();
    let others = errors.len().saturating_sub(SAID_MAX);
    errors.truncate(SAID_MAX);
    match others {
        0 => errors.join("; "),
        _ => format!("{}; and {others} more", errors.join("; ")),
    }
}

/// The next that ends of these, which are some.
async fn any<F: Future>(running: &mut Vec<Pin<Box<F>>>) -> F::Output {
    poll_fn(|context| {
        let ended = running.iter_mut().enumerate().find_map(|(index, future)| match future.as_mut().poll(context) {
            Poll::Ready(output) => Some((index, output)),
            Poll::Pending => None,
        });
        match ended {
            Some((index, output)) => {
                drop(running.swap_remove(index));
                Poll::Ready(output)
            }
            None => Poll::Pending,
        }
    })
    .await
}

/// RFC 8305, section 5: a quarter of a second.
const STAGGER: Duration = Duration::from_millis(250);
/// Of more than these an operator learns nothing more.
const SAID_MAX: usize = 3;

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    async fn answers(what: Option<Result<u8, u8>>) -> Result<u8, u8> {
        match what {
            Some(answer) => answer,
            None => pending().await,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silent_ones_hold_up_nobody() {
        let begun = Instant::now();
        let asked = AtomicUsize::new(0);
        let attempt = |what| {
            asked.fetch_add(1, Ordering::Relaxed);
            answers(what)
        };
        let answer = first([None, None, Some(Err(1)), None, Some(Ok(7)), Some(Ok(8))].map(attempt)).await;
        assert_eq!(answer, Ok(7));
        assert_eq!(begun.elapsed(), STAGGER * 3, "one that failed is not waited for");
        let begun = Instant::now();
        assert_eq!(first([Some(Ok(1)), None].map(answers)).await, Ok(1));
        assert_eq!(begun.elapsed(), Duration::ZERO);
        assert_eq!(first([Some(Err(1)), Some(Err(2))].map(answers)).await, Err(vec![1, 2]));
        assert_eq!(first(std::iter::empty::<std::future::Pending<Result<u8, u8>>>()).await, Err(vec![]));
    }

    #[tokio::test(start_paused = true)]
    async fn each_is_begun_only_when_it_is_its_turn() {
        let begun = AtomicUsize::new(0);
        let attempts = (0..64).map(|_| {
            begun.fetch_add(1, Ordering::Relaxed);
            answers(None)
        });
        assert!(timeout(STAGGER * 2 - Duration::from_millis(1), first(attempts)).await.is_err());
        assert_eq!(begun.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn all_are_waited_for_at_once_and_keep_their_order() {
        let after = |millis| async move {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            millis
        };
        let begun = Instant::now();
        assert_eq!(all([30, 10, 20].map(after)).await, [30, 10, 20]);
        assert_eq!(begun.elapsed(), Duration::from_millis(30));
    }

    #[test]
    fn reasons_are_said_alike_and_not_without_end() {
        let said = |errors: &[&str]| none_of(errors.iter().map(ToString::to_string).collect());
        assert_eq!(said(&["b", "a", "b"]), "a; b");
        assert_eq!(said(&["e", "d", "c", "b", "a"]), "a; b; c; and 2 more");
        assert_eq!(said(&["a"]), "a");
    }
}
