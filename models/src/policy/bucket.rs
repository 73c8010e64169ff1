//! The token bucket, and a limiter that keeps one for every client.
//!
//! Follows the guide's `RateLimiter` and `TokenBucket` (lines 295-349). A bucket belongs to a
//! client and takes the limit of the first request it sees, for ever and on every route (RL-1,
//! RL-2); it starts full with a whole minute's quota (RL-5); a refill drops its fraction (RL-3),
//! and the floor of the floating-point product can be one short (RL-4); a limit of zero or less
//! admits nothing (RL-6); buckets are never evicted (RL-7).
//!
//! What is *not* here: routes, and when to try again (the guide does not know).
//!
//! ```
//! use brownout_models::policy::Limiter;
//! use brownout_models::{Name, Span, Time};
//!
//! let mut limiter = Limiter::default();
//! assert!(limiter.allow(Time::ZERO, Name(0), 1));
//! assert!(!limiter.allow(Time::ZERO, Name(0), 1_000), "the first limit stays");
//! assert!(limiter.allow(Time::ZERO + Span::from_secs(60), Name(0), 1_000));
//! ```

use indexmap::IndexMap;
use serde::Serialize;

use crate::{Name, Span, Time};

/// Tokens of one client, refilled by the minute.
#[derive(Clone, Debug, Serialize)]
pub struct TokenBucket {
    tokens: i64,
    /// The capacity, and at once the tokens of a minute.
    limit: i64,
    last_refill: Time,
}

impl TokenBucket {
    /// A full bucket of `limit` tokens, refilled by as many a minute.
    #[must_use]
    pub const fn new(now: Time, limit: i64) -> Self {
        Self { tokens: limit, limit, last_refill: now }
    }

    /// Refills for the time since the last refill, then takes a token if there is one.
    pub fn take(&mut self, now: Time) -> bool {
        let earned = earned(now.since(self.last_refill), self.limit);
        if earned > 0 {
            // Go's sum wraps: a bucket of nearly 2^63 tokens turns negative and denies.
            self.tokens = self.limit.min(self.tokens.wrapping_add(earned));
            self.last_refill = now;
        }
        let admitted = self.tokens > 0;
        if admitted {
            self.tokens -= 1;
        }
        admitted
    }

    /// The tokens left as of the last question.
    #[must_use]
    pub const fn tokens(&self) -> i64 {
        self.tokens
    }
}

/// A bucket for every client that ever asked.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Limiter {
    buckets: IndexMap<Name, TokenBucket>,
}

impl Limiter {
    /// Whether the client may go ahead; `limit`, in requests a minute, counts only the first time.
    pub fn allow(&mut self, now: Time, client: Name, limit: i64) -> bool {
        self.buckets.entry(client).or_insert_with(|| TokenBucket::new(now, limit)).take(now)
    }
}

/// Go's `int(elapsed.Minutes() * float64(rate))`, in the same floating-point steps.
///
/// `Minutes()` adds the whole minutes to the rest over 60e9: one division of all the nanoseconds
/// rounds differently, and 9 a minute after 100 s would earn 15 instead of 14.
#[expect(clippy::float_arithmetic, reason = "the guide's own steps, each fixed by IEEE 754")]
#[expect(clippy::cast_precision_loss, reason = "Go converts with the same rounding")]
fn earned(elapsed: Span, rate: i64) -> i64 {
    const MINUTE: u64 = 60_000_000_000;
    let nanos = elapsed.as_nanos();
    let minutes = (nanos / MINUTE) as f64 + (nanos % MINUTE) as f64 / 60e9;
    go_int(minutes * rate as f64)
}

/// Go's conversion of a float to an `int` on amd64: toward zero, and what does not fit becomes the
/// least integer.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked just before")]
fn go_int(value: f64) -> i64 {
    const LEAST: f64 = -9_223_372_036_854_775_808.0;
    const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
    if (LEAST..TWO_TO_63).contains(&value) { value as i64 } else { i64::MIN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refill_floor_is_the_one_of_go() {
        for (rate, millis, tokens) in [
            (100, 17_400, 28), // 29 exactly; the product is 28.999..
            (50, 34_800, 28),
            (9, 100_000, 14), // 15 exactly; 1 + 0.666.. loses a bit that 100/60 keeps
            (60, 1_000, 1),
            (60, 999, 0),
            (-60, 60_000, -60),
            (0, 60_000, 0),
        ] {
            assert_eq!(earned(Span::from_millis(millis), rate), tokens, "{rate} at {millis} ms");
        }
    }

    #[test]
    fn a_product_beyond_the_integers_earns_nothing() {
        assert_eq!(earned(Span::from_secs(60), i64::MAX), i64::MIN);
        let mut bucket = TokenBucket::new(Time::ZERO, i64::MAX);
        assert!(bucket.take(Time::ZERO));
        assert!(bucket.take(Time::ZERO + Span::from_secs(60)));
        assert_eq!(bucket.tokens(), i64::MAX - 2);
    }

    #[test]
    fn a_sum_beyond_the_integers_wraps_and_denies() {
        let mut bucket = TokenBucket::new(Time::ZERO, i64::MAX);
        assert!(bucket.take(Time::ZERO));
        assert!(!bucket.take(Time::from_nanos(1)));
        assert!(bucket.tokens() < 0);
    }

    #[test]
    fn the_fraction_is_kept_while_nothing_is_earned_and_dropped_otherwise() {
        let mut bucket = TokenBucket::new(Time::ZERO, 60);
        while bucket.take(Time::ZERO) {}
        assert!(!bucket.take(Time::from_nanos(999_000_000)));
        assert!(bucket.take(Time::from_nanos(1_998_000_000)), "1.998 s earn one");
        assert!(!bucket.take(Time::from_nanos(2_997_000_000)), "0.998 of it was dropped");
    }

    #[test]
    fn limits_of_zero_or_less_admit_nothing_on_any_route() {
        for limit in [0, -1, i64::MIN] {
            let mut limiter = Limiter::default();
            assert!(!limiter.allow(Time::ZERO, Name(0), limit));
            assert!(!limiter.allow(Time::ZERO + Span::from_secs(3_600), Name(0), 1_000));
            assert!(limiter.allow(Time::ZERO, Name(1), 1));
        }
    }
}
