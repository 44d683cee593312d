//! Writing metrics down.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::{DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use socketio::engineio::proto::HistogramCounts;

/// A page of metrics that is being written. Names are whole but for `_total`, which each counter gets.
pub(crate) struct Page<'a>(pub(crate) DescriptorEncoder<'a>);

/// The labels of a sample. No value comes from a client.
pub(crate) type Labels<'a> = &'a [(&'a str, &'a str)];

impl Page<'_> {
    /// One that goes up.
    pub(crate) fn counter<N: EncodeCounterValue>(&mut self, name: &str, help: &str, value: N) -> fmt::Result {
        self.counters(name, help, |samples| samples.add(&[], value))
    }

    /// Several that go up, told apart by their labels.
    pub(crate) fn counters(
        &mut self,
        name: &str,
        help: &str,
        write: impl FnOnce(&mut Counters<'_>) -> fmt::Result,
    ) -> fmt::Result {
        write(&mut Counters(self.0.encode_descriptor(name, help, None, MetricType::Counter)?))
    }

    /// One that goes up and down.
    pub(crate) fn gauge<N: EncodeGaugeValue>(&mut self, name: &str, help: &str, value: N) -> fmt::Result {
        self.gauges(name, help, |samples| samples.add(&[], value))
    }

    /// Several that go up and down.
    pub(crate) fn gauges(
        &mut self,
        name: &str,
        help: &str,
        write: impl FnOnce(&mut Gauges<'_>) -> fmt::Result,
    ) -> fmt::Result {
        write(&mut Gauges(self.0.encode_descriptor(name, help, None, MetricType::Gauge)?))
    }

    /// How long things took.
    pub(crate) fn histogram(&mut self, name: &str, help: &str, counts: &HistogramCounts) -> fmt::Result {
        let buckets: Vec<_> = counts.buckets.iter().map(|(bound, count)| (seconds(*bound), *count)).collect();
        let mut encoder = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        encoder.encode_histogram::<NoLabelSet>(seconds(counts.sum), counts.count(), &buckets, None)
    }
}

/// The samples of a counter.
pub(crate) struct Counters<'a>(MetricEncoder<'a>);

impl Counters<'_> {
    pub(crate) fn add<N: EncodeCounterValue>(&mut self, labels: Labels<'_>, value: N) -> fmt::Result {
        self.0.encode_family(&labels)?.encode_counter::<NoLabelSet, N, f64>(&value, None)
    }
}

/// The samples of a gauge.
pub(crate) struct Gauges<'a>(MetricEncoder<'a>);

impl Gauges<'_> {
    pub(crate) fn add<N: EncodeGaugeValue>(&mut self, labels: Labels<'_>, value: N) -> fmt::Result {
        self.0.encode_family(&labels)?.encode_gauge(&value)
    }
}

pub(crate) fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
