//! Where the metrics come from.

use std::collections::BTreeMap;
use std::sync::Arc;

use cluster::Cluster;
use prometheus_client::collector::Collector;
use socketio::Server;
use socketio::engineio::Engine;

use crate::admin::{Admin, AdminMetrics};
use crate::api::{ApiMetrics, Counts};
use crate::ops::{AuthMetrics, ClusterMetrics, RuleMetrics, Sources, Stage};
use crate::relay::Live;

/// Where the metrics come from. Codes that are known beforehand are there from the start, so that the first is seen to come.
pub(super) fn sources(
    server: &Server,
    live: &Arc<Live>,
    api: Arc<Counts>,
    admin: Arc<Admin>,
    cluster: Option<Cluster>,
) -> Sources {
    let (refusing, counts) = (server.clone(), Arc::clone(&live.current().common.counts));
    let (events, connects, rules) = (Arc::clone(&counts), Arc::clone(&counts), RuleMetrics(counts));
    let http = Stage {
        name: "http",
        counts: Box::new(move || {
            let mut counts: BTreeMap<_, _> = Engine::REFUSALS.into_iter().map(|code| (code, 0)).collect();
            counts.extend(refusing.refusal_counts());
            counts
        }),
    };
    let event = Stage { name: "event", counts: Box::new(move || events.all_refused_counts()) };
    let connect = Stage { name: "connect", counts: Box::new(move || connects.all_connects_refused_counts()) };
    let tokens = Arc::clone(live);
    let all_failures = move || by_reason(tokens.current().common.authenticator.all_failures());
    let token = Stage { name: "token", counts: Box::new(all_failures) };
    let asked = Arc::clone(live);
    let auth = AuthMetrics(Box::new(move || asked.current().common.authenticator.clone()));
    let asked = Arc::clone(&api);
    let of_api = Stage { name: "api", counts: Box::new(move || asked.refusals()) };
    let refusals = vec![http, connect, token, event, of_api];
    let mut others: Vec<Box<dyn Collector>> =
        vec![Box::new(rules), Box::new(auth), Box::new(ApiMetrics(api)), Box::new(AdminMetrics(admin))];
    others.extend(cluster.map(|cluster| Box::new(ClusterMetrics(cluster)) as Box<dyn Collector>));
    Sources { server: server.clone(), refusals, others }
}

/// Why tokens were refused, whoever is said to have issued them.
pub(super) fn by_reason(failures: BTreeMap<(Arc<str>, &'static str), u64>) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    for ((_, reason), count) in failures {
        *counts.entry(reason).or_default() += count;
    }
    counts
}
