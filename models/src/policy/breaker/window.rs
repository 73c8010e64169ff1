//! Sliding windows: how many of the last calls failed, or were slow.
//!
//! What is *not* here: what share is too large.

use std::collections::VecDeque;

use serde::Serialize;

use super::config::{BreakerConfig, Trip};
use crate::{Ratio, Time};

/// Calls, and how many of them failed or were slow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Tally {
    calls: u64,
    failed: u64,
    slow: u64,
}

impl Tally {
    pub(super) fn add(&mut self, failed: bool, slow: bool) {
        self.calls += 1;
        self.failed += u64::from(failed);
        self.slow += u64::from(slow);
    }

    fn remove(&mut self, other: Self) {
        self.calls -= other.calls;
        self.failed -= other.failed;
        self.slow -= other.slow;
    }

    pub(super) const fn calls(self) -> u64 {
        self.calls
    }

    /// Whether the share of failures or of slow calls is too large.
    pub(super) fn is_too_bad(self, config: &BreakerConfig) -> bool {
        let reaches = |part: u64, rate: Ratio| {
            u128::from(part) * u128::from(rate.den())
                >= u128::from(self.calls) * u128::from(rate.num())
        };
        reaches(self.failed, config.failure_rate) || reaches(self.slow, config.slow_call_rate)
    }
}

/// The last calls.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Window {
    /// A call each, or a bucket of time each; the oldest first, and none without calls.
    parts: VecDeque<Part>,
    total: Tally,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Part {
    /// The number of its bucket of time; 0 in a window of calls.
    bucket: u64,
    tally: Tally,
}

impl Window {
    /// Takes a call in, and says whether the breaker opens.
    #[inline]
    pub(super) fn trips(
        &mut self,
        now: Time,
        failed: bool,
        slow: bool,
        config: &BreakerConfig,
    ) -> bool {
        match config.trip {
            Trip::Consecutive => false,
            Trip::CountWindow | Trip::TimeWindow => self.is_too_bad(now, failed, slow, config),
        }
    }

    #[inline(never)]
    fn is_too_bad(&mut self, now: Time, failed: bool, slow: bool, config: &BreakerConfig) -> bool {
        let enough = match config.trip {
            Trip::Consecutive => return false,
            Trip::CountWindow => {
                self.push(0, failed, slow, false);
                while self.parts.len() > config.window_calls as usize {
                    self.forget();
                }
                config.minimum_calls.min(config.window_calls)
            }
            Trip::TimeWindow => {
                // Both are at least a nanosecond in a configuration without mistakes.
                let bucket_span = config.window_bucket.as_nanos().max(1);
                let bucket = now.as_nanos() / bucket_span;
                let buckets = config.window_span.as_nanos() / bucket_span;
                while self
                    .parts
                    .front()
                    .is_some_and(|part| bucket.saturating_sub(part.bucket) >= buckets)
                {
                    self.forget();
                }
                self.push(bucket, failed, slow, true);
                config.minimum_calls
            }
        };
        self.total.calls() >= u64::from(enough) && self.total.is_too_bad(config)
    }

    pub(super) fn clear(&mut self) {
        self.parts.clear();
        self.total = Tally::default();
    }

    fn push(&mut self, bucket: u64, failed: bool, slow: bool, into_bucket: bool) {
        self.total.add(failed, slow);
        if into_bucket
            && let Some(part) = self.parts.back_mut()
            && part.bucket == bucket
        {
            part.tally.add(failed, slow);
            return;
        }
        let mut tally = Tally::default();
        tally.add(failed, slow);
        self.parts.push_back(Part { bucket, tally });
    }

    fn forget(&mut self) {
        if let Some(part) = self.parts.pop_front() {
            self.total.remove(part.tally);
        }
    }
}
