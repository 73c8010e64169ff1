//! What a sidecar counts of the calls it makes.
//!
//! The guide's `ServiceMetrics` counts a request when it starts and its latency when it ends, so that
//! the average covers calls in flight (SC-1); one request stands for up to four attempts (SC-2);
//! latency has the backoff in it, and of successes and failures there is one sum (SC-3); the error
//! rate is a text (SC-13). `hardened` follows OpenTelemetry: what is over is counted, what is under
//! way is a gauge, attempts are counted beside calls (`http.request.resend_count`), and latencies
//! are histograms, of successes and failures apart.
//! What is *not* here: spans; see [`SpanTable`](crate::policy::SpanTable).
//!
//! ```
//! use brownout_models::Span;
//! use brownout_models::policy::{CallMetrics, TelemetryConfig};
//!
//! let mut metrics = CallMetrics::new(&TelemetryConfig::hardened());
//! metrics.started();
//! metrics.attempt_started(1);
//! assert_eq!((metrics.requests(), metrics.in_flight()), (0, 1));
//! metrics.attempt_ended(Span::from_millis(20), true);
//! metrics.ended(Span::from_millis(120), Span::from_millis(100), true);
//! assert_eq!(metrics.average_latency(), Span::from_millis(20), "without the backoff");
//! assert_eq!(metrics.successes().counts()[2], 1, "10 ms to 25 ms");
//! ```

use serde::{Deserialize, Serialize};

use crate::policy::Histogram;
use crate::profile::{Mistake, options};
use crate::{Capacity, Span};

options! {
    /// What a sidecar counts and traces.
    config TelemetryConfig;
    /// A sidecar's telemetry as it is written.
    options TelemetryOptions as "Telemetry";
    {
        /// When a call counts; as soon as it starts in the guide (SC-1).
        counting: Counting = Counting::AtStart, hardened Counting::AtEnd;
        /// Whether attempts are counted and have spans of their own; in the guide a call is one span
        /// and one number whatever happens (SC-2).
        attempts: AttemptView = AttemptView::Hidden, hardened AttemptView::Measured;
        /// Whether the wait between attempts is latency; it is in the guide (SC-3).
        latency: Latency = Latency::WithBackoff, hardened Latency::WithoutBackoff;
        /// What a span's id is; in the guide the instant it starts (SC-7).
        span_ids: SpanIds = SpanIds::Clock, hardened SpanIds::Unique;
        /// Whether a span knows the one that it is part of; never in the guide (SC-8).
        parents: Parents = Parents::Dropped, hardened Parents::Kept;
        /// How many spans are kept; all of them in the guide (SC-9), hardened as many as
        /// OpenTelemetry's batch processor queues. The oldest makes room, and is counted.
        spans_max: Capacity = Capacity::Unbounded, hardened Capacity::AtMost(2_048);
    }
}

/// When a call counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Counting {
    /// When it starts.
    AtStart,
    /// When it ends.
    AtEnd,
}

/// Whether attempts show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttemptView {
    /// They do not.
    Hidden,
    /// They are counted, and each has a span.
    Measured,
}

/// What the latency of a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Latency {
    /// All the time from start to end.
    WithBackoff,
    /// That without the waits between attempts.
    WithoutBackoff,
}

/// What the ids of spans are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpanIds {
    /// The instant of the start: two spans of one instant are one.
    Clock,
    /// A number that no other span has.
    Unique,
}

/// Whether spans make a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Parents {
    /// They do not.
    Dropped,
    /// Each knows the span that it is part of, and whoever is called gets to know it, too.
    Kept,
}

impl TelemetryConfig {
    /// Everything that makes no sense.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let none = self.spans_max == Capacity::AtMost(0);
        let mistake = || {
            let help = "write `AtMost(1)` to keep the latest alone, or `Unbounded`";
            Mistake::new("spans_max", "no span is kept", "expected 1 or more", help)
        };
        none.then(mistake).into_iter().collect()
    }
}

/// Requests, errors and latency of all calls so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CallMetrics {
    counting: Counting,
    latency: Latency,
    started: u64,
    ended: u64,
    errors: u64,
    successes: Histogram,
    failures: Histogram,
    /// The sum of all latencies in nanoseconds, as the guide keeps it: it wraps.
    total: i64,
    backoff: Span,
    attempts: u64,
    resends: u64,
    attempt_successes: Histogram,
    attempt_failures: Histogram,
}

impl CallMetrics {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(config: &TelemetryConfig) -> Self {
        Self {
            counting: config.counting,
            latency: config.latency,
            started: 0,
            ended: 0,
            errors: 0,
            successes: Histogram::default(),
            failures: Histogram::default(),
            total: 0,
            backoff: Span::ZERO,
            attempts: 0,
            resends: 0,
            attempt_successes: Histogram::default(),
            attempt_failures: Histogram::default(),
        }
    }

    /// A call starts.
    pub const fn started(&mut self) {
        self.started = self.started.saturating_add(1);
    }

    /// A call ends: all its time, and how much of that it waited between attempts.
    pub fn ended(&mut self, elapsed: Span, backoff: Span, ok: bool) {
        self.ended = self.ended.saturating_add(1);
        self.backoff = self.backoff + backoff;
        let latency = match self.latency {
            Latency::WithBackoff => elapsed,
            Latency::WithoutBackoff => elapsed - backoff,
        };
        let nanos = i64::try_from(latency.as_nanos()).unwrap_or(i64::MAX);
        self.total = self.total.wrapping_add(nanos);
        if ok {
            self.successes.record(latency);
        } else {
            self.errors = self.errors.saturating_add(1);
            self.failures.record(latency);
        }
    }

    /// An attempt of a call starts, the first of each being 1.
    pub const fn attempt_started(&mut self, number: u32) {
        self.attempts = self.attempts.saturating_add(1);
        if number > 1 {
            self.resends = self.resends.saturating_add(1);
        }
    }

    /// An attempt ends.
    pub fn attempt_ended(&mut self, latency: Span, ok: bool) {
        let histogram = if ok { &mut self.attempt_successes } else { &mut self.attempt_failures };
        histogram.record(latency);
    }

    /// Calls that count: started or ended, as configured.
    #[must_use]
    pub const fn requests(&self) -> u64 {
        match self.counting {
            Counting::AtStart => self.started,
            Counting::AtEnd => self.ended,
        }
    }

    /// Calls under way.
    #[must_use]
    pub const fn in_flight(&self) -> u64 {
        self.started.saturating_sub(self.ended)
    }

    /// Calls ended with an error.
    #[must_use]
    pub const fn errors(&self) -> u64 {
        self.errors
    }

    /// Errors in a million requests, rounded down; none without requests.
    #[must_use]
    pub fn errors_per_million(&self) -> Option<u64> {
        let errors = u128::from(self.errors) * 1_000_000;
        errors.checked_div(u128::from(self.requests())).and_then(|ppm| u64::try_from(ppm).ok())
    }

    /// Errors per request as Go's `%.2f%%` prints it: of the exact value of the double, halves to
    /// even. 1 of 32 is `3.12%`.
    #[must_use]
    #[expect(clippy::float_arithmetic, reason = "the guide's own steps, each fixed by IEEE 754")]
    #[expect(clippy::cast_precision_loss, reason = "Go converts with the same rounding")]
    pub fn error_rate(&self) -> String {
        if self.requests() == 0 {
            return "0.00%".to_owned();
        }
        format!("{:.2}%", self.errors as f64 / self.requests() as f64 * 100.0)
    }

    /// Latency so far per request that counts; whole nanoseconds, rounded down.
    #[must_use]
    pub fn average_latency(&self) -> Span {
        let total = (self.successes.sum() + self.failures.sum()).as_nanos();
        Span::from_nanos(total.checked_div(self.requests()).unwrap_or(0))
    }

    /// The same in the guide's type, a `time.Duration` of signed nanoseconds, whose sum wraps after 292
    /// years of latency.
    #[must_use]
    pub fn average_duration(&self) -> i64 {
        let requests = i64::try_from(self.requests()).unwrap_or(i64::MAX);
        self.total.checked_div(requests).unwrap_or(0)
    }

    /// Latencies of calls that succeeded.
    #[must_use]
    pub const fn successes(&self) -> &Histogram {
        &self.successes
    }

    /// Latencies of calls that failed.
    #[must_use]
    pub const fn failures(&self) -> &Histogram {
        &self.failures
    }

    /// The waits between attempts of all calls that ended.
    #[must_use]
    pub const fn backoff(&self) -> Span {
        self.backoff
    }

    /// Attempts started.
    #[must_use]
    pub const fn attempts(&self) -> u64 {
        self.attempts
    }

    /// Attempts started that were not the first of their call.
    #[must_use]
    pub const fn resends(&self) -> u64 {
        self.resends
    }

    /// Latencies of attempts that succeeded, and of those that failed.
    #[must_use]
    pub const fn attempt_latencies(&self) -> (&Histogram, &Histogram) {
        (&self.attempt_successes, &self.attempt_failures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_rates_round_halves_to_even_as_go_does() {
        for (errors, requests, text, ppm) in [
            (0, 0, "0.00%", None),
            (0, 7, "0.00%", Some(0)),
            (1, 1, "100.00%", Some(1_000_000)),
            (1, 3, "33.33%", Some(333_333)),
            (2, 3, "66.67%", Some(666_666)),
            (1, 32, "3.12%", Some(31_250)),
            (3, 32, "9.38%", Some(93_750)),
            (5, 32, "15.62%", Some(156_250)),
            (7, 32, "21.88%", Some(218_750)),
            (1, 160, "0.62%", Some(6_250)),
            (1, 20_000, "0.01%", Some(50)),
            (1, 20_001, "0.00%", Some(49)),
        ] {
            let nothing = CallMetrics::new(&TelemetryConfig::guide());
            let metrics = CallMetrics { started: requests, errors, ..nothing };
            assert_eq!(metrics.error_rate(), text, "{errors} of {requests}");
            assert_eq!(metrics.errors_per_million(), ppm, "{errors} of {requests}");
        }
    }

    fn one_of_ten_done(config: &TelemetryConfig) -> CallMetrics {
        let mut metrics = CallMetrics::new(config);
        for _ in 0..10 {
            metrics.started();
        }
        metrics.ended(Span::from_millis(100), Span::from_millis(30), true);
        metrics
    }

    #[test]
    fn the_guides_average_covers_calls_in_flight() {
        let metrics = CallMetrics::new(&TelemetryConfig::guide());
        assert_eq!(metrics.average_latency(), Span::ZERO);
        let metrics = one_of_ten_done(&TelemetryConfig::guide());
        assert_eq!(metrics.average_latency(), Span::from_millis(10));
        assert_eq!((metrics.requests(), metrics.in_flight(), metrics.errors()), (10, 9, 0));
    }

    #[test]
    fn a_hardened_average_is_that_of_the_calls_that_ended() {
        let metrics = one_of_ten_done(&TelemetryConfig::hardened());
        assert_eq!(metrics.average_latency(), Span::from_millis(70));
        assert_eq!((metrics.requests(), metrics.in_flight()), (1, 9));
        let with_backoff =
            TelemetryConfig { latency: Latency::WithBackoff, ..TelemetryConfig::hardened() };
        assert_eq!(one_of_ten_done(&with_backoff).average_latency(), Span::from_millis(100));
        assert_eq!(metrics.backoff(), Span::from_millis(30));
    }

    #[test]
    fn successes_failures_and_attempts_are_told_apart() {
        let mut metrics = CallMetrics::new(&TelemetryConfig::hardened());
        let (short, long) = (Span::from_millis(1), Span::from_millis(2));
        metrics.started();
        for (number, ok) in [(1, false), (2, false), (3, true)] {
            metrics.attempt_started(number);
            metrics.attempt_ended(short, ok);
        }
        metrics.ended(long, Span::ZERO, true);
        metrics.started();
        metrics.attempt_started(1);
        metrics.attempt_ended(short, false);
        metrics.ended(short, Span::ZERO, false);
        assert_eq!((metrics.attempts(), metrics.resends()), (4, 2));
        assert_eq!((metrics.successes().sum(), metrics.failures().sum()), (long, short));
        let (successes, failures) = metrics.attempt_latencies();
        assert_eq!((successes.count(), failures.count()), (1, 3));
        assert_eq!((metrics.requests(), metrics.errors(), metrics.in_flight()), (2, 1, 0));
    }

    #[test]
    fn a_table_without_room_is_a_mistake() {
        let config = TelemetryConfig { spans_max: Capacity::AtMost(0), ..TelemetryConfig::guide() };
        assert_eq!(config.mistakes().len(), 1);
        assert_eq!(TelemetryConfig::hardened().mistakes(), []);
        assert_eq!(TelemetryConfig::guide().mistakes(), []);
    }
}
