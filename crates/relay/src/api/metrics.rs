//! The requests of programs, for who measures.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::Counts;
use crate::ops::Page;

/// Reads the counts when it is asked.
#[derive(Debug)]
pub(crate) struct ApiMetrics(pub(crate) Arc<Counts>);

impl Collector for ApiMetrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Requests to the HTTP API, by the route that answered";
        Page(encoder).counters("fanfare_api_requests", help, |counters| {
            self.0.requests().into_iter().try_for_each(|((route, code), count)| {
                counters.add(&[("route", &*route), ("code", &code.to_string())], count)
            })
        })
    }
}
