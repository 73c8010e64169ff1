//! Exponential backoff: the wait doubles after every failed attempt.
//!
//! Follows the guide's `backoff * time.Duration(1<<attempt)` (lines 503 and 685): no jitter, so
//! clients that fail together try again together, and no cap (SC-5); the product wraps in 64 bits,
//! so a wait can become no wait at all, 37 doublings of 100 ms being the first (SC-6).
//!
//! What is *not* here: how many attempts there are, which the sidecar and the broker count apart.
//!
//! ```
//! use brownout_models::Span;
//! use brownout_models::policy::Backoff;
//!
//! let backoff = Backoff::default();
//! assert_eq!([0, 1, 2].map(|index| backoff.delay(index)), [100, 200, 400].map(Span::from_millis));
//! ```

use serde::{Deserialize, Serialize};

use crate::Span;

/// Waits of `base`, twice, four times `base`, ...
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Backoff {
    /// The wait after the first attempt; 100 ms.
    pub base: Span,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { base: Span::from_millis(100) }
    }
}

impl Backoff {
    /// The wait after the attempt of this index, the first being 0. Where the guide's product is
    /// negative its sleep returns at once, so the wait is zero.
    #[must_use]
    pub fn delay(self, attempt_index: u32) -> Span {
        // Go's shift by 64 or more is 0, not a fault.
        let factor = 1_u64.checked_shl(attempt_index).unwrap_or(0);
        let product = self.base.as_nanos().wrapping_mul(factor);
        Span::from_nanos(if product < 1 << 63 { product } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_wraps_as_the_guide_does() {
        let backoff = Backoff::default();
        assert_eq!(backoff.delay(36).as_nanos(), 100_000_000 << 36);
        for at_once in [37, 64, u32::MAX] {
            assert_eq!(backoff.delay(at_once), Span::ZERO, "{at_once}");
        }
    }
}
