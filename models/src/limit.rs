//! Limits that may be absent, with a word for that.
//!
//! An option that could be an `Option` could be left out, but never switched off again; these can.
//! What is *not* here: what happens at a limit.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Span, Time};

/// The most that something may take: a span like `"300ms"`, or `"never"` where it never ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timeout {
    /// At most this long.
    After(Span),
    /// For ever.
    Never,
}

impl Timeout {
    /// The span, where there is one.
    #[must_use]
    pub const fn span(self) -> Option<Span> {
        match self {
            Self::After(span) => Some(span),
            Self::Never => None,
        }
    }

    /// When it is over for what begins `now`; [`Time::NEVER`] where it never is.
    #[must_use]
    pub fn from(self, now: Time) -> Time {
        self.span().map_or(Time::NEVER, |span| now + span)
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(span) => span.fmt(f),
            Self::Never => f.pad("never"),
        }
    }
}

impl Serialize for Timeout {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.span().serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Timeout {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Timeout;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a span of time like \"250ms\", or \"never\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timeout, E> {
                match text {
                    "never" => Ok(Timeout::Never),
                    _ => text.parse().map(Timeout::After).map_err(E::custom),
                }
            }
        }
        // Any value, lest a number be told to put itself in quotes.
        deserializer.deserialize_any(Text)
    }
}

/// How many are kept: `AtMost(2000)`, or `Unbounded`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Capacity {
    /// All of them, for ever.
    Unbounded,
    /// This many.
    AtMost(u32),
}

impl Capacity {
    /// Whether one more fits beside this many.
    #[must_use]
    pub const fn has_room_beside(self, kept: usize) -> bool {
        match self {
            Self::Unbounded => true,
            Self::AtMost(most) => kept < most as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_a_span_or_the_word_never() {
        let read = |text: &str| ron::from_str::<Timeout>(text);
        assert_eq!(read("\"300ms\"").unwrap(), Timeout::After(Span::from_millis(300)));
        assert_eq!(read("\"never\"").unwrap(), Timeout::Never);
        assert!(read("300").is_err());
        assert!(read("\"soon\"").is_err());
        for timeout in [Timeout::Never, Timeout::After(Span::from_millis(5))] {
            assert_eq!(read(&ron::to_string(&timeout).unwrap()).unwrap(), timeout);
        }
        assert_eq!(Timeout::Never.from(Time::from_nanos(5)), Time::NEVER);
        let after = Timeout::After(Span::from_nanos(2));
        assert_eq!(after.from(Time::from_nanos(5)), Time::from_nanos(7));
        assert!(after < Timeout::Never);
    }

    #[test]
    fn a_capacity_is_full_when_that_many_are_kept() {
        assert!(Capacity::AtMost(2).has_room_beside(1));
        assert!(!Capacity::AtMost(2).has_room_beside(2));
        assert!(Capacity::Unbounded.has_room_beside(usize::MAX));
    }
}
