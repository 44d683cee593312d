//! What of the cluster stands in the log.

use std::time::{Duration, Instant};

use cluster::{LinkNotice, Notice, Notices, PeerEvent};
use socketio::hub::Bucket;

/// Until there is nothing to tell any more. `own` is what this node is called.
pub(super) async fn tell(mut notices: Notices, own: Option<Box<str>>) {
    let mut visits = Visits::default();
    loop {
        let notice = tokio::select! {
            notice = notices.next() => notice,
            () = until(visits.report_at) => {
                visits.report();
                continue;
            }
        };
        let Some(notice) = notice else { break };
        match notice {
            Notice::Link(notice) => link(&notice),
            Notice::Peer(event) => {
                if !is_visit(&event) || visits.take(Instant::now()) {
                    peer(&event);
                }
                // Whether or not that is told: the log bounds its warnings by itself.
                if let Some((uid, name)) = namesake(&event, own.as_deref()) {
                    tracing::warn!(%uid, name, "another relay has this one's cluster.name: give each its own");
                }
            }
            Notice::Overflow => tracing::warn!("the cluster says more than can be done here: some of it is dropped"),
            Notice::NotPublished { error } => tracing::warn!(%error, "redis does not take what is published"),
            // Who waits for it says it.
            Notice::Failed(_) => {}
            other => tracing::warn!(notice = %other, "something about the cluster"),
        }
    }
}

/// How many lines may be told of nodes that come and go. They are at `info`, which the log does not bound; and whoever may publish on
/// that Redis can make up as many nodes as they like.
#[derive(Default)]
struct Visits {
    lines: Bucket,
    left_out: u64,
    /// When it is told that lines were left out.
    report_at: Option<Instant>,
}

impl Visits {
    /// Asks for one line.
    fn take(&mut self, now: Instant) -> bool {
        let may = self.lines.take(now, LINES_AT_ONCE, LINE_EVERY);
        if !may {
            self.left_out += 1;
            self.report_at.get_or_insert(now + REPORT_AFTER);
        }
        may
    }

    fn report(&mut self) {
        self.report_at = None;
        let left_out = std::mem::take(&mut self.left_out);
        tracing::warn!(left_out, "other nodes come and go faster than it is told");
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

fn is_visit(event: &PeerEvent) -> bool {
    matches!(event, PeerEvent::Appeared { .. } | PeerEvent::Back { .. } | PeerEvent::Gone { .. })
}

/// A node that appears under the name of this one, which is a slip: to the others who started last is the other anew. Each of
/// the two says it, once as long as both are there: whoever is there does not appear again.
fn namesake<'a>(event: &'a PeerEvent, own: Option<&str>) -> Option<(&'a str, &'a str)> {
    match event {
        PeerEvent::Appeared { uid, name: Some(name) } if own == Some(name) => Some((uid, name)),
        _ => None,
    }
}

fn link(notice: &LinkNotice) {
    match notice {
        LinkNotice::Joined { after, deaf } => {
            let (after_ms, deaf_ms) = (after.as_millis(), deaf.unwrap_or_default().as_millis());
            tracing::info!(after_ms, deaf_ms, "joined the cluster");
        }
        LinkNotice::Lost(why) => tracing::warn!(%why, "lost the cluster"),
        LinkNotice::Waiting(why) => tracing::warn!(%why, "waiting for the cluster"),
        LinkNotice::Partly { subscription, error } => {
            tracing::warn!(%subscription, %error, "a part of the cluster's redis is away");
        }
        LinkNotice::Whole { after, .. } => {
            tracing::info!(after_ms = after.as_millis(), "all of the cluster's redis is there again");
        }
        LinkNotice::Refused { subscription, error } => {
            tracing::warn!(%subscription, %error, "redis refuses a subscription");
        }
        LinkNotice::CannotCount { error } => {
            tracing::warn!(%error, "redis does not count subscribers: questions cannot know who is missing");
        }
    }
}

fn peer(event: &PeerEvent) {
    match event {
        PeerEvent::Appeared { uid, name } => {
            tracing::info!(%uid, name = name.as_deref().unwrap_or_default(), "another node is there");
        }
        PeerEvent::Late { uid } => tracing::warn!(%uid, "nothing is heard of another node"),
        PeerEvent::Back { uid } => tracing::info!(%uid, "another node is heard again"),
        PeerEvent::Gone { uid, name, how } => {
            tracing::info!(%uid, name = name.as_deref().unwrap_or_default(), ?how, "another node is gone");
        }
        PeerEvent::Missed { uid, namespace, count } => {
            tracing::warn!(%uid, %namespace, count, "messages of another node were missed");
        }
        PeerEvent::SameUid => tracing::error!("another node sends under this node's uid: they do not hear each other"),
        PeerEvent::Reset { namespace } => {
            tracing::warn!(%namespace, "closing the sockets of a namespace, which missed something");
        }
    }
}

/// A fleet of fifty that comes back as one.
const LINES_AT_ONCE: u32 = 100;

const LINE_EVERY: Duration = Duration::from_secs(1);

const REPORT_AFTER: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use cluster::Gone;

    use super::*;

    #[test]
    fn only_who_appears_under_the_own_name_is_a_namesake() {
        let named = |name: Option<&str>| name.map(str::to_owned);
        let appeared = |name| PeerEvent::Appeared { uid: "x".to_owned(), name: named(name) };
        assert_eq!(namesake(&appeared(Some("eu-1")), Some("eu-1")), Some(("x", "eu-1")));
        for (event, own) in [
            (appeared(Some("eu-2")), Some("eu-1")),
            (appeared(Some("eu-1")), None),
            (appeared(None), None),
            (PeerEvent::Gone { uid: "x".to_owned(), name: named(Some("eu-1")), how: Gone::Left }, Some("eu-1")),
        ] {
            assert_eq!(namesake(&event, own), None, "{event:?} {own:?}");
        }
    }

    #[test]
    fn those_who_come_and_go_by_thousands_are_told_of_a_hundred_times_and_then_once_a_second() {
        let (mut visits, now) = (Visits::default(), Instant::now());
        let told = (0..5_000).filter(|_| visits.take(now)).count();
        assert_eq!((told, visits.left_out, visits.report_at), (100, 4_900, Some(now + REPORT_AFTER)));
        let later = now + Duration::from_secs(10);
        let told = (0..5_000).filter(|_| visits.take(later)).count();
        assert_eq!((told, visits.left_out, visits.report_at), (10, 9_890, Some(now + REPORT_AFTER)));
        visits.report();
        assert_eq!((visits.left_out, visits.report_at), (0, None));
    }
}
