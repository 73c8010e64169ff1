//! What a run amounts to in numbers: how much was asked, how it ended, how long it took.

use brownout_models::Map;
use brownout_models::contract::Failure;
use brownout_models::{Fact, Span, Time};
use hdrhistogram::Histogram;

use crate::kernel::{Entry, Watch, What};

/// The numbers of a run, counted from its trace.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Pieces of work that clients began.
    pub asked: u64,
    /// Those that succeeded.
    pub succeeded: u64,
    /// Those that failed, by reason.
    pub failed: Map<Failure, u64>,
    /// Entries of the trace by kind, in the order of first appearance.
    pub entries: Map<&'static str, u64>,
    /// How long successful work took, in nanoseconds, to three digits; made for the first of it,
    /// because most runs of a campaign want no numbers.
    latencies: Option<Histogram<u64>>,
    /// The longest of them, to the nanosecond.
    longest: Span,
    last: Time,
}

impl Metrics {
    /// The latency that this many per cent of the successful work stayed below or at; `None` when
    /// nothing succeeded.
    #[must_use]
    pub fn latency(&self, percentile: u8) -> Option<Span> {
        let latencies = self.latencies.as_ref()?;
        // A bucket stands for its upper end, which none of its latencies may have reached.
        let bucket = latencies.value_at_percentile(f64::from(percentile));
        Some(Span::from_nanos(bucket).min(self.longest))
    }

    /// The longest latency of successful work.
    #[must_use]
    pub fn latency_max(&self) -> Option<Span> {
        self.latencies.as_ref().map(|_| self.longest)
    }

    /// Work that failed, for whatever reason.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    /// Successful work per second of virtual time, in thousandths; `None` when no time passed.
    #[must_use]
    pub fn goodput_millis(&self) -> Option<u64> {
        let nanos = u128::from(self.last.as_nanos());
        let succeeded = u128::from(self.succeeded) * 1_000_000_000_000;
        (nanos > 0).then(|| u64::try_from(succeeded / nanos).unwrap_or(u64::MAX))
    }
}

impl Watch<Fact> for Metrics {
    fn see(&mut self, entry: &Entry<Fact>) -> bool {
        self.last = entry.at;
        if let What::Noted(fact) = &entry.what {
            if let Fact::Asked { .. } = fact {
                self.asked += 1;
            } else if let Fact::Ended { failure, latency, .. } = fact {
                match failure {
                    Some(failure) => *self.failed.entry(*failure).or_insert(0) += 1,
                    None => {
                        self.succeeded += 1;
                        self.longest = self.longest.max(*latency);
                        let _ =
                            self.latencies.get_or_insert_with(histogram).record(latency.as_nanos());
                    }
                }
            }
        }
        *self.entries.entry(entry.what.kind()).or_insert(0) += 1;
        true
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new(3).expect("three significant digits are possible")
}
