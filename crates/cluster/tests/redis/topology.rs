//! A Redis Cluster, and a master that sentinels watch.
