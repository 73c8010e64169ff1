//! An exact token bucket: the generic cell rate algorithm without rounding.
//!
//! A token is `period` parts, in nanoseconds, and one limit gives back `limit` parts a nanosecond; so
//! nothing is ever divided, and every limit is exact. (governor divides: a limit of 7 a second becomes
//! one in 142,857,142 ns.) The bucket keeps what is *used*, the distance of the algorithm's theoretical
//! arrival time from now: an unused bucket is zero whatever its limit and burst.

use serde::Serialize;

use super::config::LimiterConfig;
use super::{Decision, NextTry};
use crate::{Span, Time};

/// What one client has used.
#[derive(Clone, Debug, Serialize)]
pub(super) struct TokenBucket {
    /// In parts, as of `at`.
    used: u128,
    at: Time,
    limit: i64,
}

impl TokenBucket {
    pub(super) const fn new(now: Time, limit: i64) -> Self {
        Self { used: 0, at: now, limit }
    }

    pub(super) fn follow(&mut self, now: Time, limit: i64) {
        if limit != self.limit {
            self.flow_back(now);
            self.limit = limit;
        }
    }

    #[inline(never)]
    pub(super) fn take(&mut self, now: Time, cost: u64, config: &LimiterConfig) -> Decision {
        self.flow_back(now);
        // Both factors fit into 63 and 64 bits: no product or sum of two overflows.
        let token = u128::from(config.period.as_nanos().max(1));
        let capacity = u128::try_from(config.capacity(self.limit)).unwrap_or(0) * token;
        let price = u128::from(cost.min(i64::MAX.unsigned_abs())) * token;
        let after = self.used + price;
        let allowed = after <= capacity;
        let retry = if allowed {
            self.used = after;
            NextTry::Now
        } else if price > capacity {
            NextTry::Never
        } else {
            let nanos = (after - capacity).div_ceil(self.rate().max(1));
            NextTry::After(Span::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
        };
        let remaining = capacity.saturating_sub(self.used) / token;
        Decision { allowed, remaining: u64::try_from(remaining).unwrap_or(u64::MAX), retry }
    }

    pub(super) fn refund(&mut self, cost: u64, config: &LimiterConfig) {
        let token = u128::from(config.period.as_nanos().max(1));
        self.used = self.used.saturating_sub(u128::from(cost) * token);
    }

    pub(super) fn is_idle(&self, now: Time) -> bool {
        let mut later = self.clone();
        later.flow_back(now);
        later.used == 0
    }

    fn flow_back(&mut self, now: Time) {
        let elapsed = u128::from(now.since(self.at).as_nanos());
        self.used = self.used.saturating_sub(elapsed * self.rate());
        self.at = self.at.max(now);
    }

    /// Parts that flow back in a nanosecond.
    fn rate(&self) -> u128 {
        u128::try_from(self.limit).unwrap_or(0)
    }
}
