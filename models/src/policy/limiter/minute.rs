//! The guide's bucket of whole tokens, refilled by the minute when somebody asks.

use serde::Serialize;

use super::config::{Floor, Fraction, LimiterConfig};
use super::{Decision, NextTry};
use crate::{Span, Time};

/// Tokens of one client.
#[derive(Clone, Debug, Serialize)]
pub(super) struct MinuteBucket {
    tokens: i64,
    /// The tokens of a minute.
    limit: i64,
    last_refill: Time,
    /// Tokens taken in since `last_refill`, where fractions are kept.
    credited: i64,
}

const MINUTE: u64 = 60_000_000_000;

impl MinuteBucket {
    pub(super) fn new(now: Time, limit: i64, config: &LimiterConfig) -> Self {
        Self { tokens: config.capacity(limit), limit, last_refill: now, credited: 0 }
    }

    pub(super) fn follow(&mut self, now: Time, limit: i64, config: &LimiterConfig) {
        if limit == self.limit {
            return;
        }
        self.refill(now, config);
        let more = config.capacity(limit).saturating_sub(config.capacity(self.limit));
        self.tokens = self.tokens.saturating_add(more);
        (self.limit, self.last_refill, self.credited) = (limit, now, 0);
    }

    #[inline(always)]
    pub(super) fn take(&mut self, now: Time, cost: u64, config: &LimiterConfig) -> Decision {
        self.refill(now, config);
        let price = i64::try_from(cost).unwrap_or(i64::MAX);
        let allowed = self.tokens >= price;
        let retry = if allowed {
            self.tokens -= price;
            NextTry::Now
        } else {
            self.retry(now, price, config)
        };
        Decision { allowed, remaining: u64::try_from(self.tokens).unwrap_or(0), retry }
    }

    pub(super) fn refund(&mut self, cost: u64, config: &LimiterConfig) {
        let price = i64::try_from(cost).unwrap_or(i64::MAX);
        let capacity = config.capacity(self.limit);
        self.tokens = capacity.min(self.tokens.saturating_add(price));
    }

    pub(super) fn is_idle(&self, now: Time, config: &LimiterConfig) -> bool {
        let mut later = self.clone();
        later.refill(now, config);
        later.tokens >= config.capacity(self.limit) && later.last_refill == now
    }

    /// Takes in what was earned since the last refill.
    #[inline(always)]
    fn refill(&mut self, now: Time, config: &LimiterConfig) {
        let capacity = config.capacity(self.limit);
        let earned = earned(now.since(self.last_refill), self.limit, config.floor);
        match config.fraction {
            Fraction::Dropped if earned > 0 => {
                // Go's sum wraps: a bucket of nearly 2^63 tokens turns negative and denies.
                self.tokens = capacity.min(self.tokens.wrapping_add(earned));
                self.last_refill = now;
            }
            Fraction::Dropped => {}
            Fraction::Kept => {
                let more = earned.saturating_sub(self.credited);
                self.tokens = capacity.min(self.tokens.saturating_add(more));
                self.credited = earned;
                if self.tokens >= capacity {
                    // What a full bucket earns is lost.
                    (self.last_refill, self.credited) = (now, 0);
                }
            }
        }
    }

    /// When there are enough tokens, where that follows from whole numbers.
    #[cold]
    fn retry(&self, now: Time, price: i64, config: &LimiterConfig) -> NextTry {
        if self.limit <= 0 || price > config.capacity(self.limit) {
            return NextTry::Never;
        }
        match config.floor {
            Floor::Float => NextTry::Unknown,
            Floor::Exact => {
                let missing =
                    i128::from(price) - i128::from(self.tokens) + i128::from(self.credited);
                let parts = missing.unsigned_abs() * u128::from(MINUTE);
                let since = parts.div_ceil(u128::from(self.limit.unsigned_abs()));
                let since = Span::from_nanos(u64::try_from(since).unwrap_or(u64::MAX));
                NextTry::After((self.last_refill + since).since(now))
            }
        }
    }
}

fn earned(elapsed: Span, rate: i64, floor: Floor) -> i64 {
    match floor {
        Floor::Float => earned_float(elapsed, rate),
        Floor::Exact => {
            let parts = i128::from(elapsed.as_nanos()) * i128::from(rate);
            i64::try_from(parts / i128::from(MINUTE)).unwrap_or(i64::MAX)
        }
    }
}

/// Go's `int(elapsed.Minutes() * float64(rate))`, in the same floating-point steps.
///
/// `Minutes()` adds the whole minutes to the rest over 60e9: one division of all the nanoseconds
/// rounds differently, and 9 a minute after 100 s would earn 15 instead of 14.
#[expect(clippy::float_arithmetic, reason = "the guide's own steps, each fixed by IEEE 754")]
#[expect(clippy::cast_precision_loss, reason = "Go converts with the same rounding")]
fn earned_float(elapsed: Span, rate: i64) -> i64 {
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

    fn bucket(limit: i64) -> MinuteBucket {
        MinuteBucket::new(Time::ZERO, limit, &LimiterConfig::guide())
    }

    fn take(bucket: &mut MinuteBucket, now: Time) -> bool {
        bucket.take(now, 1, &LimiterConfig::guide()).allowed
    }

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
            let elapsed = Span::from_millis(millis);
            assert_eq!(earned(elapsed, rate, Floor::Float), tokens, "{rate} at {millis} ms");
        }
        assert_eq!(earned(Span::from_millis(17_400), 100, Floor::Exact), 29);
        assert_eq!(earned(Span::from_secs(100), 9, Floor::Exact), 15);
    }

    #[test]
    fn a_product_beyond_the_integers_earns_nothing() {
        assert_eq!(earned(Span::from_secs(60), i64::MAX, Floor::Float), i64::MIN);
        assert_eq!(earned(Span::from_secs(120), i64::MAX, Floor::Exact), i64::MAX);
        let mut bucket = bucket(i64::MAX);
        assert!(take(&mut bucket, Time::ZERO));
        assert!(take(&mut bucket, Time::ZERO + Span::from_secs(60)));
        assert_eq!(bucket.tokens, i64::MAX - 2);
    }

    #[test]
    fn a_sum_beyond_the_integers_wraps_and_denies() {
        let mut bucket = bucket(i64::MAX);
        assert!(take(&mut bucket, Time::ZERO));
        assert!(!take(&mut bucket, Time::from_nanos(1)));
        assert!(bucket.tokens < 0);
    }

    #[test]
    fn the_fraction_is_kept_while_nothing_is_earned_and_dropped_otherwise() {
        let mut bucket = bucket(60);
        while take(&mut bucket, Time::ZERO) {}
        assert!(!take(&mut bucket, Time::from_nanos(999_000_000)));
        assert!(take(&mut bucket, Time::from_nanos(1_998_000_000)), "1.998 s earn one");
        assert!(!take(&mut bucket, Time::from_nanos(2_997_000_000)), "0.998 of it was dropped");
    }
}
