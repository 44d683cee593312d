//! Two nodes over one Redis.

use fanfare_cluster::{Adapter, ClusterConfig, Mode};

use crate::node::Node;
use crate::server::Redis;

pub(crate) struct Fleet {
    pub(crate) redis: Redis,
    pub(crate) f: Node,
    pub(crate) g: Node,
}

/// Each kind of fleet.
pub(crate) const ADAPTERS: [Adapter; 4] = [
    Adapter::Classic,
    Adapter::Sharded(Mode::Dynamic),
    Adapter::Sharded(Mode::Static),
    Adapter::Sharded(Mode::DynamicPrivate),
];

impl Fleet {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn of(adapter: Adapter) -> Self {
        Self::with(|config| config.adapter = adapter).await
    }

    pub(crate) async fn with(change: impl Fn(&mut ClusterConfig)) -> Self {
        let redis = Redis::start().await;
        let mut config = ClusterConfig::at(redis.url());
        change(&mut config);
        let (f, g) = (Node::joined(config.clone()).await, Node::joined(config).await);
        f.knows_peers(1).await;
        g.knows_peers(1).await;
        Self { redis, f, g }
    }
}
