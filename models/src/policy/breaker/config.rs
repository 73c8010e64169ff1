//! What can differ between two breakers, each difference under a name.
//!
//! The names are resilience4j's where it has one; the published guide's values make its breaker
//! exactly, and every hardened value names the defect that it removes.

use serde::{Deserialize, Serialize};

use crate::profile::{Mistake, options};
use crate::{Ratio, Span};

options! {
    /// When a breaker opens, how long it stays so, and what closes it.
    config BreakerConfig;
    /// A breaker's configuration as it is written.
    options BreakerOptions as "Breaker";
    {
        /// What opens it. The guide counts failures in a row (CB-3); resilience4j looks at the share
        /// of failures among the last calls.
        trip: Trip = Trip::Consecutive, hardened Trip::CountWindow;
        /// `Consecutive`: failures in a row that open it; 5. One or less opens at the first (CB-12).
        failure_threshold: i64 = 5;
        /// `Consecutive`: how often the count starts anew while closed, with a new generation;
        /// gobreaker's `Interval`.
        count_interval: Interval = Interval::Never;
        /// `CountWindow`: how many of the last calls are looked at, from 1; 100.
        window_calls: u32 = 100;
        /// `TimeWindow`: how far back calls are looked at, a multiple of `window_bucket`; 100 s, as in
        /// resilience4j.
        window_span: Span = Span::from_secs(100);
        /// `TimeWindow`: calls are forgotten by buckets of this span, at its multiples; 1 s.
        window_bucket: Span = Span::from_secs(1);
        /// Both windows: calls before a share means anything, from 1; 100. A count window that holds
        /// fewer is judged when it is full.
        minimum_calls: u32 = 100;
        /// Both windows: the share of failures at which it opens; 50 %.
        failure_rate: Ratio = Ratio::ONE_HALF;
        /// Both windows: the share of slow calls at which it opens; 100 %.
        slow_call_rate: Ratio = Ratio::ONE;
        /// A call that took strictly longer is slow; 60 s. Only a result with its permit has a length.
        slow_call_duration: Span = Span::from_secs(60);
        /// Failures that are neither success nor failure, and give their permit back. The guide counts
        /// everything (GW-9); resilience4j and gobreaker leave it to the user; here, whatever says
        /// nothing about the health of who was called.
        ignored: Vec<FailureClass> = Vec::new(), hardened vec![
            FailureClass::Discovery, FailureClass::Rejected, FailureClass::OwnRejection,
        ];
        /// How long it stays open; 30 s in the guide, 60 s in gobreaker and resilience4j.
        open_timeout: Span = Span::from_secs(30), hardened Span::from_secs(60);
        /// Where that counts from. In the guide every failure counts, also a late one while it is
        /// open, which so extends the wait (CB-4, CB-11).
        open_since: OpenSince = OpenSince::LastFailure, hardened OpenSince::Opening;
        /// Whether a deadline (of the open state, of a probe, of the count) has passed at its very
        /// instant (CB-9); the guide, gobreaker and resilience4j say no, Polly and cockatiel yes.
        boundary: Boundary = Boundary::Exclusive;
        /// The wait is multiplied by this at every opening from half-open, from 1 for the same wait;
        /// 1, as in resilience4j. A close starts over.
        open_multiplier: u32 = 1;
        /// The longest wait that multiplying gives; 300 s, as Envoy's ejections.
        open_timeout_max: Span = Span::from_secs(300);
        /// The wait is longer by up to this share of it, as [`Breaker::jitter`](super::Breaker::jitter)
        /// is told; breakers that opened together do not probe together (CB-11).
        open_jitter: Ratio = Ratio::ZERO, hardened Ratio::ONE_FIFTH;
        /// Whether it half-opens by itself when the wait is over, or when somebody asks to be admitted
        /// (CB-10).
        half_opening: HalfOpening = HalfOpening::Lazy, hardened HalfOpening::Automatic;
        /// Whether half-opening looks again before it acts; the guide decides under a read lock and
        /// acts under a write lock taken later (CB-2).
        half_open_entry: HalfOpenEntry = HalfOpenEntry::Unchecked, hardened HalfOpenEntry::Rechecked;
        /// How many calls half-open has under way at once (CB-1); 10 in resilience4j. There are never
        /// more than the verdict still needs.
        probes: Probes = Probes::Unlimited, hardened Probes::Permits(10);
        /// When a permitted probe without a result counts as failed, lest a lost result keep
        /// its permit for ever (CB-8).
        probe_deadline: ProbeDeadline = ProbeDeadline::Never,
            hardened ProbeDeadline::After(Span::from_secs(60));
        /// What half-open waits for. The guide, gobreaker and Polly go by the first failure,
        /// resilience4j by the shares among as many results as there are probes.
        verdict: Verdict = Verdict::FirstFailure, hardened Verdict::Rate;
        /// `FirstFailure`: successes that close it, from 1; 3.
        success_threshold: u32 = 3;
        /// Whether the result of a call counts that was admitted before the last change of state
        /// (CB-6, CB-7); gobreaker drops it by its generation.
        late_results: LateResults = LateResults::Counted, hardened LateResults::Dropped;
        /// Whether a failure while open, from the threshold on, says `closed -> open` again (CB-5).
        repeat_opening: bool = true, hardened false;
    }
}

/// What opens a closed breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trip {
    /// So many failures with no success between them.
    Consecutive,
    /// Too large a share of failures, or of slow calls, among the last calls.
    CountWindow,
    /// The same among the calls of the last while.
    TimeWindow,
}

/// How often something starts anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Interval {
    /// Never by itself.
    Never,
    /// Again and again after this span, longer than zero.
    Every(Span),
}

/// What a failure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FailureClass {
    /// Who was called failed.
    Error,
    /// No answer in time.
    Timeout,
    /// The connection was refused or reset.
    Reset,
    /// Who was called has too much to do.
    Overload,
    /// Nobody was found to be called.
    Discovery,
    /// The request was wrong: whoever was called is well.
    Rejected,
    /// A breaker, limiter or bulkhead on the way refused, and nobody was called.
    OwnRejection,
}

impl FailureClass {
    /// Every class by its name.
    pub const ALL: [(&str, Self); 7] = [
        ("error", Self::Error),
        ("timeout", Self::Timeout),
        ("reset", Self::Reset),
        ("overload", Self::Overload),
        ("discovery", Self::Discovery),
        ("rejected", Self::Rejected),
        ("own_rejection", Self::OwnRejection),
    ];
}

/// What the open state counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OpenSince {
    /// The last failure that was taken in, in whatever state.
    LastFailure,
    /// The opening.
    Opening,
}

/// Whether a deadline has passed at its very instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Boundary {
    /// Only a nanosecond later.
    Exclusive,
    /// At it.
    Inclusive,
}

/// What half-opens an open breaker whose wait is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HalfOpening {
    /// The next one who asks to be admitted.
    Lazy,
    /// Time itself: the owner's timer, or whatever is asked of the breaker next.
    Automatic,
}

/// What happens between finding that the wait is over and half-opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HalfOpenEntry {
    /// Whoever found it half-opens it, whatever became of it meanwhile.
    Unchecked,
    /// It is looked at again.
    Rechecked,
}

/// How many probes half-open admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Probes {
    /// Everybody.
    Unlimited,
    /// So many under way at once, from 1.
    Permits(u32),
}

/// When a probe counts as lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProbeDeadline {
    /// Never: half-open may wait for ever.
    Never,
    /// This long after it was admitted; longer than zero.
    After(Span),
}

/// What ends half-open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// The first failure opens it, `success_threshold` successes close it.
    FirstFailure,
    /// As many results as there are permits, at most `minimum_calls`, then the shares decide.
    Rate,
}

/// What becomes of the result of a call that was admitted before the last change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LateResults {
    /// It counts like any other.
    Counted,
    /// Nothing.
    Dropped,
}

impl BreakerConfig {
    /// Everything that makes no sense; the guide itself accepts it all.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = self.number_mistakes();
        let mut zero_span = |option: &str, what: &str, is_zero: bool, help: &str| {
            if is_zero {
                let expected = "expected a span longer than 0s";
                mistakes.push(Mistake::new(option, format!("{what} is zero"), expected, help));
            }
        };
        let never = self.count_interval == Interval::Every(Span::ZERO);
        zero_span("count_interval", "the interval", never, "write `Never` to count without end");
        let never = self.probe_deadline == ProbeDeadline::After(Span::ZERO);
        let help = "write `Never` for probes that may take any time";
        zero_span("probe_deadline", "the deadline of a probe", never, help);
        let help = "leave it out for 1s";
        zero_span("window_bucket", "the bucket", self.window_bucket.is_zero(), help);
        let help = "leave it out for 100s";
        zero_span("window_span", "the window", self.window_span.is_zero(), help);
        mistakes.extend(self.combination_mistakes());
        mistakes
    }

    fn number_mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        if self.failure_threshold < 1 {
            mistakes.push(Mistake::new(
                "failure_threshold",
                format!("the failure threshold cannot be {}", self.failure_threshold),
                "expected 1 or more",
                "write 1 for a breaker that opens at the first failure",
            ));
        }
        let no_probes = self.probes == Probes::Permits(0);
        for (option, what, is_zero, help) in [
            ("window_calls", "the window", self.window_calls == 0, "leave it out for 100"),
            (
                "minimum_calls",
                "the minimum",
                self.minimum_calls == 0,
                "write 1 to judge every call",
            ),
            ("open_multiplier", "the multiplier", self.open_multiplier == 0, "write 1 for none"),
            ("probes", "the number of probes", no_probes, "write `Permits(1)` for a single one"),
            (
                "success_threshold",
                "the success threshold",
                self.success_threshold == 0,
                "write 1 for a breaker that closes at the first success",
            ),
        ] {
            if is_zero {
                let message = format!("{what} cannot be 0");
                mistakes.push(Mistake::new(option, message, "expected 1 or more", help));
            }
        }
        for (option, what, rate) in [
            ("failure_rate", "the failure rate", self.failure_rate),
            ("slow_call_rate", "the slow call rate", self.slow_call_rate),
        ] {
            if rate.is_zero() {
                let message = format!("{what} cannot be 0%: the breaker opened without any");
                let expected = "expected more than 0%";
                let help = "write a small share, like `1%`, for a breaker that opens at the first";
                mistakes.push(Mistake::new(option, message, expected, help));
            }
        }
        mistakes
    }

    /// What is right alone and wrong beside something else.
    fn combination_mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        let (span, bucket) = (self.window_span.as_nanos(), self.window_bucket.as_nanos());
        if self.trip == Trip::TimeWindow && bucket > 0 && !span.is_multiple_of(bucket) {
            mistakes.push(Mistake::new(
                "window_span",
                format!("`{}` is not a number of whole buckets", self.window_span),
                format!("expected a multiple of {}", self.window_bucket),
                "change `window_span`, or `window_bucket`",
            ));
        }
        if self.open_multiplier > 1 && self.open_timeout_max < self.open_timeout {
            mistakes.push(Mistake::new(
                "open_timeout_max",
                format!("the longest wait is shorter than the first, {}", self.open_timeout),
                "expected `open_timeout` or more",
                "write a longer one, or `open_multiplier: 1`",
            ));
        }
        if self.probes == Probes::Unlimited && self.probe_deadline != ProbeDeadline::Never {
            mistakes.push(Mistake::new(
                "probe_deadline",
                "probes without a limit hold no permit that could be late",
                "expected `Never`",
                "write `probes: Permits(10)`, or `probe_deadline: Never`",
            ));
        }
        mistakes
    }

    /// How many results half-open needs for a verdict.
    #[must_use]
    pub fn results_needed(&self) -> u32 {
        match (self.verdict, self.probes) {
            (Verdict::FirstFailure, _) => self.success_threshold,
            (Verdict::Rate, Probes::Permits(permits)) => permits.min(self.minimum_calls),
            (Verdict::Rate, Probes::Unlimited) => self.minimum_calls,
        }
    }
}
