//! A long list, some at a time: in the order of their names, so that who comes or goes meanwhile moves nobody else.

use std::collections::BinaryHeap;
use std::future::Future;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::Semaphore;
use utoipa::IntoParams;

use super::problem::Problem;
use super::query::Query;

/// Which part is asked for.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// The `next` of the page before.
    after: Option<String>,
    /// How many at most.
    #[param(required = false, default = 100, minimum = 1, maximum = 1000)]
    limit: usize,
}

/// Lists that are being made. However many are asked for, clients are not to wait for them.
#[derive(Debug)]
pub(crate) struct Making {
    /// What is gathered for a page is the whole list.
    gathering: Semaphore,
    /// A page is cut in one go. One at a time: then it is one task among others, and not all of them.
    cutting: Semaphore,
}

impl Default for Making {
    fn default() -> Self {
        Self { gathering: Semaphore::new(GATHERED_MAX), cutting: Semaphore::new(1) }
    }
}

impl Making {
    /// Gathers a list and makes of it what is answered, each when it is its turn.
    pub(crate) async fn list<T, R>(&self, gather: impl Future<Output = T>, cut: impl FnOnce(T) -> R) -> R {
        // Neither is ever closed.
        let _gathering = self.gathering.acquire().await;
        let all = gather.await;
        let _cutting = self.cutting.acquire().await;
        cut(all)
    }
}

/// How many a page has at most.
pub(crate) const LIMIT_MAX: u16 = 1000;

impl Page {
    pub(crate) fn of(query: &mut Query) -> Result<Self, Problem> {
        let expected = "expected a whole number from 1 to 1000";
        let limit = query.take("limit").map(|text| text.parse().map_err(|_| Problem::invalid("limit", expected)));
        let limit = limit.transpose()?.unwrap_or(100);
        if !(1..=LIMIT_MAX.into()).contains(&limit) {
            return Err(Problem::invalid("limit", expected));
        }
        let after = query.take("after").map(|cursor| {
            let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
            let wrong = || Problem::invalid("after", "expected the `next` of a page before");
            bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(wrong)
        });
        Ok(Self { after: after.transpose()?, limit })
    }

    /// What of `all` is on it, and where the next one begins if there is more.
    pub(crate) fn cut<'a, T>(
        &self,
        all: impl IntoIterator<Item = (&'a str, T)>,
    ) -> (Vec<(&'a str, T)>, Option<String>) {
        let mut first = BinaryHeap::new();
        for (name, value) in all {
            if self.after.as_deref().is_some_and(|after| name <= after) {
                continue;
            }
            first.push(Named(name, value));
            // One more says that there is more.
            if first.len() > self.limit + 1 {
                first.pop();
            }
        }
        let is_more = first.len() > self.limit;
        if is_more {
            first.pop();
        }
        let page: Vec<_> = first.into_sorted_vec().into_iter().map(|Named(name, value)| (name, value)).collect();
        let next = page.last().filter(|_| is_more).map(|(name, _)| URL_SAFE_NO_PAD.encode(name));
        (page, next)
    }
}

/// In the order of its name.
struct Named<'a, T>(&'a str, T);

impl<T> PartialEq for Named<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Named<'_, T> {}

impl<T> PartialOrd for Named<'_, T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Named<'_, T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(other.0)
    }
}

/// At once. One that a silent node holds up waits for seconds, so they are more than there are cores.
const GATHERED_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Waker};

    use super::*;

    #[tokio::test]
    async fn only_so_many_lists_are_gathered_at_once() {
        let (making, gathering) = (Making::default(), AtomicUsize::new(0));
        let list = || {
            making.list(
                async {
                    assert!(gathering.fetch_add(1, Ordering::Relaxed) < GATHERED_MAX);
                    tokio::task::yield_now().await;
                },
                |()| gathering.fetch_sub(1, Ordering::Relaxed),
            )
        };
        let mut all: Vec<_> = (0..GATHERED_MAX * 2).map(|_| Box::pin(list())).collect();
        for made in &mut all {
            assert!(made.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        assert_eq!(gathering.load(Ordering::Relaxed), GATHERED_MAX);
        for made in all {
            made.await;
        }
        assert_eq!(gathering.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn pages_have_everything_once_in_order() {
        let all: Vec<(String, usize)> = (0..25).map(|n| (format!("{:02}", (n * 7) % 25), n)).collect();
        let (mut found, mut query) = (Vec::new(), "limit=10".to_owned());
        loop {
            let page = Page::of(&mut Query::of(Some(&query)).unwrap()).unwrap();
            let (cut, next) = page.cut(all.iter().map(|(name, n)| (name.as_str(), *n)));
            found.extend(cut.into_iter().map(|(name, _)| name.to_owned()));
            let Some(next) = next else { break };
            query = format!("limit=10&after={next}");
        }
        assert_eq!(found, (0..25).map(|n| format!("{n:02}")).collect::<Vec<_>>());
        for wrong in ["limit=0", "limit=1001", "limit=x", "limit=", "after=%21", "after=_w"] {
            assert!(Page::of(&mut Query::of(Some(wrong)).unwrap()).is_err(), "{wrong}");
        }
    }
}
