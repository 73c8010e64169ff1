//! Odds as exact fractions between never and always.
//!
//! A float would make "3 in 100" depend on rounding; two whole numbers do not. What is *not* here:
//! drawing. Whoever holds a random word compares it with the fraction.
//!
//! ```
//! use brownout_models::Ratio;
//!
//! let odds: Ratio = "0.5%".parse()?;
//! assert_eq!(Some(odds), Ratio::new(1, 200));
//! assert_eq!(odds.to_string(), "1/200");
//! # Ok::<(), brownout_models::ratio::RatioError>(())
//! ```

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Odds: a fraction from 0 (never) to 1 (always), kept in lowest terms.
///
/// Equal odds are equal values, however they were written.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ratio {
    num: u32,
    den: u32,
}

impl Ratio {
    /// Never.
    pub const ZERO: Self = Self { num: 0, den: 1 };
    /// Always.
    pub const ONE: Self = Self { num: 1, den: 1 };
    /// As often as not.
    pub const ONE_HALF: Self = Self { num: 1, den: 2 };
    /// A tenth of the times.
    pub const ONE_TENTH: Self = Self { num: 1, den: 10 };
    /// A fifth of the times.
    pub const ONE_FIFTH: Self = Self { num: 1, den: 5 };

    /// `num` in `den`; `None` when `den` is zero or `num` exceeds it.
    #[must_use]
    pub const fn new(num: u32, den: u32) -> Option<Self> {
        if den == 0 || num > den {
            return None;
        }
        let divisor = greatest_common_divisor(num, den);
        Some(Self { num: num / divisor, den: den / divisor })
    }

    /// The numerator in lowest terms.
    #[must_use]
    pub const fn num(self) -> u32 {
        self.num
    }

    /// The denominator in lowest terms, never zero.
    #[must_use]
    pub const fn den(self) -> u32 {
        self.den
    }

    /// Whether the odds are nil.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.num == 0
    }

    /// The odds of the opposite.
    #[must_use]
    pub const fn complement(self) -> Self {
        Self { num: self.den - self.num, den: self.den }
    }
}

/// Euclid's algorithm; `b` is not zero.
const fn greatest_common_divisor(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl Default for Ratio {
    /// Never.
    fn default() -> Self {
        Self::ZERO
    }
}

impl Ord for Ratio {
    fn cmp(&self, other: &Self) -> Ordering {
        let left = u64::from(self.num) * u64::from(other.den);
        left.cmp(&(u64::from(other.num) * u64::from(self.den)))
    }
}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Ratio {
    /// Writes whole percents as `3%` and everything else as a fraction, `1/2000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if 100 % self.den == 0 {
            f.pad(&format!("{}%", self.num * (100 / self.den)))
        } else {
            f.pad(&format!("{}/{}", self.num, self.den))
        }
    }
}

impl fmt::Debug for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not odds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RatioError {
    /// Neither a percentage nor a fraction.
    Shape(String),
    /// One with too many digits.
    TooFine(String),
    /// More than always.
    AboveOne(String),
}

impl fmt::Display for RatioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape(text) => write!(
                f,
                "`{text}` is not odds; write a percentage or a fraction, like `3%`, `0.5%` or \
                 `1/2000`"
            ),
            Self::TooFine(text) => write!(
                f,
                "`{text}` has too many digits for odds; as a fraction in lowest terms, both numbers \
                 must be below 2^32, like `1/4000000000`"
            ),
            Self::AboveOne(text) => write!(
                f,
                "`{text}` is more than always; odds go from `0%` for never to `100%` for always"
            ),
        }
    }
}

impl std::error::Error for RatioError {}

impl FromStr for Ratio {
    type Err = RatioError;

    /// Reads `3%`, `0.5%`, `3/100`, `0` and `1`, without spaces. Numerator and denominator must fit
    /// in 32 bits once in lowest terms.
    fn from_str(text: &str) -> Result<Self, RatioError> {
        let (num, den) = parse_fraction(text).ok_or_else(|| {
            let text = text.to_owned();
            if is_shaped(&text) { RatioError::TooFine(text) } else { RatioError::Shape(text) }
        })?;
        if num > den {
            return Err(RatioError::AboveOne(text.to_owned()));
        }
        lowest_terms(num, den).ok_or_else(|| RatioError::TooFine(text.to_owned()))
    }
}

/// Whether `text` is a percentage or a fraction, however long.
fn is_shaped(text: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    if let Some(percent) = text.strip_suffix('%') {
        let (whole, fraction) = percent.split_once('.').unwrap_or((percent, "0"));
        return is_number(whole) && is_number(fraction);
    }
    let (num, den) = text.split_once('/').unwrap_or((text, "1"));
    is_number(num) && is_number(den) && den.bytes().any(|digit| digit != b'0')
}

/// The fraction that `text` spells, not yet in lowest terms and possibly above one.
fn parse_fraction(text: &str) -> Option<(u64, u64)> {
    if let Some(percent) = text.strip_suffix('%') {
        let (whole, fraction) = match percent.split_once('.') {
            Some((whole, fraction)) => (digits(whole)?, fraction),
            None => (digits(percent)?, "0"),
        };
        let scale = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        let num = whole.checked_mul(scale)?.checked_add(digits(fraction)?)?;
        return Some((num, scale.checked_mul(100)?));
    }
    let (num, den) = text.split_once('/').unwrap_or((text, "1"));
    let den = digits(den)?;
    (den > 0).then_some((digits(num)?, den))
}

/// A number of plain digits: `u64::from_str` alone would take a sign.
fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn lowest_terms(num: u64, den: u64) -> Option<Ratio> {
    let (mut a, mut b) = (num, den);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    Ratio::new(u32::try_from(num / a).ok()?, u32::try_from(den / a).ok()?)
}

impl Serialize for Ratio {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_newtype_struct("Ratio", &(self.num, self.den))
        }
    }
}

impl<'de> Deserialize<'de> for Ratio {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Ratio;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("odds like \"3%\" or \"1/2000\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Ratio, E> {
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
    fn odds_with_too_many_digits_are_still_odds() {
        for text in ["0.0000000000000001%", "1/4294967296", "0.00000000000000000000000000001%"] {
            assert_eq!(text.parse::<Ratio>(), Err(RatioError::TooFine(text.to_owned())));
        }
        for text in ["%", "1/0", "1/", "/2", "1.5", "0.%", "often"] {
            assert_eq!(text.parse::<Ratio>(), Err(RatioError::Shape(text.to_owned())));
        }
    }

    #[test]
    fn odds_are_read_and_printed_in_lowest_terms() {
        for (text, num, den, printed) in [
            ("0", 0, 1, "0%"),
            ("1", 1, 1, "100%"),
            ("3%", 3, 100, "3%"),
            ("100%", 1, 1, "100%"),
            ("0.5%", 1, 200, "1/200"),
            ("12.50%", 1, 8, "1/8"),
            ("0.0001%", 1, 1_000_000, "1/1000000"),
            ("3/100", 3, 100, "3%"),
            ("30/1000", 3, 100, "3%"),
            ("1/2000", 1, 2000, "1/2000"),
            ("0/7", 0, 1, "0%"),
            ("8589934592/17179869184", 1, 2, "50%"),
        ] {
            let odds: Ratio = text.parse().unwrap();
            assert_eq!((odds.num(), odds.den()), (num, den), "{text}");
            assert_eq!(odds.to_string(), printed, "{text}");
            assert_eq!(printed.parse(), Ok(odds), "{text}");
        }
    }

    #[test]
    fn wrong_odds_are_refused_with_their_remedy() {
        for text in
            ["", "%", "3 %", "-1%", "+1%", ".5%", "1.%", "0.5", "1/0", "/2", "1/", "half", "1/2/3"]
        {
            assert_eq!(text.parse::<Ratio>(), Err(RatioError::Shape(text.to_owned())), "{text}");
        }
        for text in ["120%", "2", "100.1%", "3/2"] {
            assert_eq!(text.parse::<Ratio>(), Err(RatioError::AboveOne(text.to_owned())), "{text}");
        }
        assert_eq!(
            "0.5".parse::<Ratio>().unwrap_err().to_string(),
            "`0.5` is not odds; write a percentage or a fraction, like `3%`, `0.5%` or `1/2000`"
        );
    }

    #[test]
    fn odds_are_ordered_by_value_and_mirrored_by_complement() {
        let third = Ratio::new(1, 3).unwrap();
        let half = Ratio::new(2, 4).unwrap();
        assert!(Ratio::ZERO < third && third < half && half < Ratio::ONE);
        assert_eq!(third.complement(), Ratio::new(2, 3).unwrap());
        assert_eq!(Ratio::ONE.complement(), Ratio::ZERO);
        assert_eq!(Ratio::new(2, 1), None);
        assert_eq!(Ratio::new(0, 0), None);
    }

    #[test]
    fn a_file_spells_odds_as_text() {
        let odds: Ratio = ron::from_str("\"3%\"").unwrap();
        assert_eq!(ron::to_string(&odds).unwrap(), "\"3%\"");
        assert!(ron::from_str::<Ratio>("3").is_err());
        let error = ron::from_str::<Ratio>("\"3\"").unwrap_err();
        assert!(error.to_string().contains("`3` is more than always"), "{error}");
    }
}
