//! Virtual time: instants and spans in whole nanoseconds.
//!
//! Arithmetic saturates: a deadline computed from an enormous timeout is [`Time::NEVER`], never a
//! wrapped instant in the past.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An instant: nanoseconds since the start of the run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(u64);

/// A length of time in nanoseconds, never negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(u64);

impl Time {
    /// The start of every run.
    pub const ZERO: Self = Self(0);
    /// Later than every instant of a run.
    pub const NEVER: Self = Self(u64::MAX);

    /// The instant `nanos` nanoseconds after the start.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the start.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whether this is `deadline` or later; what is due [`NEVER`](Self::NEVER) is never due.
    #[must_use]
    pub const fn reaches(self, deadline: Self) -> bool {
        self.0 >= deadline.0 && deadline.0 != Self::NEVER.0
    }

    /// How long ago `earlier` was; zero when it lies in the future.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest span; added to any instant it gives [`Time::NEVER`].
    pub const MAX: Self = Self(u64::MAX);

    /// A span of `nanos` nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// A span of `micros` microseconds, saturating.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros.saturating_mul(1_000))
    }

    /// A span of `millis` milliseconds, saturating.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// A span of `secs` seconds, saturating.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// Length in nanoseconds.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whether it is no time at all.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// This span `times` times over, saturating.
    #[must_use]
    pub const fn times(self, times: u64) -> Self {
        Self(self.0.saturating_mul(times))
    }
}

impl Add<Span> for Time {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Span> for Time {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Span {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// The units that a span is written in, largest first.
const UNITS: [(&str, u64); 6] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

impl fmt::Display for Span {
    /// Writes the span in the largest unit from seconds down that keeps it readable: `1.5s`, `250ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::MAX {
            return f.pad("never");
        }
        let (unit, size) = UNITS[2..]
            .iter()
            .find(|(_, size)| self.0 >= *size)
            .copied()
            .unwrap_or(if self.0 == 0 { UNITS[2] } else { UNITS[5] });
        let (whole, rest) = (self.0 / size, self.0 % size);
        if rest == 0 {
            return f.pad(&format!("{whole}{unit}"));
        }
        let digits = match size {
            1_000_000_000 => 9,
            1_000_000 => 6,
            _ => 3,
        };
        let fraction = format!("{rest:0digits$}");
        f.pad(&format!("{whole}.{}{unit}", fraction.trim_end_matches('0')))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Span(self.0).fmt(f)
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not a span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanError {
    text: String,
    flaw: Flaw,
}

/// What is wrong with the text of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    Shape,
    TooLong,
    TooFine,
}

impl SpanError {
    /// Whether the text has the form of a span, of one that there is not.
    #[must_use]
    pub const fn is_out_of_range(&self) -> bool {
        !matches!(self.flaw, Flaw::Shape)
    }
}

impl fmt::Display for SpanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = &self.text;
        match self.flaw {
            Flaw::Shape => write!(
                f,
                "`{text}` is not a span of time; write a number and, without a blank, a unit (ns, us, \
                 ms, s, m, h), like `250ms` or `1.5s`"
            ),
            Flaw::TooLong => {
                write!(f, "`{text}` is out of range; write a span of at most `2562047h`, 292 years")
            }
            Flaw::TooFine => {
                write!(
                    f,
                    "`{text}` is finer than a nanosecond; write whole nanoseconds, like `1ns`"
                )
            }
        }
    }
}

impl std::error::Error for SpanError {}

impl FromStr for Span {
    type Err = SpanError;

    /// Reads `250ms`, `1.5s`, `10m`: a decimal number directly followed by its unit. The value must
    /// be a whole number of nanoseconds below 2^63.
    fn from_str(text: &str) -> Result<Self, SpanError> {
        parse_span(text).map_err(|flaw| SpanError { text: text.to_owned(), flaw })
    }
}

fn parse_span(text: &str) -> Result<Span, Flaw> {
    /// What is finer than 10^-12 of an hour is finer than a nanosecond.
    const DECIMALS_MAX: usize = 12;
    let is_part = |c: char| c == '.' || c.is_ascii_digit();
    let digits_end = text.find(|c| !is_part(c)).ok_or(Flaw::Shape)?;
    let (number, unit) = text.split_at(digits_end);
    let (_, size) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(Flaw::Shape)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.contains('.') {
        return Err(Flaw::Shape);
    }
    if fraction.len() > DECIMALS_MAX {
        return Err(Flaw::TooFine);
    }
    let scale = fraction.bytes().fold(1_u128, |scale, _| scale * 10);
    let part = fraction.parse::<u128>().map_err(|_| Flaw::Shape)? * u128::from(*size);
    if !part.is_multiple_of(scale) {
        return Err(Flaw::TooFine);
    }
    let whole = whole.parse::<u64>().map_err(|_| Flaw::TooLong)?;
    let nanos = u128::from(whole) * u128::from(*size) + part / scale;
    let nanos = u64::try_from(nanos).map_err(|_| Flaw::TooLong)?;
    if nanos < 1 << 63 { Ok(Span(nanos)) } else { Err(Flaw::TooLong) }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_newtype_struct("Span", &self.0)
        }
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_newtype_struct("Time", &self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Span;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a span of time like \"250ms\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
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
    fn a_span_that_there_is_not_says_why() {
        for (text, expected) in [
            ("10000000h", "is out of range"),
            ("9223372036854775808ns", "is out of range"),
            ("99999999999999999999999s", "is out of range"),
            ("0.5ns", "is finer than a nanosecond"),
            ("1.00000000000001s", "is finer than a nanosecond"),
            ("8sec", "is not a span of time"),
            ("8 ms", "is not a span of time"),
            ("1.2.3s", "is not a span of time"),
            (".5s", "is not a span of time"),
            ("5.s", "is not a span of time"),
        ] {
            let error = text.parse::<Span>().unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
            assert_eq!(error.is_out_of_range(), !expected.contains("not a span"), "{text}");
        }
        assert_eq!("2562047h".parse(), Ok(Span::from_nanos(2_562_047 * 3_600_000_000_000)));
    }

    #[test]
    fn spans_read_back_what_they_print() {
        for nanos in
            [0, 1, 999, 1_000, 1_500, 250_000_000, 1_500_000_000, 61_000_000_000, 17_400_000_001]
        {
            let span = Span::from_nanos(nanos);
            assert_eq!(span.to_string().parse(), Ok(span), "{span}");
        }
    }

    #[test]
    fn a_span_is_written_in_its_largest_unit_up_to_seconds() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "1ns"),
            (999, "999ns"),
            (1_000, "1us"),
            (1_001, "1.001us"),
            (999_999, "999.999us"),
            (1_000_000, "1ms"),
            (1_000_001, "1.000001ms"),
            (250_500_000, "250.5ms"),
            (1_000_000_000, "1s"),
            (1_000_000_001, "1.000000001s"),
            (90_000_000_000, "90s"),
            (u64::MAX - 1, "18446744073.709551614s"),
            (u64::MAX, "never"),
        ] {
            assert_eq!(Span::from_nanos(nanos).to_string(), text);
            assert_eq!(Time::from_nanos(nanos).to_string(), text);
        }
        assert_eq!(Span::from_micros(7), Span::from_nanos(7_000));
        assert_eq!(Span::from_micros(u64::MAX), Span::MAX);
    }

    #[test]
    fn wrong_spans_are_refused() {
        for text in
            ["", "5", "ms", "5 ms", "-1s", "1.s", ".5s", "1.5ns", "5min", "99999999999h", "1..5s"]
        {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_span_has_at_most_twelve_decimals_and_sixty_three_bits() {
        let nanos = |text: &str| text.parse::<Span>().ok().map(Span::as_nanos);
        assert_eq!(nanos("1.500000000000s"), Some(1_500_000_000));
        assert_eq!(nanos("1.5000000000000s"), None);
        assert_eq!(nanos("1.50000000000000s"), None);
        assert_eq!(nanos("9223372036854775807ns"), Some((1 << 63) - 1));
        assert_eq!(nanos("9223372036854775808ns"), None);
    }

    #[test]
    fn time_saturates_at_never() {
        assert_eq!(Time::from_nanos(5) + Span::MAX, Time::NEVER);
        assert_eq!(Time::from_nanos(5).since(Time::from_nanos(9)), Span::ZERO);
    }
}
