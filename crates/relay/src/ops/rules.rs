//! What rules took.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::page::Page;
use crate::relay::Counts;

/// The events that each rule took, of all generations.
#[derive(Debug)]
pub(crate) struct RuleMetrics(pub(crate) Arc<Counts>);

impl Collector for RuleMetrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Events that a rule took, by the event that it is about, and * for all others";
        Page(encoder).counters("fanfare_events", help, |counters| {
            self.0.taken_counts().iter().try_for_each(|(namespace, on, count)| {
                counters.add(&[("namespace", namespace.as_str()), ("rule", on)], *count)
            })
        })
    }
}
