//! Factors with three decimals: the multiplier of a backoff, the token ratio of a retry throttle.
//!
//! gRPC's service configuration counts ratios in thousandths, and so does this: exact, and without
//! floats. What is *not* here: odds, which end at one; see [`Ratio`](crate::Ratio).
//!
//! ```
//! use brownout_models::Factor;
//!
//! let factor: Factor = "1.6".parse()?;
//! assert_eq!(factor, Factor::from_thousandths(1_600));
//! assert_eq!(factor.of(50), 80);
//! # Ok::<(), brownout_models::factor::FactorError>(())
//! ```

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A nonnegative number with at most three decimals, written as text: `"1.6"`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Factor(u32);

impl Factor {
    /// One: it changes nothing.
    pub const ONE: Self = Self(1_000);

    /// `thousandths` / 1,000.
    #[must_use]
    pub const fn from_thousandths(thousandths: u32) -> Self {
        Self(thousandths)
    }

    /// The factor in thousandths.
    #[must_use]
    pub const fn as_thousandths(self) -> u32 {
        self.0
    }

    /// The factor where it is a whole number.
    #[must_use]
    pub const fn whole(self) -> Option<u32> {
        if self.0.is_multiple_of(1_000) { Some(self.0 / 1_000) } else { None }
    }

    /// `number` times this, rounded down, saturating.
    #[must_use]
    pub fn of(self, number: u64) -> u64 {
        let product = u128::from(number) * u128::from(self.0) / 1_000;
        u64::try_from(product).unwrap_or(u64::MAX)
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1_000, self.0 % 1_000);
        if rest == 0 {
            return f.pad(&whole.to_string());
        }
        f.pad(format!("{whole}.{rest:03}").trim_end_matches('0'))
    }
}

impl fmt::Debug for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not a factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactorError {
    text: String,
}

impl fmt::Display for FactorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = &self.text;
        write!(f, "`{text}` is not a factor; write a number with up to three decimals, like `1.6`")
    }
}

impl std::error::Error for FactorError {}

impl FromStr for Factor {
    type Err = FactorError;

    /// Reads `2`, `1.6`, `0.125`.
    fn from_str(text: &str) -> Result<Self, FactorError> {
        parse(text).map(Self).ok_or_else(|| FactorError { text: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || fraction.len() > 3 {
        return None;
    }
    let thousandths: u32 = format!("{fraction:0<3}").parse().ok()?;
    whole.parse::<u32>().ok()?.checked_mul(1_000)?.checked_add(thousandths)
}

impl Serialize for Factor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_newtype_struct("Factor", &self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Factor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Factor;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a factor like \"1.6\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Factor, E> {
                text.parse().map_err(E::custom)
            }
        }
        // Any value, lest a number be told to put itself in quotes.
        deserializer.deserialize_any(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_read_back_what_they_print() {
        for (text, thousandths, printed) in [
            ("0", 0, "0"),
            ("2", 2_000, "2"),
            ("1.6", 1_600, "1.6"),
            ("1.60", 1_600, "1.6"),
            ("0.125", 125, "0.125"),
            ("10.001", 10_001, "10.001"),
        ] {
            let factor: Factor = text.parse().unwrap();
            assert_eq!(factor.as_thousandths(), thousandths, "{text}");
            assert_eq!(factor.to_string(), printed);
            assert_eq!(printed.parse(), Ok(factor));
        }
        for text in ["", ".", "1.", ".5", "-1", "+1", "1.2345", "1e3", "4294967.296", "1.2.3"] {
            assert!(text.parse::<Factor>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_product_rounds_down_and_saturates() {
        let factor = Factor::from_thousandths(1_500);
        assert_eq!([0, 1, 2, 3].map(|number| factor.of(number)), [0, 1, 3, 4]);
        assert_eq!(factor.of(u64::MAX), u64::MAX);
        assert_eq!(Factor::ONE.of(u64::MAX), u64::MAX);
        assert_eq!(Factor::ONE.whole(), Some(1));
        assert_eq!(factor.whole(), None);
    }
}
