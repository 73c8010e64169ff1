//! What sidecars and platforms show of metrics, spans and logs.

use brownout_models::policy::{Histogram, Instrument, Level, SpanStatus};
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::value::RawValue;

/// A span of the sidecar's table.
#[derive(Clone, Debug, Serialize)]
pub(in crate::stdio) struct SpanView {
    pub(in crate::stdio) trace: String,
    pub(in crate::stdio) operation: String,
    pub(in crate::stdio) start: u64,
    pub(in crate::stdio) end: Option<u64>,
    #[serde(flatten)]
    pub(in crate::stdio) more: Option<MoreOfSpan>,
}

/// What a hardened sidecar says of a span besides.
#[derive(Clone, Debug, Serialize)]
pub(in crate::stdio) struct MoreOfSpan {
    pub(in crate::stdio) id: String,
    pub(in crate::stdio) parent: Option<String>,
    pub(in crate::stdio) status: SpanStatus,
    pub(in crate::stdio) attempt: Option<u32>,
}

/// What a hardened sidecar counts besides.
#[derive(Clone, Debug, Serialize)]
pub(in crate::stdio) struct MoreMetrics {
    pub(in crate::stdio) errors_per_million: Option<u64>,
    pub(in crate::stdio) in_flight: u64,
    pub(in crate::stdio) attempts: u64,
    pub(in crate::stdio) resend_count: u64,
    pub(in crate::stdio) backoff: u64,
    pub(in crate::stdio) budget_thousandths: Option<u64>,
    pub(in crate::stdio) successes: HistogramView,
    pub(in crate::stdio) failures: HistogramView,
    pub(in crate::stdio) attempt_successes: HistogramView,
    pub(in crate::stdio) attempt_failures: HistogramView,
}

/// A histogram: the sum in nanoseconds, and how many fell into each bucket.
#[derive(Clone, Debug, Serialize)]
pub(in crate::stdio) struct HistogramView {
    pub(in crate::stdio) count: u64,
    pub(in crate::stdio) sum: u64,
    pub(in crate::stdio) buckets: Vec<u64>,
}

impl HistogramView {
    pub(in crate::stdio) fn of(histogram: &Histogram) -> Self {
        let (count, sum) = (histogram.count(), histogram.sum().as_nanos());
        Self { count, sum, buckets: histogram.counts().to_vec() }
    }
}

/// A line of log, numbered by the `log` requests before it.
#[derive(Clone, Debug, Serialize)]
pub(in crate::stdio) struct LogView {
    pub(in crate::stdio) number: usize,
    pub(in crate::stdio) at: u64,
    pub(in crate::stdio) level: Level,
    pub(in crate::stdio) service: String,
    pub(in crate::stdio) trace: String,
    pub(in crate::stdio) message: String,
}

/// The last value of a metric.
#[derive(Clone, Debug, Serialize)]
pub(in crate::stdio) struct MetricView {
    pub(in crate::stdio) value: Box<RawValue>,
    pub(in crate::stdio) at: u64,
    pub(in crate::stdio) tags: IndexMap<String, String>,
    #[serde(flatten)]
    pub(in crate::stdio) more: Option<MoreOfMetric>,
}

/// What a hardened platform says of a series besides.
#[derive(Clone, Debug, Serialize)]
pub(in crate::stdio) struct MoreOfMetric {
    pub(in crate::stdio) instrument: Instrument,
    pub(in crate::stdio) count: u64,
}
