//! A histogram of spans with fixed bounds: exact to count, to add and to merge.
//!
//! The bounds are those of OpenTelemetry's `http.server.request.duration`, 5 ms to 10 s; a span on
//! a bound counts below it. What is *not* here: percentiles to three digits, for which the harness
//! around the models has an HDR histogram.
//!
//! ```
//! use brownout_models::Span;
//! use brownout_models::policy::Histogram;
//!
//! let mut histogram = Histogram::default();
//! histogram.record(Span::from_millis(5));
//! histogram.record(Span::from_millis(6));
//! assert_eq!(histogram.counts()[..3], [1, 1, 0]);
//! assert_eq!(histogram.mean(), Some(Span::from_micros(5_500)));
//! ```

use serde::Serialize;

use crate::Span;

/// How many spans fell between which bounds, and their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Histogram {
    counts: [u64; Self::BOUNDS.len() + 1],
    count: u64,
    sum: Span,
}

impl Histogram {
    /// The upper bound of each bucket but the last, which has none; included.
    pub const BOUNDS: [Span; 14] = [
        Span::from_millis(5),
        Span::from_millis(10),
        Span::from_millis(25),
        Span::from_millis(50),
        Span::from_millis(75),
        Span::from_millis(100),
        Span::from_millis(250),
        Span::from_millis(500),
        Span::from_millis(750),
        Span::from_millis(1_000),
        Span::from_millis(2_500),
        Span::from_millis(5_000),
        Span::from_millis(7_500),
        Span::from_millis(10_000),
    ];

    /// Takes a span in.
    pub fn record(&mut self, span: Span) {
        let bucket = Self::BOUNDS.iter().position(|bound| span <= *bound);
        let count = &mut self.counts[bucket.unwrap_or(Self::BOUNDS.len())];
        *count = count.saturating_add(1);
        self.count = self.count.saturating_add(1);
        self.sum = self.sum + span;
    }

    /// Takes in everything that another histogram has taken in.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count = count.saturating_add(more);
        }
        self.count = self.count.saturating_add(other.count);
        self.sum = self.sum + other.sum;
    }

    /// How many fell into each bucket.
    #[must_use]
    pub const fn counts(&self) -> &[u64; Self::BOUNDS.len() + 1] {
        &self.counts
    }

    /// How many there were.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// All of them together.
    #[must_use]
    pub const fn sum(&self) -> Span {
        self.sum
    }

    /// Their mean, rounded down; none of nothing.
    #[must_use]
    pub fn mean(&self) -> Option<Span> {
        self.sum.as_nanos().checked_div(self.count).map(Span::from_nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_on_a_bound_counts_below_it() {
        for (bucket, bound) in Histogram::BOUNDS.into_iter().enumerate() {
            let mut histogram = Histogram::default();
            histogram.record(bound - Span::from_nanos(1));
            histogram.record(bound);
            histogram.record(bound + Span::from_nanos(1));
            assert_eq!(histogram.counts()[bucket..=bucket + 1], [2, 1]);
            assert_eq!(histogram.count(), 3);
            assert_eq!(histogram.mean(), Some(bound));
        }
        assert_eq!(Histogram::default().mean(), None);
    }
}
