//! `GET /api/nodes`: the servers of the cluster.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use cluster::{Peer, Status};
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::emission::NodesTold;
use super::problem::Problem;
use super::query::Query;
use super::request::{answer, json};

/// A relay.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NodeTold {
    /// As whom it sends, another one after each start; none without a cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// What its operator calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Whether it is this one.
    local: bool,
    status: Standing,
    /// For how long nothing was heard of it, in milliseconds. It speaks every second.
    #[serde(skip_serializing_if = "Option::is_none")]
    silent_ms: Option<u64>,
    /// How many of its messages were not heard here.
    #[serde(skip_serializing_if = "Option::is_none")]
    missed: Option<u64>,
}

/// How a relay stands to the cluster.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    /// There is no cluster.
    Alone,
    /// It is one of it.
    Joined,
    /// It has no way to it now, or not yet.
    Unavailable,
    /// Nothing is heard of it.
    Silent,
}

/// Those that are known by name: this one first, then by id.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NodesListed {
    nodes: Vec<NodeTold>,
    /// All other servers, those too that do not say who they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    others: Option<NodesTold>,
}

#[utoipa::path(
    get, path = "/api/nodes", tag = "read", operation_id = "nodes",
    responses((status = 200, body = NodesListed), Problem)
)]
pub(crate) async fn list(State(api): State<Arc<Api>>, query: Query) -> Result<Response, Problem> {
    query.finish()?;
    let others = api.others().await;
    let nodes = match &api.cluster {
        None => vec![NodeTold::this(None, Standing::Alone)],
        Some(cluster) => {
            let Status { uid, is_up, peers, .. } = cluster.status();
            let standing = if is_up { Standing::Joined } else { Standing::Unavailable };
            let this = NodeTold { name: cluster.name().map(str::to_owned), ..NodeTold::this(Some(uid), standing) };
            std::iter::once(this).chain(peers.into_iter().map(NodeTold::from)).collect()
        }
    };
    Ok(answer(json(&NodesListed { nodes, others })?))
}

impl NodeTold {
    fn this(id: Option<String>, status: Standing) -> Self {
        Self { id, name: None, local: true, status, silent_ms: None, missed: None }
    }
}

impl From<Peer> for NodeTold {
    fn from(peer: Peer) -> Self {
        let Peer { uid, name, is_late, silence, missed, .. } = peer;
        Self {
            id: Some(uid),
            name,
            local: false,
            status: if is_late { Standing::Silent } else { Standing::Joined },
            silent_ms: Some(millis(silence)),
            missed: Some(missed),
        }
    }
}

impl Api {
    /// How many other servers answer, and how many do not: they are asked for nobody. `None` without a cluster.
    async fn others(&self) -> Option<NodesTold> {
        self.cluster.as_ref()?;
        let names = self.namespaces();
        // Every Node server has it.
        let name = names.get("/").or(names.first())?;
        let nobody = self.server.of(name).ok()?.to(NOBODY);
        Some(NodesTold::from(nobody.count().await.1))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Who is in it all the same is of no interest: only who answers is.
const NOBODY: &str = "fanfare:nobody";
