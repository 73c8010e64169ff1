//! How parts are put together: every difference between the guide and the best, with a name.

use serde::{Deserialize, Serialize};

use crate::Span;
use crate::policy::Timeout;
use crate::profile::{Mistake, options};

options! {
    /// How parts are put together.
    config CompositionConfig;
    /// A composition's configuration as it is written.
    options CompositionOptions as "Composition";
    {
        /// What the first failure of a required part leads to: the guide waits for the rest (AC-2).
        on_failure: OnPartFailure = OnPartFailure::Waits, hardened OnPartFailure::Ends;
        /// In which order errors are told: that of their arrival changes from run to run (AC-4).
        errors: ErrorOrder = ErrorOrder::ByArrival, hardened ErrorOrder::ByPart;
        /// How long a composition may take, `"never"` for as long as its calls; 30 s, Polly's
        /// timeout. What is missing by then is missing.
        deadline: Timeout = Timeout::Never, hardened Timeout::After(Span::from_secs(30));
        /// After how long an unanswered part is asked for again, while the first call goes on.
        /// Never, as in gRPC: it doubles the work of whatever is not idempotent. The 95th
        /// percentile of the latency adds 5 % of load.
        hedging_delay: Timeout = Timeout::Never;
        /// How often a part is asked for at most, the first time included, from 1; 2 as in Polly.
        hedging_attempts: u32 = 2;
    }
}

/// What the first failure of a required part leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnPartFailure {
    /// The other parts are waited for.
    Waits,
    /// The composition ends, and the other calls are cancelled.
    Ends,
}

/// In which order errors are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrorOrder {
    /// As they came.
    ByArrival,
    /// As the parts are declared.
    ByPart,
}

impl CompositionConfig {
    /// Everything that makes no sense.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        let zero = |option: &str, what: &str| {
            Mistake::new(
                option,
                format!("{what} is zero"),
                "expected a span longer than 0s",
                "write \"never\" to do without",
            )
        };
        if self.deadline == Timeout::After(Span::ZERO) {
            mistakes.push(zero("deadline", "the deadline"));
        }
        if self.hedging_delay == Timeout::After(Span::ZERO) {
            mistakes.push(zero("hedging_delay", "the wait before a second call"));
        }
        if self.hedging_attempts == 0 {
            mistakes.push(Mistake::new(
                "hedging_attempts",
                "no part is ever asked for",
                "expected 1 or more",
                "write 1 to ask once; the first call counts",
            ));
        }
        mistakes
    }
}
