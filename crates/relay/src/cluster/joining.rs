//! The way in.

use std::sync::Arc;

use cluster::{AtStart, Cluster};
use socketio::Failure;

use super::told;
use crate::readiness::{Readiness, Unready};

/// Has the log and whoever sends clients here hear how it goes. Where the relay may not start without the fleet, waits until it is
/// one of it; else returns at once.
///
/// # Errors
/// Why it is not to start.
pub(crate) async fn join(cluster: &Cluster, at_start: AtStart, readiness: &Arc<Readiness>) -> Result<(), String> {
    if let Some(notices) = cluster.notices() {
        tokio::spawn(told::tell(notices, cluster.name().map(Into::into)));
    }
    readiness.set(Unready::Cluster, !cluster.is_ready());
    if at_start == AtStart::Fail {
        tokio::select! {
            () = cluster.ready() => {}
            why = cluster.failed() => return Err(format!("the cluster cannot be joined: {why}")),
        }
    }
    let (cluster, readiness) = (cluster.clone(), Arc::clone(readiness));
    tokio::spawn(async move {
        cluster.ready().await;
        // For good: without the fleet, clients are served better than not at all.
        readiness.set(Unready::Cluster, false);
    });
    Ok(())
}

/// Waits until the cluster's own task is no more. Clients would be served by a relay that hears nothing of the others, for good.
pub(crate) async fn failed(cluster: Option<&Cluster>) -> Failure {
    match cluster {
        Some(cluster) => {
            cluster.failed().await;
            Failure::new("speaks with the cluster")
        }
        None => std::future::pending().await,
    }
}
