#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod cluster;
mod config;
mod config_error;
mod notice;
mod status;

mod supervisor;

mod node;

mod link;

pub use cluster::{Cluster, Notices};
pub use config::{Adapter, ClusterConfig, Pem};
pub use config_error::ConfigError;
pub use node::RedisPeers;
pub use notice::Notice;
pub use status::{Counts, Peer, Status};

/// What a node does while Redis cannot be reached, and what it says of it.
pub use cluster_proto::connection::{AtStart, Notice as LinkNotice, Phase, Why};
/// What is known of other Fanfare nodes.
pub use cluster_proto::peers::{Event as PeerEvent, Gone, OnGap};
/// How events are written, and which rooms of a sharded fleet have channels.
pub use cluster_proto::wire::{Format, Mode};
