//! What a sidecar keeps about the calls it intercepts: numbers, spans, and where a retry stands.
//!
//! Follows the guide's `SidecarProxy` (lines 431-576). Requests are counted when they start, errors
//! and latency when they end, so that the average covers calls in flight (SC-1); one request and
//! one span stand for up to four attempts (SC-2), backoff included (SC-3); every error is retried
//! (SC-4); a span's id is the instant it starts, so spans of one instant overwrite each other
//! (SC-7); nothing is ever dropped (SC-9). `max_retries` counts without the first attempt (SC-14),
//! and there is no wait after the last (SC-16).
//!
//! What is *not* here: the handler, and the timers of its attempts and backoffs.
//!
//! ```
//! use brownout_models::policy::{Retry, RetryConfig, RetryNext};
//! use brownout_models::Span;
//!
//! let mut retry = Retry::new(RetryConfig::default());
//! for millis in [100, 200, 400] {
//!     assert_eq!(retry.ended(false), RetryNext::Again { after: Span::from_millis(millis) });
//! }
//! assert_eq!(retry.ended(false), RetryNext::Failed);
//! ```

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

use crate::policy::Backoff;
use crate::{Name, Span, Time};

/// Requests, errors and latency of all calls so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CallMetrics {
    requests: u64,
    errors: u64,
    total_latency: Span,
}

impl CallMetrics {
    /// A call starts: it is a request from now on.
    pub const fn started(&mut self) {
        self.requests = self.requests.saturating_add(1);
    }

    /// A call ends, with its latency from the start to the last attempt's end.
    pub fn ended(&mut self, latency: Span, ok: bool) {
        self.total_latency = self.total_latency + latency;
        if !ok {
            self.errors = self.errors.saturating_add(1);
        }
    }

    /// Calls started.
    #[must_use]
    pub const fn requests(&self) -> u64 {
        self.requests
    }

    /// Calls ended with an error.
    #[must_use]
    pub const fn errors(&self) -> u64 {
        self.errors
    }

    /// Errors per request as Go's `%.2f%%` prints it: of the exact value of the double, halves to
    /// even. 1 of 32 is `3.12%`.
    #[must_use]
    #[expect(clippy::float_arithmetic, reason = "the guide's own steps, each fixed by IEEE 754")]
    #[expect(clippy::cast_precision_loss, reason = "Go converts with the same rounding")]
    pub fn error_rate(&self) -> String {
        if self.requests == 0 {
            return "0.00%".to_owned();
        }
        format!("{:.2}%", self.errors as f64 / self.requests as f64 * 100.0)
    }

    /// Latency so far per request, those in flight included; whole nanoseconds, rounded down.
    #[must_use]
    pub fn average_latency(&self) -> Span {
        Span::from_nanos(self.total_latency.as_nanos().checked_div(self.requests).unwrap_or(0))
    }
}

/// One span as the table shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SpanRecord {
    /// The trace it was started for.
    pub trace: Name,
    /// What was called.
    pub operation: Name,
    /// When, which is also its id.
    pub start: Time,
    /// Nothing while it is in progress.
    pub end: Option<Time>,
}

/// Names one started span, also after another overwrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SpanTicket {
    start: Time,
    number: u64,
}

/// All spans by id, in the order of their start.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SpanTable {
    spans: IndexMap<Time, (SpanTicket, SpanRecord)>,
    begun: u64,
}

impl SpanTable {
    /// Starts a span, in the place of any other of the same instant.
    pub fn begin(&mut self, now: Time, trace: Name, operation: Name) -> SpanTicket {
        let ticket = SpanTicket { start: now, number: self.begun };
        self.begun = self.begun.saturating_add(1);
        self.spans.insert(now, (ticket, SpanRecord { trace, operation, start: now, end: None }));
        ticket
    }

    /// Ends a span; one that was overwritten ends unseen.
    pub fn end(&mut self, now: Time, ticket: SpanTicket) {
        if let Some((owner, record)) = self.spans.get_mut(&ticket.start)
            && *owner == ticket
        {
            record.end = Some(now);
        }
    }

    /// The spans that are left, in the order of their start.
    pub fn iter(&self) -> impl Iterator<Item = &SpanRecord> {
        self.spans.values().map(|(_, record)| record)
    }
}

/// How often and how patiently a call is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetryConfig {
    /// Attempts after the first; 3.
    pub max_retries: u32,
    /// The wait between attempts; 100 ms, doubling.
    pub backoff: Backoff,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self { max_retries: 3, backoff: Backoff::default() }
    }
}

/// What follows from the end of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryNext {
    /// The next attempt starts after this wait.
    Again {
        /// The backoff.
        after: Span,
    },
    /// The call succeeded.
    Succeeded,
    /// The last attempt failed, and with it the call.
    Failed,
}

/// Where the attempts of one call stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Retry {
    config: RetryConfig,
    attempt_index: u32,
}

impl Retry {
    /// Before the end of the first attempt.
    #[must_use]
    pub const fn new(config: RetryConfig) -> Self {
        Self { config, attempt_index: 0 }
    }

    /// The attempt under way has ended.
    pub fn ended(&mut self, ok: bool) -> RetryNext {
        if ok {
            return RetryNext::Succeeded;
        }
        if self.attempt_index >= self.config.max_retries {
            return RetryNext::Failed;
        }
        let after = self.config.backoff.delay(self.attempt_index);
        self.attempt_index += 1;
        RetryNext::Again { after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_rates_round_halves_to_even_as_go_does() {
        for (errors, requests, text) in [
            (0, 0, "0.00%"),
            (0, 7, "0.00%"),
            (1, 1, "100.00%"),
            (1, 3, "33.33%"),
            (2, 3, "66.67%"),
            (1, 32, "3.12%"),
            (3, 32, "9.38%"),
            (5, 32, "15.62%"),
            (7, 32, "21.88%"),
            (1, 160, "0.62%"),
            (1, 20_000, "0.01%"),
            (1, 20_001, "0.00%"),
        ] {
            let metrics = CallMetrics { requests, errors, total_latency: Span::ZERO };
            assert_eq!(metrics.error_rate(), text, "{errors} of {requests}");
        }
    }

    #[test]
    fn the_average_covers_calls_in_flight() {
        let mut metrics = CallMetrics::default();
        assert_eq!(metrics.average_latency(), Span::ZERO);
        for _ in 0..10 {
            metrics.started();
        }
        metrics.ended(Span::from_millis(100), true);
        assert_eq!(metrics.average_latency(), Span::from_millis(10));
        assert_eq!((metrics.requests(), metrics.errors()), (10, 0));
    }

    #[test]
    fn spans_of_one_instant_overwrite_each_other() {
        let mut table = SpanTable::default();
        let first = table.begin(Time::ZERO, Name(0), Name(9));
        let second = table.begin(Time::ZERO, Name(1), Name(9));
        table.begin(Time::from_nanos(1), Name(2), Name(9));
        table.end(Time::from_nanos(5), first);
        assert_eq!(table.iter().map(|span| span.trace).collect::<Vec<_>>(), [Name(1), Name(2)]);
        assert!(table.iter().all(|span| span.end.is_none()));
        table.end(Time::from_nanos(6), second);
        let ends = table.iter().map(|span| span.end).collect::<Vec<_>>();
        assert_eq!(ends, [Some(Time::from_nanos(6)), None]);
    }

    #[test]
    fn three_retries_are_four_attempts() {
        let mut retry = Retry::new(RetryConfig::default());
        let attempts = 1 + (0..9).take_while(|_| retry.ended(false) != RetryNext::Failed).count();
        assert_eq!(attempts, 4);
        assert_eq!(Retry::new(RetryConfig::default()).ended(true), RetryNext::Succeeded);
    }
}
