//! Samplers: what one random word means as a delay, a count, a flag or a pick.
//!
//! Every sampler inverts its distribution function at exactly one 64-bit word, so a larger word is
//! never a smaller answer, and a choice uses one word whatever it decides. Words are uniform over
//! all of `u64`; answers saturate instead of wrapping.
//!
//! This is the only module that computes with floats. It uses `+ - * /`, comparisons, bit casts
//! and [`f64::sqrt`], which IEEE 754 fixes to the last bit, and brings its own [`ln`], [`exp`] and
//! [`inverse_normal`], because the standard library's differ between platforms. What is *not* here:
//! where words come from (see [`mix`](super::mix)) and any float that outlives a call.
//!
//! ```
//! use brownout::choice::sample;
//! use brownout_models::Span;
//!
//! let mean = Span::from_millis(20);
//! let (early, late) = (1 << 60, 1 << 63);
//! assert!(sample::exponential(early, mean) < sample::exponential(late, mean));
//! ```
#![expect(
    clippy::float_arithmetic,
    reason = "distributions are inverted here and nowhere else, in arithmetic that IEEE 754 fixes"
)]

mod elementary;
mod log_normal;
#[cfg(test)]
mod tests;

use std::fmt;

use brownout_models::{Ratio, Span};
use serde::Serialize;

pub use elementary::{exp, inverse_normal, ln};
pub use log_normal::LogNormal;
pub(crate) use log_normal::LogNormals;

/// The spread of a log-normal distribution: the standard deviation of its logarithm, in millionths.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct Sigma(u32);

impl Sigma {
    /// No spread: every sample is the median.
    pub const ZERO: Self = Self(0);

    /// A spread of `millionths` / 1,000,000.
    #[must_use]
    pub const fn from_millionths(millionths: u32) -> Self {
        Self(millionths)
    }

    /// The spread that puts 99 in 100 samples at or below `p99`, to the nearest millionth.
    ///
    /// `None` when the median is zero or above `p99`.
    #[must_use]
    pub fn from_percentile(median: Span, p99: Span) -> Option<Self> {
        /// The 99th percentile of the standard normal distribution.
        const Z99: f64 = 2.3263478740408408;
        if median.is_zero() || p99 < median {
            return None;
        }
        let ratio = float(p99.as_nanos()) / float(median.as_nanos());
        // At most ln(2^64) / Z99, which is below 20.
        u32::try_from(whole(ln(ratio) / Z99 * MILLION)).ok().map(Self)
    }

    /// The spread in millionths.
    #[must_use]
    pub const fn as_millionths(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Sigma {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

impl fmt::Debug for Sigma {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The word as a number strictly between 0 and 1.
///
/// The results are the odd multiples of 2^-53: equally spaced, symmetric around one half, and
/// exact, so that `unit(!word)` is `1 - unit(word)` without rounding.
#[must_use]
pub fn unit(word: u64) -> f64 {
    /// 2^-53.
    const STEP: f64 = 1.0 / 9_007_199_254_740_992.0;
    float((word >> 12) << 1 | 1) * STEP
}

/// An exponentially distributed span: the time until the next event of a memoryless source.
///
/// The longest possible sample is about 36.7 means.
#[must_use]
pub fn exponential(word: u64, mean: Span) -> Span {
    span(float(mean.as_nanos()) * -ln(unit(!word)))
}

/// A span between `min` and `max`, both included; `min` when `max` is smaller.
#[must_use]
pub fn uniform(word: u64, min: Span, max: Span) -> Span {
    let width = u128::from((max - min).as_nanos()) + 1;
    min + Span::from_nanos(scaled(word, width))
}

/// A Pareto distributed span: `min` or longer, with a tail that falls as the power `alpha`.
///
/// `alpha` is in millionths; at 0 every sample is `cap`. No sample exceeds `cap`.
#[must_use]
pub fn pareto(word: u64, min: Span, alpha_millionths: u32, cap: Span) -> Span {
    let alpha = float(u64::from(alpha_millionths)) / MILLION;
    let exponent = -ln(unit(!word)) / alpha;
    span(float(min.as_nanos()) * exp(notch(exponent))).min(cap)
}

/// A Poisson distributed count: the arrivals of a memoryless source in a slot of time.
///
/// The mean is in millionths. Means up to 700 take one step an arrival and follow the distribution
/// function to about 1e-14; larger ones take constant time and follow it to 1e-8, by an expansion.
#[must_use]
pub fn poisson(word: u64, mean_millionths: u64) -> u32 {
    /// The sequential search starts from `exp(-mean)`, which is zero from 709 on.
    const SEARCHED_MAX: u64 = 700_000_000;
    let mean = float(mean_millionths) / MILLION;
    if mean_millionths <= SEARCHED_MAX {
        poisson_by_search(unit(word), mean)
    } else {
        poisson_by_expansion(notch(normal(word)), mean)
    }
}

/// Whether something that has these odds happens: exactly `odds.num()` in `odds.den()` of all
/// words, rounded up to a whole word. Small words say yes.
#[must_use]
pub fn flag(word: u64, odds: Ratio) -> bool {
    u128::from(word) * u128::from(odds.den()) < u128::from(odds.num()) << 64
}

/// The last word for which what has these odds [happens](flag); `None` where it never does.
pub(crate) fn last_flagged(odds: Ratio) -> Option<u64> {
    let before = (u128::from(odds.num()) << 64).checked_sub(1)?;
    Some(u64::try_from(before / u128::from(odds.den())).unwrap_or(u64::MAX))
}

/// One of `n` equally likely alternatives, below `n`; 0 when there is none.
#[must_use]
pub fn index(word: u64, n: u32) -> u32 {
    u32::try_from(scaled(word, u128::from(n))).expect("the result is below n, which is a u32")
}

/// A position in `weights`, each as likely as its share of their sum.
///
/// When all weights are zero the positions are equally likely; 0 when there is none. The sum of all
/// is below 2^64.
#[must_use]
pub fn weighted(word: u64, weights: &[u64]) -> usize {
    let total: u64 = weights.iter().sum();
    if total == 0 {
        let point = scaled(word, weights.len() as u128);
        return usize::try_from(point).expect("the result is below the number of weights");
    }
    let point = scaled(word, u128::from(total));
    let mut end = 0;
    weights
        .iter()
        .position(|&weight| {
            end += weight;
            point < end
        })
        .expect("the point is below the sum of all weights")
}

const MILLION: f64 = 1_000_000.0;

/// A normally distributed number of standard deviations, at most 7.9 to either side.
fn normal(word: u64) -> f64 {
    inverse_normal(share(word))
}

/// Like [`unit`] with 49 bits: neighbours are then dozens of times further apart than the rounding
/// of [`inverse_normal`], which makes the samplers monotone without proof of the last bit.
fn share(word: u64) -> f64 {
    /// 2^-49.
    const STEP: f64 = 1.0 / 562_949_953_421_312.0;
    float((word >> 16) << 1 | 1) * STEP
}

/// The word scaled down to `0..width`, by multiplying and taking the upper half. `width` is at most
/// 2^64.
fn scaled(word: u64, width: u128) -> u64 {
    u64::try_from((u128::from(word) * width) >> 64).expect("width is at most 2^64")
}

/// The smallest count whose distribution function reaches `unit`.
fn poisson_by_search(unit: f64, mean: f64) -> u32 {
    let mut count = 0_u32;
    let mut term = exp(-mean);
    let mut sum = term;
    while sum < unit {
        count += 1;
        term = term * mean / f64::from(count);
        // Rounding may leave the full sum a little below 1: the search ends where it stands still
        // beyond the mean, on a count that no smaller unit exceeds.
        if sum + term <= sum && f64::from(count) > mean {
            return count;
        }
        sum += term;
    }
    count
}

/// The count at the normal quantile `z`, for means of at least 700.
///
/// Giles, "Algorithm 955: Approximation of the Inverse Poisson Cumulative Distribution Function",
/// ACM TOMS 42(1), 2016: the expansion called Q_N2.
fn poisson_by_expansion(z: f64, mean: f64) -> u32 {
    let root = mean.sqrt();
    let square = z * z;
    let first = (2.0 + square) / 6.0;
    let second = -z * (2.0 + square) / 72.0;
    let third = (square * (3.0 * square + 7.0) - 16.0) / 810.0;
    let count = mean + (root * z + (first + second / root + third / mean));
    u32::try_from(truncated(count)).unwrap_or(u32::MAX)
}

/// `exponent` on a grid of 2^-42 and between -64 and 64.
///
/// Neighbours on the grid differ by a thousand times the error of [`exp`]: monotone again. At
/// the bounds a span has long become zero or saturated.
fn notch(exponent: f64) -> f64 {
    /// Near this number (1.5 * 2^10) doubles are spaced 2^-42.
    const GRID: f64 = 1_536.0;
    (exponent.clamp(-64.0, 64.0) + GRID) - GRID
}

/// The span nearest to this many nanoseconds, saturating.
fn span(nanos: f64) -> Span {
    Span::from_nanos(whole(nanos))
}

/// The nearest whole number, saturating; halves go up.
fn whole(x: f64) -> u64 {
    truncated(x + 0.5)
}

/// The whole part, saturating; zero for what is negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast truncates and saturates, which is what is wanted"
)]
fn truncated(x: f64) -> u64 {
    x as u64
}

/// The nearest double.
#[expect(clippy::cast_precision_loss, reason = "beyond 2^53 the nearest double is good enough")]
fn float(whole: u64) -> f64 {
    whole as f64
}
