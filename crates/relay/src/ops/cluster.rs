//! How the cluster does.

use std::fmt;

use cluster::{Cluster, Status};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::page::{Page, seconds};

/// Of this node's part in it.
#[derive(Debug)]
pub(crate) struct ClusterMetrics(pub(crate) Cluster);

impl Collector for ClusterMetrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (mut page, Status { is_up, peers, lag, counts, .. }) = (Page(encoder), self.0.status());
        page.gauge("fanfare_cluster_up", "Whether this node is one of the cluster", u64::from(is_up))?;
        let help = "Other Fanfare nodes that are heard; Node servers do not say that they are there";
        page.gauge("fanfare_cluster_peers", help, peers.iter().filter(|peer| !peer.is_late).count() as u64)?;
        page.gauges("fanfare_cluster_lag_seconds", "How long a message takes to Redis and back", |gauges| {
            lag.map_or(Ok(()), |lag| gauges.add(&[], seconds(lag)))
        })?;
        page.counter("fanfare_cluster_published", "Messages that Redis took", counts.published)?;
        page.counter("fanfare_cluster_received", "Messages of others that were heard", counts.received)?;
        let help = "Messages for rooms that nobody here is in, which were not read";
        page.counter("fanfare_cluster_unwanted", help, counts.unwanted)?;
        page.counters("fanfare_cluster_dropped", "Messages that were lost here, by why", |counters| {
            counts.dropped.iter().try_for_each(|(reason, count)| counters.add(&[("reason", reason)], *count))
        })?;
        page.counters("fanfare_cluster_malformed", "Messages of others that were refused, by why", |counters| {
            counts.malformed.iter().try_for_each(|(reason, count)| counters.add(&[("reason", reason)], *count))
        })?;
        page.counter("fanfare_cluster_reconnects", "How often the cluster was joined again", counts.reconnects)?;
        let help = "Messages that were missed here, by whose they are";
        page.counters("fanfare_cluster_missed", help, |counters| {
            // What they say they sent is theirs to say.
            let there = peers.iter().fold(0_u64, |sum, peer| sum.saturating_add(peer.missed));
            peers.iter().try_for_each(|peer| counters.add(&[("peer", &peer.uid)], peer.missed))?;
            counters.add(&[("peer", "other")], counts.missed_unnamed)?;
            let known = there.saturating_add(counts.missed_unnamed);
            counters.add(&[("peer", "gone")], counts.missed.saturating_sub(known))
        })?;
        let help = "Messages of other Fanfare nodes that came twice, or after they had been counted as missed";
        page.counter("fanfare_cluster_surplus", help, counts.surplus)?;
        let help = "Heartbeats of other Fanfare nodes that there was no place for";
        page.counter("fanfare_cluster_peers_ignored", help, counts.peers_ignored)?;
        page.counter("fanfare_cluster_server_side", "Messages for the servers' programs", counts.server_side)?;
        let help = "Members named __proto__ that were left out of what others sent";
        page.counter("fanfare_cluster_left_out", help, counts.left_out)
    }
}
