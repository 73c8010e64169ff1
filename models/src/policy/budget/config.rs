//! What retries are paid from, as it is written.

use serde::{Deserialize, Serialize};

use crate::profile::Mistake;
use crate::{Factor, Ratio, Span};

/// What retries are paid from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum BudgetConfig {
    /// Nobody counts.
    Unlimited,
    /// A bucket of tokens that only successes fill (AWS standard mode; smithy, botocore).
    Quota {
        /// Tokens at the start, and the most there are; 500.
        #[serde(default = "quota::capacity")]
        capacity: u32,
        /// What a retry costs; 5.
        #[serde(default = "quota::retry_cost")]
        retry_cost: u32,
        /// What a retry after a timeout costs; 10.
        #[serde(default = "quota::timeout_cost")]
        timeout_cost: u32,
        /// What a call that succeeds at once adds; 1. One that succeeds after a retry brings back
        /// what its last retry cost.
        #[serde(default = "quota::success_refund")]
        success_refund: u32,
    },
    /// Failures take a token, successes add a part of one, and nobody retries while half of the
    /// tokens or less are left (gRPC A6, `retryThrottling`).
    Throttle {
        /// `maxTokens`: at the start, and the most there are; 1 to 1,000, by default 10.
        #[serde(default = "throttle::tokens")]
        tokens: u32,
        /// What a success adds; above 0, by default 0.1.
        #[serde(default = "throttle::token_ratio")]
        token_ratio: Factor,
    },
    /// A part of the calls of the last while may be retried, and a few on top (Finagle, tower).
    Share {
        /// Retries per call; 20 %.
        #[serde(default = "share::percent")]
        percent: Ratio,
        /// Retries a second that are always allowed; 10.
        #[serde(default = "share::min_per_second")]
        min_per_second: u32,
        /// How long a call counts, in ten slots; 10 s.
        #[serde(default = "share::ttl")]
        ttl: Span,
    },
    /// A part of the calls under way may be retries (Envoy, `retry_budget`).
    Concurrency {
        /// Retries per call under way; 20 %.
        #[serde(default = "share::percent")]
        percent: Ratio,
        /// Retries under way that are always allowed; 3.
        #[serde(default = "concurrency::min_retries")]
        min_retries: u32,
    },
}

mod quota {
    pub(super) const fn capacity() -> u32 {
        500
    }
    pub(super) const fn retry_cost() -> u32 {
        5
    }
    pub(super) const fn timeout_cost() -> u32 {
        10
    }
    pub(super) const fn success_refund() -> u32 {
        1
    }
}

mod throttle {
    use crate::Factor;
    pub(super) const fn tokens() -> u32 {
        10
    }
    pub(super) const fn token_ratio() -> Factor {
        Factor::from_thousandths(100)
    }
}

mod share {
    use crate::{Ratio, Span};
    pub(super) fn percent() -> Ratio {
        Ratio::new(1, 5).expect("a fifth is below one")
    }
    pub(super) const fn min_per_second() -> u32 {
        10
    }
    pub(super) const fn ttl() -> Span {
        Span::from_secs(10)
    }
}

mod concurrency {
    pub(super) const fn min_retries() -> u32 {
        3
    }
}

impl BudgetConfig {
    /// The budget of AWS standard mode.
    #[must_use]
    pub const fn quota() -> Self {
        Self::Quota {
            capacity: quota::capacity(),
            retry_cost: quota::retry_cost(),
            timeout_cost: quota::timeout_cost(),
            success_refund: quota::success_refund(),
        }
    }

    /// Everything that makes no sense.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mistake = |message: String, expected: &str, help: &str| {
            vec![Mistake::new("budget", message, expected, help)]
        };
        let unlimited = "write `Unlimited` for retries that nobody counts";
        match self {
            Self::Unlimited | Self::Concurrency { .. } => Vec::new(),
            Self::Quota { retry_cost: 0, .. } | Self::Quota { timeout_cost: 0, .. } => mistake(
                "a retry costs nothing".to_owned(),
                "expected a cost of 1 or more",
                unlimited,
            ),
            Self::Quota { capacity, retry_cost, timeout_cost, .. }
                if capacity < retry_cost.max(timeout_cost) =>
            {
                let message = format!("a quota of {capacity} never pays for a retry");
                let help = "raise the capacity, or write `max_attempts: 1` to try once only";
                mistake(message, "expected at least the cost of a retry", help)
            }
            Self::Throttle { tokens, .. } if !(1..=1_000).contains(tokens) => {
                let message = format!("a throttle of {tokens} tokens");
                let help = "write a number from 1 to 1000, or `Unlimited` instead";
                mistake(message, "expected a number from 1 to 1000, as gRPC has it", help)
            }
            Self::Throttle { token_ratio, .. } if token_ratio.as_thousandths() == 0 => {
                let help = "write `\"0.1\"` to add a token every ten successes";
                mistake("tokens never come back".to_owned(), "expected a ratio above 0", help)
            }
            Self::Share { ttl, .. } if ttl.as_nanos() < SLOTS => {
                let message = format!("calls count for {ttl} only");
                mistake(message, "expected a span of 10ns or more", "leave it out for 10s")
            }
            Self::Quota { .. } | Self::Throttle { .. } | Self::Share { .. } => Vec::new(),
        }
    }
}

/// How finely a share forgets: tower and Finagle have ten slots as well.
pub(super) const SLOTS: u64 = 10;
