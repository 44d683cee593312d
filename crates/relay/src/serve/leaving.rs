//! The end, in good order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cluster::Cluster;
use socketio::Server;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::End;
use super::sources::by_reason;
use crate::drain::Drain;
use crate::notify;
use crate::readiness::{Readiness, Unready};
use crate::relay::Live;
use crate::signals::Ending;

/// What comes to its end.
pub(super) struct Leaving<'a> {
    pub(super) server: &'a Server,
    pub(super) drain: &'a Arc<Drain>,
    pub(super) readiness: &'a Readiness,
    pub(super) cluster: Option<&'a Cluster>,
    pub(super) live: &'a Live,
}

impl Leaving<'_> {
    /// Lets clients go as `[drain]` says, then closes the listeners, and leaves the fleet last: what clients said until then
    /// is the fleet's too. Who hurries, or the deadline, cuts it short.
    pub(super) async fn leave(
        self,
        end: &End,
        mut ending: watch::Receiver<Ending>,
        serving: watch::Sender<()>,
        mut accepting: JoinSet<()>,
    ) {
        let Self { server, drain, readiness, cluster, live } = self;
        tracing::info!(connections = server.connection_count(), "stopping");
        notify::stopping(drain.deadline());
        let deadline = tokio::time::Instant::now() + drain.deadline();
        let hurried = async {
            tokio::select! {
                () = tokio::time::sleep_until(deadline) => "the deadline has passed",
                _ = ending.wait_for(|ending| *ending >= Ending::Now) => "told again to stop",
            }
        };
        tokio::pin!(hurried);
        if *end == End::Asked {
            drain.begin_for_good();
        } else {
            readiness.set(Unready::Draining, true);
        }
        // Where it has failed, they are gone already.
        let cut_short = tokio::select! {
            () = drain.emptied() => None,
            why = &mut hurried => Some(why),
        };
        if let Some(why) = cut_short {
            tracing::warn!(connections = server.connection_count(), why, "leaving those who are still connected");
        }
        drop(serving);
        server.close();
        let all_ended = async {
            server.drained().await;
            while accepting.join_next().await.is_some() {}
        };
        let over = async {
            match cut_short {
                // What waits for them may still go.
                Some(_) => tokio::time::sleep(LAST_MAX).await,
                None => {
                    let why = hurried.await;
                    tracing::warn!(why, "leaving connections that are not done");
                }
            }
        };
        tokio::select! {
            () = all_ended => {}
            () = over => {}
        }
        if let Some(cluster) = cluster {
            cluster.leave().await;
        }
        log_end(server, live);
    }
}

fn log_end(server: &Server, live: &Live) {
    let common = Arc::clone(&live.current().common);
    let (counts, tokens_refused) = (&common.counts, by_reason(common.authenticator.failures()));
    tracing::info!(
        relayed = counts.relayed_count(),
        refused = counted(&counts.refused_counts()),
        connects_refused = counted(&counts.connects_refused_counts()),
        tokens_refused = counted(&tokens_refused),
        closed = counted(&server.close_counts()),
        requests_refused = counted(&server.refusal_counts()),
        "stopped"
    );
}

/// Causes with their numbers: `ping_timeout:3,transport_close:12`; `none` if nothing was counted.
fn counted(counts: &BTreeMap<&'static str, u64>) -> String {
    let counts: Vec<String> = counts.iter().map(|(cause, count)| format!("{cause}:{count}")).collect();
    if counts.is_empty() { "none".to_owned() } else { counts.join(",") }
}

/// For those who are closed at the deadline.
const LAST_MAX: Duration = Duration::from_millis(500);
