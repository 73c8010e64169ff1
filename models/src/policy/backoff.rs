//! Backoff: how long to wait between two attempts, and how much of that is left to chance.
//!
//! The guide's `backoff * time.Duration(1<<attempt)` (lines 503 and 685) doubles without jitter, so
//! that clients that fail together try again together, and without a cap (SC-5); the product wraps
//! in 64 bits, so that a wait can become no wait at all, 37 doublings of 100 ms being the first
//! (SC-6). `hardened` is AWS's standard mode: full jitter over doublings of one second, at most 20 s.
//!
//! A wait is two decisions. [`BackoffConfig::waits`] gives the range that the jitter leaves open; a
//! random word, or a choice, picks a wait within it. So the policy itself never draws.
//! What is *not* here: how many attempts there are; see [`Retry`](crate::policy::Retry).
//!
//! ```
//! use brownout_models::Span;
//! use brownout_models::policy::{BackoffConfig, Jitter};
//!
//! let backoff = BackoffConfig { jitter: Jitter::Equal, ..BackoffConfig::hardened() };
//! let (mut wait, mut previous) = (Span::ZERO, Span::ZERO);
//! for (retry, word) in (0..).zip([0, u64::MAX, 1 << 63]) { // from your own generator
//!     let drawn = backoff.waits(retry, previous).at(word);
//!     (wait, previous) = backoff.taken(previous, drawn);
//! }
//! assert_eq!(wait, Span::from_secs(3), "the middle of the third range, from 2 s to 4 s");
//! ```

mod decorrelated;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize, de};

pub use decorrelated::Curve;

use crate::profile::{Mistake, options};
use crate::{Factor, Ratio, Span, Timeout};

options! {
    /// How waits grow, and how much of them is chance.
    config BackoffConfig;
    /// A backoff as it is written; its base alone is enough: `"50ms"`.
    options BackoffOptions as "Backoff";
    {
        /// How waits grow from one retry to the next; exponentially.
        shape: BackoffShape = BackoffShape::Exponential;
        /// The wait before the first retry, ahead of jitter; 100 ms in the guide, 1 s hardened
        /// (AWS standard mode).
        base: Span = Span::from_millis(100), hardened Span::from_secs(1);
        /// How many times the wait before it an exponential wait is, 1 or more; 2. gRPC's connection
        /// backoff has 1.6, resilience4j 1.5.
        multiplier: Factor = Factor::from_thousandths(2_000);
        /// The longest wait ahead of jitter; `"never"` too long in the guide (SC-5), 20 s hardened
        /// (AWS standard mode).
        cap: Timeout = Timeout::Never, hardened Timeout::After(Span::from_secs(20));
        /// How much of a wait is chance; nothing in the guide (SC-5), all of it hardened: full jitter
        /// needs the fewest calls of all (Brooker, "Exponential backoff and jitter", 2015).
        jitter: Jitter = Jitter::Off, hardened Jitter::Full;
        /// What a product beyond 64 bits becomes; the guide's wraps around (SC-6).
        overflow: Overflow = Overflow::Wraps, hardened Overflow::Saturates;
    }
}

/// How waits grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackoffShape {
    /// Not at all: every wait is the base.
    Constant,
    /// By the base: once, twice, three times the base.
    Linear,
    /// By the multiplier: each is the one before times that, rounded down to a nanosecond.
    Exponential,
}

/// How much of a wait is chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Jitter {
    /// Nothing.
    Off,
    /// Anything from nothing to the whole wait (AWS, Envoy).
    Full,
    /// Half of the wait, and anything up to another half (AWS).
    Equal,
    /// From the base to three times the wait before, whatever the shape (AWS).
    Decorrelated,
    /// Such that the times of retries are spread evenly on a curve that doubles, whatever the shape:
    /// `DecorrelatedJitterBackoffV2` of Polly, which its `UseJitter` means for exponential waits. With
    /// `U` between 0 and 1 anew for each retry `i` from 0, and `f(t) = 2^t tanh(2 sqrt(t))`, the `i`-th
    /// wait is `(f(i + U) - f(the t before)) base / 1.4`, and the cap at most. Their medians are
    /// 0.9, 1.14, 2, 4, 8 .. times the base.
    DecorrelatedV2,
    /// The wait give or take this part of it, also above the cap: 20 % in gRPC, 25 % in Polly, 50 %
    /// in resilience4j.
    Proportional(Ratio),
}

/// What a product beyond 64 bits becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Overflow {
    /// What is left of it in a signed 64-bit integer, and no wait where that is negative: Go's.
    Wraps,
    /// The longest span there is, which the cap then cuts.
    Saturates,
}

/// The waits that a backoff leaves open, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Waits {
    /// The shortest.
    pub min: Span,
    /// The longest.
    pub max: Span,
    /// The wait without jitter; of a decorrelated one, which has none, the middle of the range, or
    /// of the random number. A run without weather waits this long.
    pub calm: Span,
    /// How likely which of them is.
    pub spread: Spread,
}

/// How likely each wait of a range is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Spread {
    /// As likely as any other.
    Even,
    /// As [`Jitter::DecorrelatedV2`] has it: ahead of the cap, after waits of this sum.
    Curve(Curve),
}

impl Waits {
    /// The only wait there is.
    #[must_use]
    pub const fn exactly(wait: Span) -> Self {
        Self { min: wait, max: wait, calm: wait, spread: Spread::Even }
    }

    /// The wait that a random word means, which is a longer one for a larger word; where the spread
    /// is even, every nanosecond of the range is equally likely.
    #[must_use]
    pub fn at(self, word: u64) -> Span {
        if let Spread::Curve(curve) = self.spread {
            return curve.wait(word);
        }
        let width = u128::from(self.max.as_nanos().saturating_sub(self.min.as_nanos())) + 1;
        let offset = (u128::from(word) * width) >> 64;
        self.min + Span::from_nanos(u64::try_from(offset).unwrap_or(u64::MAX))
    }

    /// A slot of time in which to choose a moment, and the calm one; [`within`](Self::within) says
    /// which wait a moment means. Of an even range it is the range itself, of a curve a second that
    /// stands for the random number.
    #[must_use]
    pub fn slot(self) -> (Span, Span) {
        match self.spread {
            Spread::Even => (self.max - self.min + Span::from_nanos(1), self.calm - self.min),
            Spread::Curve(_) => (Span::from_secs(1), Span::from_millis(500)),
        }
    }

    /// The wait that a moment within the [slot](Self::slot) means.
    #[must_use]
    pub fn within(self, moment: Span) -> Span {
        match self.spread {
            Spread::Even => self.min + moment,
            Spread::Curve(curve) => {
                let (slot, _) = self.slot();
                let word = (u128::from(moment.as_nanos()) << 64) / u128::from(slot.as_nanos());
                curve.wait(u64::try_from(word).unwrap_or(u64::MAX))
            }
        }
    }
}

impl BackoffConfig {
    /// Everything that makes no sense.
    #[must_use]
    pub fn mistakes(&self) -> Vec<Mistake> {
        let mut mistakes = Vec::new();
        if self.multiplier < Factor::ONE && self.shape == BackoffShape::Exponential {
            mistakes.push(Mistake::new(
                "multiplier",
                format!("a multiplier of {} makes waits shorter", self.multiplier),
                "expected 1 or more",
                "write `\"2\"` for waits that double",
            ));
        }
        if self.overflow == Overflow::Wraps
            && self.shape == BackoffShape::Exponential
            && self.multiplier.whole().is_none()
        {
            mistakes.push(Mistake::new(
                "multiplier",
                format!("a product with {} does not wrap", self.multiplier),
                "expected a whole multiplier",
                "write `overflow: Saturates` beside it",
            ));
        }
        if self.cap < Timeout::After(self.base) {
            mistakes.push(Mistake::new(
                "cap",
                format!("the cap of {} is below the base of {}", self.cap, self.base),
                "expected the base or more",
                "raise the cap, or lower the base",
            ));
        }
        if self.base.is_zero() && self.jitter != Jitter::Off {
            mistakes.push(Mistake::new(
                "base",
                "there is nothing to jitter in a wait of 0s",
                "expected a span longer than 0s",
                "write `jitter: Off` to try again at once",
            ));
        }
        mistakes
    }

    /// The wait before a retry ahead of jitter, at most the cap; the first retry is 0.
    #[must_use]
    pub fn ceiling(&self, retry: u32) -> Span {
        let base = self.base.as_nanos();
        let wait = match (self.shape, self.overflow) {
            (BackoffShape::Constant, _) => base,
            (BackoffShape::Linear, Overflow::Saturates) => {
                base.saturating_mul(u64::from(retry) + 1)
            }
            (BackoffShape::Linear, Overflow::Wraps) => {
                wrapped(base.wrapping_mul(u64::from(retry) + 1))
            }
            (BackoffShape::Exponential, Overflow::Wraps) => {
                let multiplier = u64::from(self.multiplier.whole().unwrap_or(1));
                wrapped(base.wrapping_mul(multiplier.wrapping_pow(retry)))
            }
            (BackoffShape::Exponential, Overflow::Saturates) => self.grown(retry),
        };
        let wait = Span::from_nanos(wait);
        self.cap.span().map_or(wait, |cap| wait.min(cap))
    }

    /// The range of waits before a retry, the first being 0, after a wait of `previous`, which only
    /// a decorrelated jitter looks at. It is what [`taken`](Self::taken) gave to remember, or zero.
    #[must_use]
    pub fn waits(&self, retry: u32, previous: Span) -> Waits {
        let calm = self.ceiling(retry);
        let nanos = calm.as_nanos();
        let (min, max) = match self.jitter {
            Jitter::Off => (calm, calm),
            Jitter::Full => (Span::ZERO, calm),
            Jitter::Equal => (Span::from_nanos(nanos / 2), calm),
            Jitter::Proportional(part) => {
                let part = u128::from(nanos) * u128::from(part.num()) / u128::from(part.den());
                let part = Span::from_nanos(u64::try_from(part).unwrap_or(u64::MAX));
                (calm - part, calm + part)
            }
            Jitter::Decorrelated => return self.decorrelated(previous),
            Jitter::DecorrelatedV2 => return Curve::new(self.base, retry, previous).waits(),
        };
        Waits { min, max, calm, spread: Spread::Even }
    }

    /// How long to wait where `drawn` was drawn from a range, and what to remember as `previous` for
    /// the next one: the wait, or of [`Jitter::DecorrelatedV2`] the sum of waits ahead of the cap.
    #[must_use]
    pub fn taken(&self, previous: Span, drawn: Span) -> (Span, Span) {
        match self.jitter {
            Jitter::Off
            | Jitter::Full
            | Jitter::Equal
            | Jitter::Decorrelated
            | Jitter::Proportional(_) => (drawn, drawn),
            Jitter::DecorrelatedV2 => {
                let wait = self.cap.span().map_or(drawn, |cap| drawn.min(cap));
                (wait, previous + drawn)
            }
        }
    }

    fn decorrelated(&self, previous: Span) -> Waits {
        let max = previous.max(self.base).times(3);
        let max = self.cap.span().map_or(max, |cap| max.min(cap)).max(self.base);
        let middle = self.base.as_nanos() + (max - self.base).as_nanos() / 2;
        let calm = Span::from_nanos(middle);
        Waits { min: self.base, max, calm, spread: Spread::Even }
    }

    /// Step by step, as each is rounded; it ends where nothing grows any more.
    fn grown(&self, retry: u32) -> u64 {
        let mut wait = self.base.as_nanos();
        for _ in 0..retry {
            let next = self.multiplier.of(wait);
            if next == wait {
                break;
            }
            wait = next;
        }
        wait
    }
}

/// A signed product: where it is negative, Go's sleep returns at once.
const fn wrapped(product: u64) -> u64 {
    if product < 1 << 63 { product } else { 0 }
}

/// Reads a backoff, or its base alone.
pub(crate) fn backoff_or_base<'de, D>(deserializer: D) -> Result<BackoffOptions, D::Error>
where
    D: de::Deserializer<'de>,
{
    struct Either;
    impl<'de> de::Visitor<'de> for Either {
        type Value = BackoffOptions;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a span of time like \"100ms\", or a backoff like (base: \"100ms\")")
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<BackoffOptions, E> {
            let base = Some(text.parse().map_err(E::custom)?);
            Ok(BackoffOptions { base, ..BackoffOptions::default() })
        }
        fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<BackoffOptions, A::Error> {
            BackoffOptions::deserialize(de::value::MapAccessDeserializer::new(map))
        }
    }
    deserializer.deserialize_any(Either)
}

/// The guide's waits of `base`, twice, four times `base`, ...
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
        BackoffConfig { base: self.base, ..BackoffConfig::guide() }.ceiling(attempt_index)
    }
}
