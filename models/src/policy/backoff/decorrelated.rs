//! The curve of Polly's decorrelated jitter, in whole numbers, so that it is the same everywhere.
//!
//! `f(t) = 2^t tanh(2 sqrt(t))`, and `tanh(x) = (1 - e^-2x) / (1 + e^-2x)`, so it takes powers of two and a
//! root: `e^-4 sqrt(t) = 2^-(4 log2(e) sqrt(t))`. Times `t` have 32 binary places, and everything else 62;
//! the result is off by less than a part in 10^8 of `2^t`.

use serde::Serialize;

use super::{Spread, Waits};
use crate::Span;

/// The waits before one retry, after waits of a certain sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Curve {
    base: Span,
    retry: u32,
    /// The sum of the waits before, which is where on the curve the last retry was.
    sum: Span,
}

impl Curve {
    pub(super) const fn new(base: Span, retry: u32, sum: Span) -> Self {
        Self { base, retry, sum }
    }

    pub(super) fn waits(self) -> Waits {
        let whole = u64::from(self.retry) << 32;
        let at = |part: u64| self.until(whole.saturating_add(part));
        let (min, calm, max) = (at(0), at(1 << 31), at(1 << 32));
        Waits { min, max, calm, spread: Spread::Curve(self) }
    }

    /// The wait that a random word means.
    pub(super) fn wait(self, word: u64) -> Span {
        self.until((u64::from(self.retry) << 32) + (word >> 32))
    }

    /// From the last retry to the one at `t`, with 32 binary places. Where the curve leaves 64 bits
    /// there is only the longest span.
    fn until(self, t: u64) -> Span {
        match height(self.base.as_nanos(), t) {
            Some(height) => Span::from_nanos(height) - self.sum,
            None => Span::MAX,
        }
    }
}

/// One, with 62 binary places.
const ONE: u128 = 1 << 62;
/// log2(e), with 32 binary places: 1.442695040889 * 2^32, rounded.
const LOG2_E: u128 = 6_196_328_019;

/// `f(t) base / 1.4` in nanoseconds, rounded down, where that fits.
fn height(base: u64, t: u64) -> Option<u64> {
    let (whole, part) = (u32::try_from(t >> 32).ok()?, low(t.into()));
    let root = (u128::from(t) << 32).isqrt();
    let exponent = (4 * root * LOG2_E) >> 32;
    let decay = (ONE * ONE / power(low(exponent))) >> u32::try_from(exponent >> 32).ok()?.min(127);
    let tanh = (ONE - decay) * ONE / (ONE + decay);
    // 1 / 1.4 is 5 / 7. Below 2, so that the base times it is below 2^127.
    let factor = ((power(part) * tanh) >> 62) * 5 / 7;
    let nanos = (u128::from(base) * factor) >> 62_u32.checked_sub(whole)?;
    u64::try_from(nanos).ok()
}

/// The places behind the point.
fn low(number: u128) -> u32 {
    u32::try_from(number & u128::from(u32::MAX)).unwrap_or(u32::MAX)
}

/// 2 to the power of `part` / 2^32, from 1 to 2: the product of the roots of two that its bits stand for.
fn power(part: u32) -> u128 {
    let (mut root, mut product) = (2 * ONE, ONE);
    for bit in (0..32).rev() {
        root = (root * ONE).isqrt();
        if part >> bit & 1 == 1 {
            product = (product * root) >> 62;
        }
    }
    product
}
