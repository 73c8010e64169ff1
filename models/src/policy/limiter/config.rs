//! What can differ between two limiters, each difference under a name.

use serde::{Deserialize, Serialize};

use crate::profile::{Mistake, options};
use crate::{Ratio, Span};

options! {
    /// What a limiter counts, and how exactly.
    config LimiterConfig;
    /// A limiter's configuration as it is written.
    options LimiterOptions as "Limiter";
    {
        /// How a limit is kept: the guide's bucket of whole tokens, an exact token bucket (GCRA), or a
        /// window.
        algorithm: Algorithm = Algorithm::MinuteBucket, hardened Algorithm::TokenBucket;
        /// Whose limit it is. In the guide all routes of a client share one bucket (RL-1); Envoy and
        /// governor count by descriptor.
        key: LimiterKey = LimiterKey::Client, hardened LimiterKey::ClientAndRoute;
        /// Which limit holds: the first that the bucket saw (RL-2), or the request's.
        limit_changes: LimitChanges = LimitChanges::First, hardened LimitChanges::Follow;
        /// `MinuteBucket`: what becomes of the part of a token that a refill earned (RL-3).
        fraction: Fraction = Fraction::Dropped, hardened Fraction::Kept;
        /// `MinuteBucket`: how earned tokens are rounded down; the guide's float can be one short at
        /// the very instant (RL-4).
        floor: Floor = Floor::Float, hardened Floor::Exact;
        /// Both buckets: how many may come at once. The guide's is the whole quota, so that twice the
        /// limit comes within a minute (RL-5), as in governor by default; nginx and Envoy ask for a
        /// number. A tenth is six seconds' worth of a minute's quota.
        burst: Burst = Burst::Quota, hardened Burst::Share(Ratio::ONE_TENTH);
        /// The time that a limit is meant for; a minute. The guide's bucket knows no other.
        period: Span = Span::from_secs(60);
        /// What a limit of zero or less means (RL-6, GW-13). It denies in the guide, and for ever; with
        /// `limit_changes: Follow` only while it lasts.
        zero_limit: ZeroLimit = ZeroLimit::Deny;
        /// Whether a bucket that nobody uses is forgotten (RL-7), as governor's `retain_recent` does: a
        /// full bucket is as good as none. With `limit_changes: First` its limit is forgotten too.
        eviction: Eviction = Eviction::Never, hardened Eviction::Idle;
    }
}

/// How a limit is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// Whole tokens, refilled for the time since the last refill when somebody asks: the guide's.
    MinuteBucket,
    /// Tokens flow back evenly, counted in fractions that no limit makes inexact: the generic cell
    /// rate algorithm (ITU-T I.371), governor's. Never more than burst + rate * t in any time t.
    TokenBucket,
    /// At most the limit in any period whatever; keeps the instant of every admitted request of it.
    SlidingWindow,
    /// At most the limit between two multiples of the period, and so twice the limit around one:
    /// resilience4j's cycles.
    FixedWindow,
}

/// Whose limit it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LimiterKey {
    /// A client's, on all routes together.
    Client,
    /// A client's on a route.
    ClientAndRoute,
}

/// Which limit holds where requests come with different ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LimitChanges {
    /// The first that the bucket saw.
    First,
    /// The request's. Time until then counts by the limit before, and what is used stays used.
    Follow,
}

/// What becomes of a part of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fraction {
    /// It is lost whenever a whole token was earned.
    Dropped,
    /// It counts towards the next token.
    Kept,
}

/// How earned tokens are rounded down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Floor {
    /// After a multiplication of doubles, as Go does it.
    Float,
    /// In whole numbers.
    Exact,
}

/// How many requests may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Burst {
    /// The limit: all of a period at once.
    Quota,
    /// This share of the limit, rounded down, and at least one; more than 0%.
    Share(Ratio),
    /// So many, from 1, whatever the limit.
    Tokens(u32),
}

/// What a limit of zero or less means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ZeroLimit {
    /// Nobody may.
    Deny,
    /// There is none.
    Unlimited,
}

/// Whether idle buckets are forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Eviction {
    /// One bucket for everybody who ever asked.
    Never,
    /// Two buckets are looked at with every request, and forgotten if they are full.
    Idle,
}

impl LimiterConfig {
    /// Everything that makes no sense.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        if self.period.is_zero() {
            let expected = "expected a span longer than 0s";
            let help = "leave it out for limits a minute";
            mistakes.push(Mistake::new("period", "the period is zero", expected, help));
        } else if self.algorithm == Algorithm::MinuteBucket && self.period != Span::from_secs(60) {
            let message = "the guide's bucket counts by the minute";
            let help = "leave it out, or write `algorithm: TokenBucket`";
            mistakes.push(Mistake::new("period", message, "expected a minute", help));
        }
        match self.burst {
            Burst::Tokens(0) => mistakes.push(Mistake::new(
                "burst",
                "a burst of 0 admits nobody",
                "expected 1 or more",
                "write `Tokens(1)` for requests that come one by one",
            )),
            Burst::Share(share) if share.is_zero() => mistakes.push(Mistake::new(
                "burst",
                "a burst of 0% admits nobody",
                "expected more than 0%",
                "write `Tokens(1)` for requests that come one by one",
            )),
            Burst::Quota | Burst::Share(_) | Burst::Tokens(_) => {}
        }
        mistakes
    }

    /// How many tokens a bucket of this limit holds; the guide's may be negative.
    pub(super) fn capacity(&self, limit: i64) -> i64 {
        if limit <= 0 {
            return limit;
        }
        match self.burst {
            Burst::Quota => limit,
            Burst::Share(share) => {
                let part = i128::from(limit) * i128::from(share.num()) / i128::from(share.den());
                i64::try_from(part).unwrap_or(limit).max(1)
            }
            Burst::Tokens(tokens) => i64::from(tokens),
        }
    }
}
