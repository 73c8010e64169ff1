//! Limits that follow what calls tell of the one that is called.
//!
//! `Aimd` and `Gradient` are `AIMDLimit` and `Gradient2Limit` of Netflix's concurrency-limits, with its
//! names and defaults, and take a sample for each call that ends. Where Netflix reckons in doubles, a
//! gradient is reckoned in thousandths of a call and whole nanoseconds, each step rounded down.
//!
//! A full bulkhead in front of a backend that serves `k` calls at once brings `Aimd` to a sawtooth
//! between `backoff_ratio * (k + 1)` and `k + 1`, and `Gradient` to `rtt_tolerance * k + queue_size`,
//! for as long as its long window remembers the latency without a queue: a load that never ends is
//! what it takes for normal in the end, and its limit then grows to the maximum.
//!
//! What is *not* here: `WindowedLimit`, which has a limit see one sample for many calls.

use serde::{Deserialize, Serialize};

use crate::profile::Mistake;
use crate::{Factor, Ratio, Span};

/// What bounds how many are inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Limit {
    /// A number that stays: `max_concurrent`.
    Fixed,
    /// Additive increase, multiplicative decrease: one more for each call that went well while the
    /// bulkhead was half full at least, and a part of the limit less for each that was dropped.
    Aimd {
        /// The limit at the start, in calls; 20.
        #[serde(default = "defaults::limit")]
        initial_limit: u32,
        /// The least limit, in calls, from 1; 20.
        #[serde(default = "defaults::limit")]
        min_limit: u32,
        /// The greatest limit, in calls; 200.
        #[serde(default = "defaults::limit_max")]
        max_limit: u32,
        /// What a dropped call leaves of the limit, rounded down, from one half and below one; 90 %.
        #[serde(default = "defaults::backoff_ratio")]
        backoff_ratio: Ratio,
        /// A call that took longer counts as dropped, more than 0; 5 s.
        #[serde(default = "defaults::timeout")]
        timeout: Span,
    },
    /// By how much a latency is above what it was over a long while: the limit shrinks by that
    /// factor, to one half at most, and grows by a small queue.
    Gradient {
        /// The limit at the start, in calls; 20.
        #[serde(default = "defaults::limit")]
        initial_limit: u32,
        /// The least limit, in calls, from 1; 20.
        #[serde(default = "defaults::limit")]
        min_limit: u32,
        /// The greatest limit, in calls; 200.
        #[serde(default = "defaults::limit_max")]
        max_concurrency: u32,
        /// How much of the way to the new limit a sample goes, above 0; 20 %.
        #[serde(default = "defaults::smoothing")]
        smoothing: Ratio,
        /// How many calls may wait at the one that is called; 4.
        #[serde(default = "defaults::queue_size")]
        queue_size: u32,
        /// How many times the long latency a latency may be before the limit shrinks, from 1; 1.5.
        #[serde(default = "defaults::rtt_tolerance")]
        rtt_tolerance: Factor,
        /// Over how many samples the long latency is an exponential average, from 1; 600. The first
        /// ten samples are simply averaged.
        #[serde(default = "defaults::long_window")]
        long_window: u32,
    },
}

mod defaults {
    use crate::{Factor, Ratio, Span};
    pub(super) const fn limit() -> u32 {
        20
    }
    pub(super) const fn limit_max() -> u32 {
        200
    }
    pub(super) fn backoff_ratio() -> Ratio {
        Ratio::ONE_TENTH.complement()
    }
    pub(super) const fn timeout() -> Span {
        Span::from_secs(5)
    }
    pub(super) fn smoothing() -> Ratio {
        Ratio::ONE_FIFTH
    }
    pub(super) const fn queue_size() -> u32 {
        4
    }
    pub(super) const fn rtt_tolerance() -> Factor {
        Factor::from_thousandths(1_500)
    }
    pub(super) const fn long_window() -> u32 {
        600
    }
}

/// What a call that ended tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// How long it took.
    pub latency: Span,
    /// Whether it was refused or timed out; a call that failed otherwise went well.
    pub is_dropped: bool,
}

impl Limit {
    /// AIMD with the defaults of Netflix.
    #[must_use]
    pub fn aimd() -> Self {
        Self::Aimd {
            initial_limit: defaults::limit(),
            min_limit: defaults::limit(),
            max_limit: defaults::limit_max(),
            backoff_ratio: defaults::backoff_ratio(),
            timeout: defaults::timeout(),
        }
    }

    /// The gradient with the defaults of Netflix.
    #[must_use]
    pub fn gradient() -> Self {
        Self::Gradient {
            initial_limit: defaults::limit(),
            min_limit: defaults::limit(),
            max_concurrency: defaults::limit_max(),
            smoothing: defaults::smoothing(),
            queue_size: defaults::queue_size(),
            rtt_tolerance: defaults::rtt_tolerance(),
            long_window: defaults::long_window(),
        }
    }

    pub(super) fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        let mut wrong = |message: String, expected: &str, help: &str| {
            mistakes.push(Mistake::new("limit", message, expected, help));
        };
        let (initial, least, most) = match *self {
            Self::Fixed => return mistakes,
            Self::Aimd { initial_limit, min_limit, max_limit, backoff_ratio, timeout } => {
                if backoff_ratio < Ratio::ONE_HALF || backoff_ratio == Ratio::ONE {
                    let expected = "expected from 50% to below 100%";
                    let help = "leave `backoff_ratio` out for 90%";
                    wrong(format!("a drop cannot leave {backoff_ratio} of it"), expected, help);
                }
                if timeout.is_zero() {
                    let message = "every call takes longer than no time".to_owned();
                    let help = "leave `timeout` out for 5s";
                    wrong(message, "expected a `timeout` longer than 0s", help);
                }
                (initial_limit, min_limit, max_limit)
            }
            Self::Gradient {
                initial_limit,
                min_limit,
                max_concurrency,
                smoothing,
                rtt_tolerance,
                long_window,
                queue_size: _,
            } => {
                if smoothing.is_zero() {
                    let message = "it would never move".to_owned();
                    wrong(message, "expected a `smoothing` above 0%", "leave it out for 20%");
                }
                if rtt_tolerance < Factor::ONE {
                    let message = format!("a latency that stays is above {rtt_tolerance} times it");
                    let expected = "expected an `rtt_tolerance` of 1 or more";
                    wrong(message, expected, "leave it out for 1.5");
                }
                if long_window == 0 {
                    let message = "an average of no samples is none".to_owned();
                    let expected = "expected a `long_window` of 1 or more";
                    wrong(message, expected, "leave it out for 600");
                }
                (initial_limit, min_limit, max_concurrency)
            }
        };
        if least == 0 || initial < least || most < initial {
            let message =
                format!("a limit cannot start at {initial} and stay in {least} to {most}");
            let expected = "expected 1 <= min_limit <= initial_limit <= the greatest limit";
            wrong(message, expected, "leave them out for 20, 20 and 200");
        }
        mistakes
    }
}

/// A limit as it stands.
#[derive(Clone, Debug, Serialize)]
pub(super) enum Estimate {
    Fixed,
    Aimd { limit: u32 },
    Gradient { thousandths: u64, long: LongLatency },
}

/// An exponential average whose first samples are simply averaged.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct LongLatency {
    nanos: u64,
    /// The first samples, and how many there were.
    sum: u64,
    count: u64,
}

/// So many samples are simply averaged, as in Netflix's limit.
const WARM_UP: u64 = 10;

impl Estimate {
    pub(super) fn new(limit: &Limit) -> Self {
        match *limit {
            Limit::Fixed => Self::Fixed,
            Limit::Aimd { initial_limit, .. } => Self::Aimd { limit: initial_limit },
            Limit::Gradient { initial_limit, .. } => Self::Gradient {
                thousandths: u64::from(initial_limit) * 1_000,
                long: LongLatency::default(),
            },
        }
    }

    /// The limit in whole calls; nothing where it is fixed.
    pub(super) fn calls(&self) -> Option<u32> {
        match *self {
            Self::Fixed => None,
            Self::Aimd { limit } => Some(limit),
            Self::Gradient { thousandths, .. } => {
                Some(u32::try_from(thousandths / 1_000).unwrap_or(u32::MAX))
            }
        }
    }

    /// A call ended while so many, itself included, were inside.
    pub(super) fn observe(&mut self, config: &Limit, sample: Sample, inside: u32) {
        match (self, config) {
            (
                Self::Aimd { limit },
                Limit::Aimd { min_limit, max_limit, backoff_ratio, timeout, .. },
            ) => {
                let next = if sample.is_dropped || sample.latency > *timeout {
                    let (num, den) = (backoff_ratio.num(), backoff_ratio.den());
                    let left = u64::from(*limit) * u64::from(num) / u64::from(den);
                    u32::try_from(left).unwrap_or(u32::MAX)
                } else if u64::from(inside) * 2 >= u64::from(*limit) {
                    limit.saturating_add(1)
                } else {
                    *limit
                };
                *limit = next.min(*max_limit).max(*min_limit);
            }
            (Self::Gradient { thousandths, long }, Limit::Gradient { long_window, .. }) => {
                let short = sample.latency.as_nanos();
                let average = long.add(short, u64::from(*long_window));
                // A long overload leaves an average that falls too slowly by itself.
                if average / 2 > short || (average / 2 == short && average % 2 > 0) {
                    long.nanos = share(long.nanos, 95, 100);
                }
                // Who asks for little learns nothing of how much there could be.
                if u64::from(inside) * 2_000 >= *thousandths {
                    *thousandths = next(config, *thousandths, (average, short));
                }
            }
            // An estimate is made of its own limit; a fixed one stays.
            (Self::Fixed, Limit::Fixed | Limit::Aimd { .. } | Limit::Gradient { .. })
            | (Self::Aimd { .. }, Limit::Fixed | Limit::Gradient { .. })
            | (Self::Gradient { .. }, Limit::Fixed | Limit::Aimd { .. }) => {}
        }
    }
}

/// The next limit of a gradient, in thousandths, after a long and a short latency.
fn next(config: &Limit, limit: u64, (long, short): (u64, u64)) -> u64 {
    let Limit::Gradient {
        min_limit, max_concurrency, smoothing, queue_size, rtt_tolerance, ..
    } = config
    else {
        return limit;
    };
    let fine = u128::from(rtt_tolerance.as_thousandths()) * u128::from(long);
    let now = 1_000 * u128::from(short);
    let shrunk = if fine >= now {
        limit
    } else if fine * 2 <= now {
        limit / 2
    } else {
        u64::try_from(u128::from(limit) * fine / now).unwrap_or(limit)
    };
    let target = shrunk + u64::from(*queue_size) * 1_000;
    let (num, den) = (u128::from(smoothing.num()), u128::from(smoothing.den()));
    let smooth = (u128::from(limit) * (den - num) + u128::from(target) * num) / den;
    let smooth = u64::try_from(smooth).unwrap_or(u64::MAX);
    smooth.min(u64::from(*max_concurrency) * 1_000).max(u64::from(*min_limit) * 1_000)
}

impl LongLatency {
    /// The average with one more sample, which weighs as much as two of `window` + 1.
    fn add(&mut self, nanos: u64, window: u64) -> u64 {
        if self.count < WARM_UP {
            self.count += 1;
            self.sum = self.sum.saturating_add(nanos);
            self.nanos = self.sum / self.count;
        } else {
            let old = u128::from(self.nanos) * u128::from(window.saturating_sub(1));
            let all = (old + 2 * u128::from(nanos)) / u128::from(window + 1);
            self.nanos = u64::try_from(all).unwrap_or(u64::MAX);
        }
        self.nanos
    }
}

fn share(of: u64, num: u64, den: u64) -> u64 {
    let part = u128::from(of) * u128::from(num) / u128::from(den);
    u64::try_from(part).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The averages after nine samples and a tenth, and what the next sample of 90 ns makes of them: of
    /// its 600 samples it weighs as much as two in 601.
    #[test]
    fn only_a_long_latency_above_twice_the_short_one_falls_faster() {
        for (earlier, long) in [
            // Twice 90 ns: (9 * 190 + 90) / 10 = 180.
            ([190; 9], 180),
            // One more: 181, of which 95 % are 171.
            ([190, 190, 190, 190, 190, 190, 190, 190, 200], 171),
            // Two more: 182, of which 95 % are 172.
            ([190, 190, 190, 190, 190, 190, 190, 200, 200], 172),
        ] {
            let config = Limit::gradient();
            let mut estimate = Estimate::new(&config);
            for nanos in earlier.into_iter().chain([90]) {
                let sample = Sample { latency: Span::from_nanos(nanos), is_dropped: false };
                estimate.observe(&config, sample, 20);
            }
            let Estimate::Gradient { long: latency, .. } = estimate else { unreachable!() };
            assert_eq!(latency.nanos, long, "{earlier:?}");
        }
    }
}
