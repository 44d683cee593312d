//! How a node is doing.

use std::time::Duration;

use cluster_proto::connection::Phase;

/// How a node is doing at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// As whom it sends.
    pub uid: String,
    /// How far the link is.
    pub phase: Phase,
    /// Whether the node may say that it is ready, as far as the cluster is concerned. Once it was, it is.
    pub is_ready: bool,
    /// Whether it is one of the fleet now: `fanfare_cluster_up`.
    pub is_up: bool,
    /// The other Fanfare nodes, by uid. Node servers do not say that they are there.
    pub peers: Vec<Peer>,
    /// How long a message takes to Redis and back.
    pub lag: Option<Duration>,
    /// What was counted since the start.
    pub counts: Counts,
}

/// Another Fanfare node.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peer {
    /// As whom it sends. New at each of its starts.
    pub uid: String,
    /// What its operator calls it.
    pub name: Option<String>,
    /// Whether nothing was heard of it for some heartbeats.
    pub is_late: bool,
    /// How long nothing was heard of it.
    pub silence: Duration,
    /// How many of its messages were not heard here.
    pub missed: u64,
    /// How many were heard twice, or too late.
    pub surplus: u64,
}

/// What was counted since the start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Messages that Redis took.
    pub published: u64,
    /// Messages of others that were heard.
    pub received: u64,
    /// Of these, for rooms that nobody here is in: they were not read.
    pub unwanted: u64,
    /// Messages that were lost here, by reason: `not_joined`, `too_old`, `too_much`, `unknown` and `refused` on their way out,
    /// `incoming` on their way in, `requests` that were not answered, `answers` that were too large or too many, and `rooms` that
    /// sockets were to be in beyond what they may.
    pub dropped: Vec<(&'static str, u64)>,
    /// Messages that were refused, by reason.
    pub malformed: Vec<(&'static str, u64)>,
    /// How often the node joined again.
    pub reconnects: u64,
    /// Messages that were missed here: sent by Fanfare nodes, those that are gone too, and not heard or lost on their way out; or heard, of
    /// whomever, and dropped.
    pub missed: u64,
    /// Of these, those of nobody who was known: dropped messages of Node servers and emitters.
    pub missed_unnamed: u64,
    /// Messages of Fanfare nodes that were heard twice, or after they had been counted as missed.
    pub surplus: u64,
    /// Messages for the servers' programs (`serverSideEmit`) that nothing here was for: a relay has none.
    pub server_side: u64,
    /// Members named `__proto__` that were left out of what was received.
    pub left_out: u64,
    /// Heartbeats of nodes that there was no place for.
    pub peers_ignored: u64,
}
